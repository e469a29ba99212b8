"""Whose a file or folder is: what others can write is not believed, and not run."""

from __future__ import annotations

import os
import stat

from minicon.errors import FileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def owner_problem(facts: os.stat_result, *, shared: bool = False) -> str | None:
    """Why others than this user and root decide what a file or folder holds, or None.

    A group's right to write is accepted for a group that has no other member, as many systems
    make one for each user.

    Args:
        facts: Of the file or folder.
        shared: Accept every group.

    Returns:
        A clause that completes "the folder ...".
    """
    if os.name != "posix":
        return None
    if facts.st_uid not in (0, os.geteuid()):
        return f"belongs to {_user_name(facts.st_uid)}"
    if facts.st_mode & stat.S_IWOTH:
        return "can be written by other users"
    is_ours = not facts.st_mode & stat.S_IWGRP or shared or _is_private_group(facts.st_gid)
    return None if is_ours else "can be written by other users of its group"


def check_ownership(path: Path, what: str, *, shared: bool = False) -> None:
    """Refuse a cache that other people can write: what they put there would be run.

    Args:
        path: The folder; fine if it is missing.
        what: What to call it.
        shared: As for :func:`owner_problem`.

    Raises:
        FileError: ``shared-cache``.
    """
    problem = owner_problem(os.stat(path), shared=shared) if path.exists() else None
    if problem is not None:
        raise FileError(
            "shared-cache",
            f"refusing to use the {what} {path}: it {problem}",
            hint=f"take that right away (chmod go-w {path}), or set MINICON_ROOT or pkgs_dirs",
        )


def folder_problem(path: str) -> str | None:
    """Why what a folder holds is not to be believed; None if it is, or if nothing is there.

    Costs one system call.

    Returns:
        A clause that completes "the folder ...".
    """
    try:
        facts = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"cannot be looked at ({error.strerror})"
    if stat.S_ISLNK(facts.st_mode):
        return "is a link"
    if not stat.S_ISDIR(facts.st_mode):
        return "is not a folder"
    return owner_problem(facts)


def is_real_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a path names a folder, and not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _user_name(user: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _is_private_group(group: int) -> bool:
    """Whether the group is this user's own."""
    import grp
    import pwd

    try:
        entry = grp.getgrgid(group)
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
    return entry.gr_name == name and set(entry.gr_mem) <= {name}
