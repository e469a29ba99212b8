"""Where an environment can be, and where its other generations lie: beside it, or inside.

Beside it is the rule. An environment that is a mount point, or whose parent this user cannot
write to, cannot change places as a whole: its generations lie inside it, and its entries change
places one by one (:mod:`minicon.prefix.generations.entry_swap`).
"""

from __future__ import annotations

import errno
import os

from minicon.constants import GENERATIONS, GENERATIONS_INSIDE
from minicon.errors import PrefixError
from minicon.fs.ownership import folder_problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

#: What never moves: the store itself, and what the file system keeps at its root.
STAYING = frozenset({GENERATIONS_INSIDE, "lost+found"})
#: A folder cannot be renamed: it is (merged with) one of a lower layer, a mount point, not ours.
CANNOT_BE_RENAMED = frozenset({errno.EXDEV, errno.EBUSY, errno.EACCES, errno.EPERM})


def generations_folder(place: str) -> str:
    """The folder of an environment's other generations. Costs at most four system calls.

    Inside an environment they lie only where it really cannot be renamed: that a folder of that
    name is there tells nothing, since whoever made or copied the environment could make it.

    Args:
        place: The environment's path, links resolved; it need not exist.
    """
    inside = os.path.join(place, GENERATIONS_INSIDE)
    if _is_fixed(place) and (os.path.lexists(inside) or os.access(place, os.W_OK)):
        return inside
    parent, name = os.path.split(place)
    return os.path.join(parent, GENERATIONS, name)


def store_problem(place: str) -> tuple[str, str] | None:
    """Which folder of an environment's other generations is left alone, and why; or None.

    It must be a folder and no link, of this user or of root, that nobody else can write to; the
    same holds of the folder of all such folders. Missing is fine. Costs some four system calls.

    Args:
        place: As for :func:`generations_folder`.

    Returns:
        The folder, and a clause that completes "it ...".
    """
    inside = os.path.join(place, GENERATIONS_INSIDE)
    folder = generations_folder(place)
    if folder != inside and os.path.lexists(inside):
        return inside, f"came from elsewhere; the earlier states of {place} lie in {folder}"
    for path in (folder,) if folder == inside else (os.path.dirname(folder), folder):
        problem = folder_problem(path)
        if problem is not None:
            return path, problem
    return None


def is_of_its_owner(place: str, folder: str) -> bool:
    """Whether an environment and the folder of its states belong to one other user.

    To those who only use what that user made, this is nothing to be told of.
    """
    try:
        owner = os.stat(place).st_uid
        return owner == os.lstat(folder).st_uid != os.geteuid()
    except (OSError, AttributeError):
        return False


def is_empty(place: str | os.PathLike[str]) -> bool:
    """Whether a folder holds nothing that could belong to an environment, or is not there."""
    try:
        with os.scandir(place) as entries:
            return all(entry.name in STAYING for entry in entries)
    except FileNotFoundError:
        return True


def check_place(place: Path) -> None:
    """Refuse early what a switch could not do late.

    Raises:
        PrefixError: It is a file, or neither it nor its parent can be written to.
    """
    if place.exists() and not place.is_dir():
        raise PrefixError("not-a-folder", f"{place} is a file", hint="choose another path")
    parent = place.parent
    while not parent.exists():
        parent = parent.parent
    if not _is_writable(parent) and not (place.exists() and _is_writable(place)):
        message = f"{place} cannot be changed: neither it nor {parent} is writable"
        raise PrefixError("parent-not-writable", message, hint="check who owns these folders")


def _is_fixed(place: str) -> bool:
    """Whether a folder is there and cannot be renamed."""
    if not os.path.isdir(place):
        return False
    return os.path.ismount(place) or not os.access(os.path.dirname(place), os.W_OK | os.X_OK)


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
