"""Names of packages and of their files: strict grammars where foreign text comes in (CEP 26).

Names, versions, builds and file names from a channel become parts of paths in the package cache
and in ``conda-meta``, so nothing passes that could be a path (CVE-2026-53956).
"""

from __future__ import annotations

import re

from minicon.constants import PACKAGE_EXTENSIONS, WHEEL_EXTENSION
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.models.subdir import check_subdir
from minicon.models.version import version_key
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: Longest name, version or build; longest file name.
MAX_LENGTH = 128
MAX_FILE_NAME = 255

# All end in \Z: $ would let a newline through.
_NAME = lazy_pattern(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_.+\-])?\Z")
_VERSION = lazy_pattern(r"[A-Za-z0-9_](?:[A-Za-z0-9_.!+\-]*[A-Za-z0-9_\-])?\Z")
_BUILD = lazy_pattern(r"[A-Za-z0-9_.+\-]*\Z")
_FILE_NAME = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.!+\-]*\Z")
_DEVICES = lazy_pattern(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?\Z", re.IGNORECASE)
_EXTENSIONS = (*PACKAGE_EXTENSIONS, WHEEL_EXTENSION)


def check_package_name(text: str) -> str:
    """TEXT in lower case if it can be a package's name.

    Raises:
        SpecError: ``invalid-package-name``.
    """
    if len(text) > MAX_LENGTH or not _NAME.match(text) or ".." in text:
        raise SpecError(
            "invalid-package-name",
            f"{shortened(text, 60)!r} is not a package name",
            hint="names hold letters, digits, - _ and ., and begin with a letter, a digit or _",
        )
    return text.lower()


def normalize_pypi_name(text: str) -> str:
    """The one spelling of a Python project's name (PEP 503): ``Foo_.Bar`` → ``foo-bar``."""
    return re.sub(r"[-_.]+", "-", text).lower()


def check_record_fields(data: Mapping[str, Any], *, fn: str, subdir: str | None = None) -> None:
    """Refuse a record whose texts could be paths, or whose version is none. About 3 µs.

    Args:
        data: The record's JSON object.
        fn: Its file name, the key in repodata.
        subdir: Where the record was found, or None to trust the record's own.

    Raises:
        SpecError: ``invalid-record``; callers that read a channel re-raise it as RepodataError.
    """
    name, version = data.get("name"), data.get("version")
    build = data.get("build", data.get("build_string", "")) or data.get("build_string", "")
    _check("name", name, _NAME.match, fn)
    _check("version", version, _VERSION.match, fn)
    try:
        version_key(str(version))
    except SpecError:
        raise _refused("version", version, fn) from None
    _check("build", build, _BUILD.match, fn)
    good = len(fn) <= MAX_FILE_NAME and fn.endswith(_EXTENSIONS)
    if not good or not _FILE_NAME.match(fn) or _DEVICES.match(fn):
        raise _refused("file name", fn, fn)
    own = data.get("subdir") or subdir
    if own is not None:
        if not isinstance(own, str) or (subdir is not None and own != subdir):
            raise _refused("subdir", own, fn)
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


def _check(field: str, value: object, matches: Any, fn: str) -> None:
    good = isinstance(value, str) and len(value) <= MAX_LENGTH and matches(value)
    if not good or ".." in str(value) or (field == "name" and _DEVICES.match(str(value))):
        raise _refused(field, value, fn)


def _refused(field: str, value: object, fn: str) -> SpecError:
    shown = repr(value)[:80]
    return SpecError(
        "invalid-record",
        f"the record of {fn[:120]!r} has the {field} {shown}, which is not allowed",
        hint="tell the owner of the channel; until then leave the package or the channel out",
    )
