"""Ownership checks: files that other users can write are not trusted."""

from __future__ import annotations

import os
import stat

from minicon.errors import FileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def owner_problem(facts: os.stat_result, *, shared: bool = False) -> str | None:
    """Why other users can change a file or directory; None if only this user and root can.

    Write permission for a group without other members is accepted: many systems create such a
    group for each user.

    Args:
        facts: ``os.stat`` of the file or directory.
        shared: Whether to accept every group.

    Returns:
        A clause that completes "the directory ...".
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
    """Refuse a cache that other users can write, because its files are run.

    Args:
        path: The directory; it may be missing.
        what: Its name in messages.
        shared: As for :func:`owner_problem`.

    Raises:
        FileError: ``shared-cache``.
    """
    problem = owner_problem(os.stat(path), shared=shared) if path.exists() else None
    if problem is not None:
        import shlex

        raise FileError(
            "shared-cache",
            f"refusing to use the {what} {path}: it {problem}",
            hint=f"remove that permission (chmod go-w {shlex.quote(str(path))}), "
            "or set MINICON_ROOT or pkgs_dirs",
        )


def folder_problem(path: str) -> str | None:
    """Why the contents of a directory cannot be trusted; None if they can, or if it is missing.

    Cost: one system call.

    Returns:
        A clause that completes "the directory ...".
    """
    try:
        facts = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if stat.S_ISLNK(facts.st_mode):
        return "is a symbolic link"
    if not stat.S_ISDIR(facts.st_mode):
        return "is not a directory"
    return owner_problem(facts)


def is_real_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a directory, not a link to one."""
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
    """Whether a group has no member but this user."""
    import grp
    import pwd

    try:
        entry = grp.getgrgid(group)
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
    return entry.gr_name == name and set(entry.gr_mem) <= {name}
