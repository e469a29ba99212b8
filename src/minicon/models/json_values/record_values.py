"""What the fields of a record may hold: checked once, where records are read.

Everything behind that border relies on it: texts are texts, sizes and times can be counted with,
and whatever a channel adds can be written as JSON again.
"""

from __future__ import annotations

from minicon.errors import SpecError
from minicon.models.json_values.strict_json import is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: Larger than any file.
_LARGEST_SIZE = 1 << 60
#: The last millisecond of the year 9999, which is the last that calendars know.
_LATEST = 253_402_300_799_999
_SIMPLE = frozenset({str, int, bool, type(None)})
#: Of records of environments, which can be long: see prefix_record.py.
_CHECKED_ELSEWHERE = frozenset({"files", "paths_data"})


def check_record_values(data: Mapping[str, Any], fn: str) -> None:
    """Refuse a record in which something is not what its name says. About 3 µs.

    Args:
        data: The record's JSON object.
        fn: Its file name.

    Raises:
        SpecError: ``invalid-record``.
    """
    for key, value in data.items():
        kind = type(value)
        # Nearly all values are of these three kinds, and this is asked of every record.
        if kind is str:
            good = key not in _NEVER_TEXT
        elif kind is list and set(map(type, value)) <= _TEXT:
            good = key not in _NEVER_TEXTS
        elif value is None or key in _CHECKED_ELSEWHERE:
            continue
        else:
            good = _CHECKS[key](value) if key in _CHECKS else is_plain(value)
        if not good:
            raise SpecError(
                "invalid-record",
                f"the record of {fn[:120]!r} has the {key[:40]} {_shown(value)}, which is none",
                hint="tell the owner of the channel",
            )


def _is_never(value: object) -> bool:  # noqa: ARG001 - texts, and lists of them, were let through
    return False


def _are_groups(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(key, str) and isinstance(texts, list) and set(map(type, texts)) <= _TEXT
        for key, texts in value.items()
    )


def _is_kind(value: object) -> bool:
    return isinstance(value, bool)


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < _LARGEST_SIZE


def _is_moment(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= _LATEST  # type: ignore[operator]


_TEXT = {str}
_LISTS = ("depends", "constrains", "requires_dist")
#: Lists of words; older records have them as one text.
_WORDS = ("track_features", "features", "flags")
_TEXTS = ("md5", "sha256", "noarch", "python_site_packages_path")
_NUMBERS = {"size": _is_size, "timestamp": _is_moment, "indexed_timestamp": _is_moment}
_GROUPS = {"extra_depends": _are_groups, "extra-depends": _are_groups}
_NEVER_TEXT = frozenset((*_LISTS, *_NUMBERS, *_GROUPS))
_NEVER_TEXTS = frozenset((*_TEXTS, *_NUMBERS, *_GROUPS))
_CHECKS = {
    **dict.fromkeys((*_LISTS, *_WORDS, *_TEXTS), _is_never),
    **_NUMBERS,
    **_GROUPS,
    "noarch": _is_kind,
}


def _shown(value: object) -> str:
    """The beginning of a value; of one that is large or no JSON, its kind."""
    return (
        f"{value!r:.40}" if type(value) in _SIMPLE or type(value) is float else type(value).__name__
    )
