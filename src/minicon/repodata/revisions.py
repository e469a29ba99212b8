"""What a channel has in newer forms than this version reads (CEP 48), in words."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from minicon.models.record_index import RecordIndex

#: The newest form that is read.
_NEWEST = "v3"
_LONGEST_MESSAGE = 500


def unread_revisions(index: RecordIndex) -> Iterator[str]:
    """One sentence for each form in ``info.repodata_revisions`` that is not read."""
    info: Mapping[str, Any] = getattr(index, "info", {})
    revisions = info.get("repodata_revisions")
    for name, about in revisions.items() if isinstance(revisions, dict) else ():
        if name != _NEWEST:
            yield f"{index.channel}/{index.subdir} {_text(name, about)}"


def _text(name: str, about: object) -> str:
    known = about if isinstance(about, dict) else {}
    count, message = known.get("n_packages"), known.get("message")
    packages = f"{count} packages" if isinstance(count, int) else "packages"
    text = f"has {packages} in the form {name[:20]}, which needs a newer minicon"
    return f"{text}: {message[:_LONGEST_MESSAGE]}" if isinstance(message, str) else text
