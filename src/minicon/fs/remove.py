"""Remove directory trees quickly, without following links."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from minicon.fs import operations

_OPEN_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


def remove_tree(path: str | os.PathLike[str], *, directory: int | None = None) -> None:
    """Remove a file, a link or a directory tree, if it exists. Links are not followed.

    Cost: one system call per file and three per directory.

    Args:
        path: Path, or a name in ``directory``.
        directory: Descriptor of an open folder.

    Raises:
        OSError: An entry cannot be removed; others may already be removed.
    """
    try:
        mode = os.stat(path, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        operations.remove_file(path, directory=directory)
        return
    if os.rmdir not in os.supports_dir_fd:
        _remove_by_path(Path(path))
        return
    descriptor = _open_folder(os.fspath(path), directory)
    try:
        _empty(descriptor)
    finally:
        os.close(descriptor)
    operations.remove_directory(path, directory=directory)


def empty_directory(path: str | os.PathLike[str]) -> None:
    """Remove all entries of a directory. Raises OSError."""
    for entry in os.scandir(path):
        remove_tree(entry.path)


def move_to_trash(path: str | os.PathLike[str], trash: Path) -> Path:
    """Move a directory to a trash directory by one rename, so that it disappears atomically.

    Args:
        path: The directory.
        trash: A directory on the same file system; created if missing.

    Returns:
        The new path, to be passed to :func:`remove_tree` later.
    """
    operations.make_directory(trash, 0o700)
    moved = trash / f"{os.path.basename(path)[:200]}.{os.urandom(6).hex()}"
    operations.rename(path, moved)
    return moved


def _open_folder(name: str, parent: int | None) -> int:
    try:
        return os.open(name, _OPEN_FOLDER, dir_fd=parent)
    except PermissionError:
        # The directory may be unreadable or read-only.
        operations.set_mode(name, 0o700, directory=parent)
        return os.open(name, _OPEN_FOLDER, dir_fd=parent)


def _empty(folder: int) -> None:
    """Remove all entries below an open directory, children before parents, without recursion."""
    stack: list[tuple[int, list[str]]] = [(folder, _remove_files(folder))]
    names: list[str] = []
    try:
        while stack:
            descriptor, folders = stack[-1]
            if folders:
                names.append(folders.pop())
                child = _open_folder(names[-1], descriptor)
                stack.append((child, []))
                stack[-1] = (child, _remove_files(child))
                continue
            stack.pop()
            if stack:
                os.close(descriptor)
                operations.remove_directory(names.pop(), directory=stack[-1][0])
    finally:
        for descriptor, _ in stack[1:]:
            os.close(descriptor)


def _remove_files(folder: int) -> list[str]:
    """Remove the files of an open directory; return the names of its subdirectories."""
    folders = []
    with os.scandir(folder) as entries:
        listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in listed:
        if is_folder:
            folders.append(name)
            continue
        try:
            operations.remove_file(name, directory=folder)
        except OSError as error:
            if error.errno == errno.ENOENT:
                continue
            if error.errno not in (errno.EACCES, errno.EPERM):
                raise
            operations.set_mode(".", 0o700, directory=folder)
            operations.remove_file(name, directory=folder)
    return folders


def _remove_by_path(folder: Path) -> None:
    """As :func:`remove_tree`, on systems without directory descriptors (Windows)."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            _remove_by_path(Path(entry.path))
        else:
            operations.set_mode(entry.path, 0o600)
            operations.remove_file(entry.path)
    operations.remove_directory(folder)


def remove_oldest(folder: Path, *, most: int, seconds: float, now: float) -> None:
    """Remove files of a cache that are too old, and the oldest beyond some number.

    Args:
        folder: Their directory.
        most: How many are kept.
        seconds: How long each is kept.
        now: Seconds since 1970.

    Raises:
        OSError: One of them cannot be removed.
    """
    found = sorted((entry.stat().st_mtime, entry.path) for entry in os.scandir(folder))
    for number, (moment, path) in enumerate(reversed(found)):
        if number >= most or now - moment > seconds:
            operations.remove_file(path)
