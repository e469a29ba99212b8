"""Validation of paths from packages, records and files, and of paths that users type.

Components are checked one by one; comparing paths as strings is unsafe (``/a/b`` is a prefix of
``/a/b-evil``).
"""

from __future__ import annotations

import os
import re

from minicon.constants import OWN_NAMES
from minicon.errors import UsageError
from minicon.lazy_pattern import lazy_pattern
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

#: Longest component (of common file systems) and longest path below a prefix, in bytes.
COMPONENT_LIMIT = 255
PATH_LIMIT = 2048
#: Longest path that users can type, in bytes (Linux allows 4096, including files below it).
_USER_PATH_LIMIT = 4000
#: Longest part of a path in messages.
_SHOWN = 80

#: A regular expression that nearly all paths match; only the others need a full check.
ORDINARY_PATH = r"(?:[A-Za-z0-9_+-][A-Za-z0-9_.+-]*/)*[A-Za-z0-9_+-][A-Za-z0-9_.+-]*"
_ORDINARY = lazy_pattern(ORDINARY_PATH)
_URL = lazy_pattern(r"[A-Za-z][A-Za-z0-9+.-]+://")
_DRIVE = lazy_pattern(r"[A-Za-z]:")
_WINDOWS_FORBIDDEN = lazy_pattern(r'[<>:"|?*\x00-\x1f]')
_WINDOWS_RESERVED = lazy_pattern(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE
)


def is_ordinary(text: str) -> bool:
    """Whether a path is so simple that it is valid on all systems. Cost: half a microsecond."""
    return len(text) <= COMPONENT_LIMIT and _ORDINARY.fullmatch(text) is not None


#: Text that no valid path contains; paths are joined by line ends, with one at either end.
_SUSPECT = ("\n\n", "\n/", "//", "/\n", "\n.", "/.", "\0", "\\", ":", "\r")


def are_plain(paths: Sequence[str]) -> bool:
    """Whether all of many paths are valid; if False, check each with :func:`path_problem`.

    Checks the joined paths, which takes a tenth of the time.
    """
    text = "\n".join(("", *paths, ""))
    if not text.isascii() or text.count("\n") != len(paths) + 1:
        return False
    return max(map(len, paths), default=0) <= COMPONENT_LIMIT and not any(
        part in text for part in _SUSPECT
    )


#: Invisible letters that some file systems ignore.
_FILLERS = "\u115f\u1160"
#: Prefixes of the short names that Windows gives to :data:`OWN_NAMES` (``MINICO~1``).
_SHORT_NAMES = ("minico~", "conda-~")
#: Text that lower-case paths, each after a line end, contain if one may be reserved.
_MAYBE_OWN = ("\nconda-meta", "\n.minicon-", *(f"\n{short}" for short in _SHORT_NAMES))


def folded(name: str) -> str:
    """Normalize a name as the most tolerant file systems do when they compare names.

    Some ignore letter case, Unicode normalization and invisible characters; Windows also ignores
    trailing dots and spaces, and everything after a colon.
    """
    if not name.isascii():
        import unicodedata

        name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
        ignored = ("Cf", "Mn")
        name = "".join(
            c for c in name if unicodedata.category(c) not in ignored and c not in _FILLERS
        )
    return name.lower().partition(":")[0].rstrip(". ")


def is_reserved_path(path: str) -> bool:
    """Whether a path in a prefix starts with a name that minicon reserves, in any spelling.

    minicon trusts the files there, so no package, wheel or record may contain such a path.
    """
    first = folded(path.partition("/")[0])
    return first in OWN_NAMES or first.startswith(_SHORT_NAMES)


def has_reserved_path(paths: Sequence[str]) -> bool:
    """Whether any of many paths is reserved, see :func:`is_reserved_path`."""
    text = "\n".join(("", *paths)).lower()
    if text.isascii() and not any(part in text for part in _MAYBE_OWN):
        return False
    return any(map(is_reserved_path, paths))


def path_problem(text: str, *, windows: bool = False) -> str | None:
    """Why a path cannot be used below a directory; None if it can.

    A valid path is relative, has forward slashes, and each component is a name: not empty, not
    ``.`` or ``..``, at most 255 bytes.

    Args:
        text: The path, as in the package or record.
        windows: Whether to apply the rules of Windows: no device names, ``<>:"|?*``, trailing dots.

    Returns:
        A clause that completes "the path ...", for instance "leaves its directory (..)".
    """
    if not windows and is_ordinary(text):
        return None
    problem = _shape_problem(text)
    if problem is not None:
        return problem
    for component in text.split("/"):
        problem = _component_problem(component)
        if problem is None and windows:
            problem = _windows_problem(component)
        if problem is not None:
            return problem
    return None


def user_path_problem(text: str) -> str | None:
    """Why a path of a user, which may be absolute, is invalid; None if it is valid.

    Returns:
        As :func:`path_problem`.
    """
    if not text:
        return "is empty"
    if "\0" in text:
        return "contains a NUL character"
    try:
        parts = os.fsencode(text).replace(os.sep.encode(), b"/").split(b"/")
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if max(map(len, parts)) > COMPONENT_LIMIT:
        return f"has a component longer than {COMPONENT_LIMIT} bytes"
    return f"is longer than {_USER_PATH_LIMIT} bytes" if len(text) > _USER_PATH_LIMIT else None


def typed_path(text: str) -> Path:
    """Validate a path that a user typed and expand ``~``; a relative path stays relative.

    Raises:
        UsageError: ``invalid-path``: no file system supports it, or it is a URL.
    """
    from pathlib import Path

    path = os.path.expanduser(text)
    if problem := user_path_problem(path) or ("is a URL" if _URL.match(path) else None):
        raise UsageError(
            "invalid-path",
            f"{shortened(text, _SHOWN)!r} is not a valid path: it {problem}",
            hint="pass another path",
        )
    return Path(path)


def _shape_problem(text: str) -> str | None:
    if not text:
        return "is empty"
    if "\0" in text:
        return "contains a NUL character"
    if "\\" in text:
        return "contains a backslash"
    if text[0] == "/" or _DRIVE.match(text):
        return "is absolute"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode"
    return f"is longer than {PATH_LIMIT} bytes" if size > PATH_LIMIT else None


def _component_problem(component: str) -> str | None:
    if component == "..":
        return "leaves its directory (..)"
    if component in ("", "."):
        return "has an empty or '.' component"
    if len(component.encode()) > COMPONENT_LIMIT:
        return f"has a component longer than {COMPONENT_LIMIT} bytes"
    return None


def _windows_problem(component: str) -> str | None:
    if _WINDOWS_RESERVED.fullmatch(component):
        return f"uses a name that Windows reserves ({component})"
    if _WINDOWS_FORBIDDEN.search(component) or component[-1] in ". ":
        return "contains characters that Windows does not allow"
    return None


def folders_above(path: str) -> Iterator[str]:
    """The directories that contain a path, without the prefix itself, from the inside out."""
    while path := path.rpartition("/")[0]:
        yield path


def all_folders(folders: Iterable[str]) -> set[str]:
    """Directories with all that contain them, without the prefix itself."""
    found: set[str] = set()
    for folder in folders:
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found
