"""The one way to judge relative paths that packages, records or files bring along.

No path is compared as text with another (``/a/b`` and ``/a/b-evil`` share a prefix): what is
checked are its components.
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
    from collections.abc import Sequence
    from pathlib import Path

#: Bytes: one component (every common file system), and a whole path below a prefix.
COMPONENT_LIMIT = 255
PATH_LIMIT = 2048
#: Bytes of a whole path, as far as systems take one (Linux has 4096, with the files below it).
_PLACE_LIMIT = 4000
#: How much of a path messages show.
_SHOWN = 80

#: What nearly all paths look like (a regular expression); all else is looked at closely.
ORDINARY_PATH = r"(?:[A-Za-z0-9_+-][A-Za-z0-9_.+-]*/)*[A-Za-z0-9_+-][A-Za-z0-9_.+-]*"
_ORDINARY = lazy_pattern(ORDINARY_PATH)
_DRIVE = lazy_pattern(r"[A-Za-z]:")
_WINDOWS_FORBIDDEN = lazy_pattern(r'[<>:"|?*\x00-\x1f]')
_WINDOWS_RESERVED = lazy_pattern(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE
)


def is_ordinary(text: str) -> bool:
    """Whether a path is of the plainest kind: good everywhere, with nothing to look at closely.

    Cost: half a microsecond.
    """
    return len(text) <= COMPONENT_LIMIT and _ORDINARY.fullmatch(text) is not None


#: What no good path has in it; paths are joined by line ends, and one stands at either end.
_SUSPECT = ("\n\n", "\n/", "//", "/\n", "\n.", "/.", "\0", "\\", ":", "\r")


def are_plain(paths: Sequence[str]) -> bool:
    """Whether all of many paths are surely good. False: look at each with :func:`path_problem`.

    Looked at all at once, which costs a tenth of what it would one by one.
    """
    text = "\n".join(("", *paths, ""))
    if not text.isascii() or text.count("\n") != len(paths) + 1:
        return False
    return max(map(len, paths), default=0) <= COMPONENT_LIMIT and not any(
        part in text for part in _SUSPECT
    )


#: Letters that show nothing and that some file systems ignore.
_FILLERS = "\u115f\u1160"
#: How the short names begin that Windows also gives to :data:`OWN_NAMES` (``MINICO~1``).
_SHORT_NAMES = ("minico~", "conda-~")
#: What no text of harmless paths has in it; ``\n`` stands before each path, in lower case.
_MAYBE_OWN = ("\nconda-meta", "\n.minicon-", *(f"\n{short}" for short in _SHORT_NAMES))


def folded(name: str) -> str:
    """A name in the form in which file systems compare names at their most forgiving.

    Letter case, Unicode form and invisible characters make no difference on some; Windows also
    drops dots and spaces at the end, and what follows a colon.
    """
    if not name.isascii():
        import unicodedata

        name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
        ignored = ("Cf", "Mn")
        name = "".join(
            c for c in name if unicodedata.category(c) not in ignored and c not in _FILLERS
        )
    return name.lower().partition(":")[0].rstrip(". ")


def is_own_place(path: str) -> bool:
    """Whether a path in a prefix begins with a name of minicon's own, in whatever spelling.

    State is read from there and acted upon: no package, wheel or record may bring such a path.
    """
    first = folded(path.partition("/")[0])
    return first in OWN_NAMES or first.startswith(_SHORT_NAMES)


def reaches_own_place(paths: Sequence[str]) -> bool:
    """Whether :func:`is_own_place` holds for any of many paths; looked at all at once."""
    text = "\n".join(("", *paths)).lower()
    if text.isascii() and not any(part in text for part in _MAYBE_OWN):
        return False
    return any(map(is_own_place, paths))


def path_problem(text: str, *, windows: bool = False) -> str | None:
    """Why a path must not be used below a folder of ours, or None if it may.

    A path is good if it is relative, has forward slashes, and each component is a plain name:
    not empty, not ``.`` or ``..``, at most 255 bytes.

    Args:
        text: The path, as the package or record has it.
        windows: Also apply what Windows forbids: device names, ``<>:"|?*``, trailing dots.

    Returns:
        A clause that completes "the path ...", for instance "leaves its folder (..)".
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


def place_problem(text: str) -> str | None:
    """Why a path that a user names, to a place anywhere, cannot be one; None if it can.

    Returns:
        As :func:`path_problem`.
    """
    if "\0" in text:
        return "contains a NUL character"
    try:
        parts = os.fsencode(text).replace(os.sep.encode(), b"/").split(b"/")
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if max(map(len, parts)) > COMPONENT_LIMIT:
        return f"has a component longer than {COMPONENT_LIMIT} bytes"
    return f"is longer than {_PLACE_LIMIT} bytes" if len(text) > _PLACE_LIMIT else None


def typed_path(text: str) -> Path:
    """Return the path that a user means, with ``~`` filled in; a relative one stays relative.

    Checked once where it is typed, so that no later look at the disk fails on its shape.

    Raises:
        UsageError: ``invalid-path``: no file system can have it.
    """
    from pathlib import Path

    path = os.path.expanduser(text)
    if problem := place_problem(path):
        raise UsageError(
            "invalid-path",
            f"{shortened(text, _SHOWN)!r} cannot be a path: it {problem}",
            hint="pass another",
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
        return "leaves its folder (..)"
    if component in ("", "."):
        return "has an empty or '.' component"
    if len(component.encode()) > COMPONENT_LIMIT:
        return f"has a component longer than {COMPONENT_LIMIT} bytes"
    return None


def _windows_problem(component: str) -> str | None:
    if _WINDOWS_RESERVED.fullmatch(component):
        return f"uses a name that Windows reserves ({component})"
    if _WINDOWS_FORBIDDEN.search(component) or component[-1] in ". ":
        return "has characters that Windows does not allow"
    return None
