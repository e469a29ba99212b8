"""Where an environment may be, and where its other generations are: beside it, or inside it.

Beside it is the rule. An environment that is a mount point, or whose parent directory this user
cannot write to, cannot be renamed as a whole: its generations are inside it, and its entries are
swapped one by one (:mod:`minicon.prefix.generations.entry_swap`).
"""

from __future__ import annotations

import errno
import os

from minicon.constants import GENERATIONS, GENERATIONS_INSIDE, HISTORY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.errors import PrefixError

#: Top-level entries that never move: the store itself, and what a file system has at its root.
UNMOVABLE_ENTRIES = frozenset({GENERATIONS_INSIDE, "lost+found"})
#: Marks minicon's root directory once it is an environment, ``base``.
ROOT_MARK = ".minicon-root"
#: Entries of the root directory that are no part of ``base``: they never move either.
ROOT_ENTRIES = frozenset({ROOT_MARK, "envs", "pkgs", "cache", "condabin", "shell"})
#: Errors of renaming a directory that is a mount point, of a lower overlay layer, or not ours.
CANNOT_BE_RENAMED = frozenset({errno.EXDEV, errno.EBUSY, errno.EACCES, errno.EPERM})


def is_environment(path: str | os.PathLike[str]) -> bool:
    """Whether a directory is an environment: it has a file ``conda-meta/history`` (CEP 32)."""
    return os.path.isfile(os.path.join(path, HISTORY))


def usual_name(path: str | os.PathLike[str]) -> str:
    """Return the name of an environment: that of its directory; the root directory is ``base``."""
    is_root = os.path.lexists(os.path.join(path, ROOT_MARK))
    return "base" if is_root else os.path.basename(path)


def unmovable_entries(prefix: str | os.PathLike[str]) -> frozenset[str]:
    """Return the top-level entries that are no part of an environment."""
    is_root = os.path.lexists(os.path.join(prefix, ROOT_MARK))
    return UNMOVABLE_ENTRIES | ROOT_ENTRIES if is_root else UNMOVABLE_ENTRIES


def mark_root(root: str | os.PathLike[str]) -> None:
    """Mark the root directory before it is created or changed as an environment.

    Raises:
        FileError: It cannot be written to.
    """
    from minicon.fs import operations

    path = os.path.join(root, ROOT_MARK)
    if not os.path.lexists(path):
        with operations.describing("write", path):
            operations.make_directory(root)
            operations.replace_file(path, b"the other environments are in envs/\n", 0o644)


def make_base(root: str | os.PathLike[str]) -> None:
    """Make the root directory an environment without packages, unless it is one already.

    Raises:
        FileError: It cannot be written to.
    """
    from minicon.fs import operations

    mark_root(root)
    history = os.path.join(root, HISTORY)
    if not is_environment(root):
        with operations.describing("write", history):
            operations.make_directory(os.path.dirname(history))
            operations.replace_file(history, b"", 0o644)


def remove_empty_base(root: str | os.PathLike[str]) -> None:
    """Undo :func:`make_base`, if nothing was ever installed.

    Raises:
        FileError: A file cannot be removed.
    """
    from minicon.fs import operations

    history = os.path.join(root, HISTORY)
    folder = os.path.dirname(history)
    is_new = is_environment(root) and not os.path.getsize(history)
    if is_new and os.listdir(folder) == [os.path.basename(history)]:
        with operations.describing("remove", folder):
            operations.remove_file(history)
            operations.remove_directory(folder)


def is_empty(prefix: str | os.PathLike[str]) -> bool:
    """Whether a directory is missing, or has no entry that could belong to an environment."""
    try:
        with os.scandir(prefix) as entries:
            excluded = unmovable_entries(prefix)
            return all(entry.name in excluded for entry in entries)
    except FileNotFoundError:
        return True


def generations_folder(prefix: str) -> str:
    """The directory of an environment's other generations. Costs at most four system calls.

    It is inside the environment only if that really cannot be renamed. That a directory of that
    name exists proves nothing: it may have been copied or made by anybody.

    Args:
        prefix: Path of the environment with links resolved; it need not exist.
    """
    inside = os.path.join(prefix, GENERATIONS_INSIDE)
    if _cannot_be_renamed(prefix) and (os.path.lexists(inside) or os.access(prefix, os.W_OK)):
        return inside
    parent, name = os.path.split(prefix)
    return os.path.join(parent, GENERATIONS, name)


def store_problem(prefix: str) -> tuple[str, str] | None:
    """Which directory of a generation store cannot be trusted, and why; None if all can.

    The store, and the directory of all stores, must be real directories, owned by this user or
    root, and not writable by others. They may be missing. Costs about four system calls.

    Args:
        prefix: As for :func:`generations_folder`.

    Returns:
        The directory, and a clause that completes "it ...".
    """
    from minicon.fs.ownership import folder_problem

    inside = os.path.join(prefix, GENERATIONS_INSIDE)
    folder = generations_folder(prefix)
    if folder != inside and os.path.lexists(inside):
        return inside, f"was not made here; the earlier revisions of {prefix} are in {folder}"
    for path in (folder,) if folder == inside else (os.path.dirname(folder), folder):
        problem = folder_problem(path)
        if problem is not None:
            return path, problem
    return None


def untrusted_store(prefix: Path) -> PrefixError | None:
    """The error of a store that is neither read nor written; None if it can be trusted."""
    found = store_problem(str(prefix))
    if found is None:
        return None
    import shlex

    from minicon.errors import PrefixError

    folder, problem = found
    hint = f"move {folder} away if you do not need it, or use a directory that is only yours"
    if "can be written" in problem:
        hint = f"if everything in it is yours: chmod go-w {shlex.quote(folder)}"
    return PrefixError("foreign-store", f"{folder} is not used: it {problem}", hint=hint)


def belongs_to_another_user(prefix: str, folder: str) -> bool:
    """Whether an environment and its store have one owner, who is not this user.

    Users of a shared environment need no warnings about its store.
    """
    try:
        owner = os.stat(prefix).st_uid
        return owner == os.lstat(folder).st_uid != os.geteuid()
    except (OSError, AttributeError):
        return False


def check_prefix_location(prefix: Path) -> None:
    """Refuse a path at which no environment can be created or changed.

    Raises:
        PrefixError: As :func:`check_is_writable` and :func:`refuse_unusable_path`.
    """
    refuse_unusable_path(prefix)
    check_is_writable(prefix)


def check_is_writable(prefix: Path) -> None:
    """Refuse a path that this user cannot change; links are followed.

    Raises:
        PrefixError: Neither it nor its parent is writable.
    """
    from minicon.errors import PrefixError

    prefix = type(prefix)(os.path.realpath(prefix))
    parent = prefix.parent
    while not parent.exists():
        parent = parent.parent
    if not _is_writable(parent) and not (prefix.exists() and _is_writable(prefix)):
        message = f"{prefix} cannot be changed: neither it nor {parent} is writable"
        raise PrefixError("parent-not-writable", message, hint="check who owns these directories")


def refuse_unusable_path(prefix: Path) -> None:
    """Refuse to create an environment where it could not be activated, described or listed.

    ``PATH`` cannot contain a colon, the files in ``conda-meta`` are UTF-8, and the list of
    environments has one path per line.

    Raises:
        PrefixError: ``path-separator-in-prefix``, ``invalid-path``; ``not-a-folder``: a file, or a
            link to nothing, is at the path or above it.
    """
    if is_environment(prefix):
        return
    text = str(prefix)
    if os.pathsep in text:
        problem = f"PATH cannot contain a path with {os.pathsep!r}"
        raise _unusable_path("path-separator-in-prefix", text, problem)
    if problem := _problem_of_line(text):
        raise _unusable_path("invalid-path", text, problem)
    if problem := _what_is_no_directory(prefix):
        raise _unusable_path("not-a-folder", text, problem)


def _unusable_path(reference: str, path: str, problem: str) -> PrefixError:
    from minicon.errors import PrefixError

    shown = path if path.isprintable() else repr(path)
    message = f"an environment cannot be at {shown}: {problem}"
    return PrefixError(reference, message, hint="choose another path")


def _problem_of_line(text: str) -> str:
    """Why a path cannot be one line of a file in UTF-8; empty if it can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "the path is not valid UTF-8"
    if len(text.splitlines()) > 1 or any(c < " " or "\x7f" <= c <= "\x9f" for c in text):
        return "the path contains a line break or another control character"
    return "the path ends with a space" if text != text.rstrip() else ""


def _what_is_no_directory(prefix: Path) -> str:
    """Return what is at a path or above it that is not a directory; empty if nothing is."""
    present = next(filter(os.path.lexists, (prefix, *prefix.parents)))
    if present.is_dir():
        return ""
    return f"{present} is a {'file' if present.exists() else 'symbolic link to nothing'}"


def _cannot_be_renamed(prefix: str) -> bool:
    if not os.path.isdir(prefix):
        return False
    if os.path.lexists(os.path.join(prefix, ROOT_MARK)):
        return True
    return os.path.ismount(prefix) or not os.access(os.path.dirname(prefix), os.W_OK | os.X_OK)


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
