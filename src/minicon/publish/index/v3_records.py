"""Records that older clients cannot read, and thus are in the ``v3`` section only (CEP 48).

These are records with conditions (CEP 43), extras (CEP 44) or flags (CEP 45), and those whose
package says so itself, by ``schema_version``.
"""

from __future__ import annotations

from minicon.errors import SpecError
from minicon.models.match_spec.spec import parse_dependency

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_FIRST_V3 = 3
_LISTS = ("depends", "constrains")
_NEW_FIELDS = ("when=", "extras=", "flags=")


def needs_v3(record: Mapping[str, Any]) -> bool:
    """Whether a record must not be in the sections that older clients read."""
    version = record.get("schema_version")
    if isinstance(version, int) and version >= _FIRST_V3:
        return True
    if record.get("extra_depends") or record.get("flags"):
        return True
    texts = (text for key in _LISTS for text in record.get(key) or ())
    return any(field in text for text in texts if "[" in text for field in _NEW_FIELDS)


def bracketed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record whose dependencies are written as CEP 48 requires: ``name[key="value"]``."""
    new = dict(record)
    for key in _LISTS:
        if new.get(key):
            new[key] = [bracketed_spec(text) for text in new[key]]
    extras = new.get("extra_depends")
    if isinstance(extras, dict):
        new["extra_depends"] = {
            group: [bracketed_spec(text) for text in texts] for group, texts in extras.items()
        }
    return new


def bracketed_spec(text: str) -> str:
    """Write a dependency with all fields in brackets; one that cannot be parsed stays as it is."""
    try:
        spec = parse_dependency(text)
    except SpecError:
        return text
    return spec.in_brackets()
