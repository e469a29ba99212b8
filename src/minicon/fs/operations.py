"""Every change that minicon makes to a file system: about a dozen functions, and no others.

All layers call these instead of ``os`` or ``shutil``, so that a test can fail or kill the
process at the N-th call and look at what is left (``tests/support/faults.py`` replaces
:func:`checkpoint`). Reading needs no such care and is done directly.

Paths may be ``str`` or ``Path``; functions with ``directory`` arguments take an open
descriptor and a name below it, so that no link in between can redirect them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os

from minicon.errors import FileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    PathText = str | PathLike[str]

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | os.O_CLOEXEC
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_FICLONE = 0x40049409


def checkpoint(operation: str, path: PathText) -> None:
    """Called before every change. Does nothing; fault tests put their own in its place."""


@contextlib.contextmanager
def describing(operation: str, path: PathText) -> Iterator[None]:
    """Turn an OSError into a FileError that names the path and what was attempted.

    Raises:
        FileError: With reference ``disk-full``, ``permission-denied``, ``read-only`` or
            ``file-system``.
    """
    try:
        yield
    except OSError as error:
        reference, hint = {
            errno.ENOSPC: ("disk-full", "free some space there, or set MINICON_ROOT elsewhere"),
            errno.EDQUOT: ("disk-full", "your quota there is used up"),
            errno.EACCES: ("permission-denied", "check who owns it"),
            errno.EPERM: ("permission-denied", "check who owns it"),
            errno.EROFS: ("read-only", "the file system is mounted read-only"),
        }.get(error.errno or 0, ("file-system", None))
        message = f"cannot {operation} {os.fspath(path)}: {error.strerror or error}"
        raise FileError(reference, message, hint=hint) from error


def make_directory(path: PathText, mode: int = 0o755) -> None:
    """Make a folder and its missing parents; fine if it is there already."""
    if not os.path.isdir(path):
        checkpoint("make_directory", path)
        os.makedirs(path, mode=mode, exist_ok=True)


def make_directory_at(directory: int, name: str, mode: int = 0o755) -> None:
    """Make one folder below an open one. Raises FileExistsError."""
    checkpoint("make_directory", name)
    os.mkdir(name, mode, dir_fd=directory)


def create_file(
    path: PathText, data: bytes | memoryview, mode: int = 0o644, *, directory: int | None = None
) -> None:
    """Write a file that must not exist yet; no link is followed. Raises FileExistsError."""
    checkpoint("create_file", path)
    descriptor = os.open(path, _NEW_FILE, mode, dir_fd=directory)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)


def replace_file(path: PathText, data: bytes, mode: int = 0o644, *, durable: bool = True) -> None:
    """Write a file whole: readers see the old content or the new, also after a power cut."""
    folder, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    try:
        create_file(temporary, data, mode)
        if durable:
            sync_file(temporary)
        rename(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        sync_directory(folder)


def append_file(path: PathText, data: bytes) -> None:
    """Append in one write call, making the file if it is missing."""
    checkpoint("append_file", path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def hard_link(
    source: PathText,
    target: PathText,
    *,
    source_directory: int | None = None,
    target_directory: int | None = None,
) -> None:
    """Make TARGET another name of SOURCE; links themselves are linked, not followed."""
    checkpoint("hard_link", target)
    os.link(
        source,
        target,
        src_dir_fd=source_directory,
        dst_dir_fd=target_directory,
        follow_symlinks=False,
    )


def symbolic_link(text: str, path: PathText, *, directory: int | None = None) -> None:
    """Make PATH a symbolic link that reads TEXT."""
    checkpoint("symbolic_link", path)
    os.symlink(text, path, dir_fd=directory)


def clone_file(source: PathText, target: PathText) -> bool:
    """Make TARGET a copy that shares blocks with SOURCE (reflink). False where unsupported."""
    import fcntl

    checkpoint("clone_file", target)
    with open(source, "rb") as reader:
        mode = os.fstat(reader.fileno()).st_mode & 0o777
        descriptor = os.open(target, _NEW_FILE, mode)
        try:
            fcntl.ioctl(descriptor, _FICLONE, reader.fileno())
        except OSError:
            os.unlink(target)
            return False
        finally:
            os.close(descriptor)
    return True


def copy_file(source: PathText, target: PathText) -> None:
    """Make TARGET a copy of SOURCE with its permission bits. Raises FileExistsError."""
    checkpoint("copy_file", target)
    with open(source, "rb") as reader:
        mode = os.fstat(reader.fileno()).st_mode & 0o777
        descriptor = os.open(target, _NEW_FILE, mode)
        with open(descriptor, "wb", closefd=True) as writer:
            os.fchmod(descriptor, mode)
            while chunk := reader.read(1 << 20):
                writer.write(chunk)


def set_mode(path: PathText, mode: int) -> None:
    """Set the permission bits of a file."""
    checkpoint("set_mode", path)
    os.chmod(path, mode)


def rename(source: PathText, target: PathText) -> None:
    """Rename, replacing a file (or an empty folder) that has the target's name."""
    checkpoint("rename", target)
    os.rename(source, target)


def exchange(first: PathText, second: PathText) -> bool:
    """Swap two paths in one step (``renameat2(RENAME_EXCHANGE)``). False where unsupported.

    Raises:
        OSError: The paths are not there, or may not be renamed.
    """
    checkpoint("exchange", second)
    libc = ctypes.CDLL(None, use_errno=True)
    function = getattr(libc, "renameat2", None)
    if function is None:
        return False
    done = function(
        _AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE
    )
    if done == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), os.fspath(second))


def remove_file(path: PathText, *, directory: int | None = None) -> None:
    """Remove a file or link. Raises FileNotFoundError."""
    checkpoint("remove_file", path)
    os.unlink(path, dir_fd=directory)


def remove_directory(path: PathText) -> None:
    """Remove an empty folder."""
    checkpoint("remove_directory", path)
    os.rmdir(path)


def sync_file(path: PathText) -> None:
    """Make the bytes of a file durable."""
    checkpoint("sync_file", path)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: PathText) -> None:
    """Make the names in a folder durable."""
    if os.name == "posix":
        sync_file(path)


def sync_file_system(path: PathText) -> None:
    """Make everything written to PATH's file system durable, in one call (``syncfs``)."""
    checkpoint("sync_file_system", path)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None or syncfs(descriptor) != 0:
            os.sync()
    finally:
        os.close(descriptor)
