"""HTTP's own rules of what may be kept and for how long (RFC 9111), as far as indexes need them."""

from __future__ import annotations

import re

from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.repodata.cache import SubdirState

#: However long a server wants its index to be kept: a day later it is asked again.
LONGEST_AGE = 86_400.0
_MAX_AGE = lazy_pattern(r"max-age\s*=\s*\"?(\d{1,12})", re.IGNORECASE)


def max_age_of(headers: Mapping[str, str]) -> float:
    """Seconds for which an answer may be believed without asking again; 0 where it says none."""
    text = headers.get("cache-control", "")
    if re.search(r"no-store|no-cache", text, re.IGNORECASE):
        return 0.0
    found = _MAX_AGE.search(text)
    return min(float(found.group(1)), LONGEST_AGE) if found else 0.0


def condition_for(state: SubdirState | None) -> dict[str, str]:
    """Headers that make the server answer 304 if nothing has changed since."""
    if state is None:
        return {}
    headers = {}
    if state.etag:
        headers["If-None-Match"] = state.etag
    if state.last_modified and not state.etag:
        headers["If-Modified-Since"] = state.last_modified
    return headers
