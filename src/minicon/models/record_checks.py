"""Validation of records at the border, before anything uses them (CEP 26).

Records come from channels, caches, lock files and other tools. Code that gets a checked record
relies on it: strings are strings, sizes and times are numbers in range, everything can be written
as JSON. Names, versions, builds and file names become parts of paths in the package cache and in
``conda-meta``, so nothing that could be a path is accepted (CVE-2026-53956).
"""

from __future__ import annotations

import re
from functools import lru_cache

from minicon.constants import PACKAGE_EXTENSIONS, WHEEL_EXTENSION
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_names import MAX_LENGTH, PACKAGE_NAME
from minicon.models.strict_json import is_plain
from minicon.models.subdir import KNOWN_SUBDIRS, check_subdir
from minicon.models.version import version_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

#: Longest file name.
MAX_FILE_NAME = 255

# All patterns end in \Z: $ would accept a trailing newline.
_VERSION = lazy_pattern(r"[A-Za-z0-9_](?:[A-Za-z0-9_.!+\-]*[A-Za-z0-9_\-])?\Z")
_BUILD = lazy_pattern(r"[A-Za-z0-9_.+\-]*\Z")
_FILE_NAME = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.!+\-]*\Z")
_DEVICES = lazy_pattern(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?\Z", re.IGNORECASE)
_EXTENSIONS = (*PACKAGE_EXTENSIONS, WHEEL_EXTENSION)

#: Larger than any file.
_LARGEST_SIZE = 1 << 60
#: The last millisecond of the year 9999, which is the last that calendars support.
_LATEST = 253_402_300_799_999
_SIMPLE = frozenset({str, int, bool, type(None)})
#: Long values of records of environments: prefix_record.py checks them when they are used.
_CHECKED_ELSEWHERE = frozenset({"files", "paths_data"})


def check_record_fields(data: Mapping[str, Any], *, fn: str, subdir: str | None = None) -> None:
    """Refuse a record whose strings could be paths, or whose version is invalid. About 3 µs.

    Args:
        data: The record's JSON object.
        fn: Its file name, the key in repodata.
        subdir: The subdir that the record was found in; None accepts the record's own.

    Raises:
        SpecError: ``invalid-record``; callers that read a channel re-raise it as RepodataError.
    """
    name, version = data.get("name"), data.get("version")
    build = data.get("build", data.get("build_string", "")) or data.get("build_string", "")
    _check("name", name, _is_name, fn)
    _check("version", version, _is_version, fn)
    _check("build", build, _is_build, fn)
    good = len(fn) <= MAX_FILE_NAME and fn.endswith(_EXTENSIONS)
    if not good or not _FILE_NAME.match(fn) or _DEVICES.match(fn):
        raise _refused("file name", fn, fn)
    own = data.get("subdir") or subdir
    if own is not None:
        if not isinstance(own, str) or (subdir is not None and own != subdir):
            raise _refused("subdir", own, fn)
        if own not in KNOWN_SUBDIRS:
            check_subdir(own)
    number = data.get("build_number", 0)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**63:
        raise _refused("build number", number, fn)


def split_file_name(fn: str) -> tuple[str, str, str]:
    """Name, version and build of ``name-version-build.conda`` (or ``.tar.bz2``).

    Raises:
        SpecError: ``invalid-record``.
    """
    stem = fn.removesuffix(PACKAGE_EXTENSIONS[0]).removesuffix(PACKAGE_EXTENSIONS[1])
    parts = stem.rsplit("-", 2)
    if len(parts) != 3 or stem == fn or not all(parts):
        raise _refused("file name", fn, fn)
    name, version, build = parts
    check_record_fields({"name": name, "version": version, "build": build}, fn=fn)
    return name, version, build


def check_record_values(data: Mapping[str, Any], fn: str) -> None:
    """Refuse a record in which a value has the wrong type for its key. About 3 µs.

    Args:
        data: The record's JSON object.
        fn: Its file name.

    Raises:
        SpecError: ``invalid-record``.
    """
    for key, value in data.items():
        kind = type(value)
        # Nearly all values are of these three kinds, and every record is checked.
        if kind is str:
            good = key not in _NEVER_TEXT
        elif kind is list and set(map(type, value)) <= _TEXT:
            good = key not in _NEVER_TEXTS
        elif value is None or key in _CHECKED_ELSEWHERE:
            continue
        else:
            good = _CHECKS[key](value) if key in _CHECKS else is_plain(value)
        if not good:
            raise _refused(key[:40], value, fn)


def _check(field: str, value: object, is_good: Callable[[str], bool], fn: str) -> None:
    if not (isinstance(value, str) and len(value) <= MAX_LENGTH and is_good(value)):
        raise _refused(field, value, fn)


# Most records have the name, the version or the build of one before.


@lru_cache(maxsize=1024)
def _is_name(text: str) -> bool:
    return bool(PACKAGE_NAME.match(text)) and ".." not in text and not _DEVICES.match(text)


@lru_cache(maxsize=8192)
def _is_version(text: str) -> bool:
    try:
        version_key(text)
    except SpecError:
        return False
    return bool(_VERSION.match(text)) and ".." not in text


@lru_cache(maxsize=8192)
def _is_build(text: str) -> bool:
    return bool(_BUILD.match(text)) and ".." not in text


def _refused(field: str, value: object, fn: str) -> SpecError:
    return SpecError(
        "invalid-record",
        f"the record of {fn[:120]!r} has an invalid {field}: {_shown(value)}",
        hint="report this to the channel's owner; until then, exclude the package or the channel",
    )


def _shown(value: object) -> str:
    """The start of a value; the type's name for a value that is large or not JSON."""
    return (
        repr(value)[:80] if type(value) in _SIMPLE or type(value) is float else type(value).__name__
    )


def _is_never(value: object) -> bool:  # noqa: ARG001 - strings, and lists of them, were accepted
    return False


def _are_groups(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(key, str) and isinstance(texts, list) and set(map(type, texts)) <= _TEXT
        for key, texts in value.items()
    )


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < _LARGEST_SIZE


def _is_timestamp(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= _LATEST  # type: ignore[operator]


_TEXT = {str}
_LISTS = ("depends", "constrains", "requires_dist")
#: Lists of words; older records have them as one string.
_WORDS = ("track_features", "features", "flags")
_TEXTS = ("md5", "sha256", "noarch", "python_site_packages_path")
_NUMBERS = {"size": _is_size, "timestamp": _is_timestamp, "indexed_timestamp": _is_timestamp}
_GROUPS = {"extra_depends": _are_groups, "extra-depends": _are_groups}
_NEVER_TEXT = frozenset((*_LISTS, *_NUMBERS, *_GROUPS))
_NEVER_TEXTS = frozenset((*_TEXTS, *_NUMBERS, *_GROUPS))
_CHECKS = {
    **dict.fromkeys((*_LISTS, *_WORDS, *_TEXTS), _is_never),
    **_NUMBERS,
    **_GROUPS,
    "noarch": _is_flag,
}
