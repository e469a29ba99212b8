"""Every change that minicon makes to a file system: about a dozen functions, and no others.

All layers call these instead of ``os`` or ``shutil``, so that a test can fail or kill the
process at the N-th call and look at what is left (``tests/support/faults.py`` replaces
:func:`checkpoint`). Reading needs no such care and is done directly.

Paths may be ``str`` or ``Path``; functions with ``directory`` arguments take an open
descriptor and a name below it, so that no link in between can redirect them. Below an
environment all changes are made so (:mod:`minicon.fs.folder`).
"""

from __future__ import annotations

import contextlib
import errno
import os

from minicon.errors import FileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from os import PathLike

    PathText = str | PathLike[str]

# Windows lacks some of these flags, and needs another one to leave line ends alone.
_CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_WRITTEN_FILE = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | _CLOSE_ON_EXEC
_NEW_FILE = _WRITTEN_FILE | os.O_EXCL
_APPENDED_FILE = _WRITTEN_FILE | os.O_APPEND
_TIME_BY_DESCRIPTOR = os.utime in os.supports_fd
_ALL_BY_DESCRIPTOR = {os.utime, os.chmod} <= os.supports_fd
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_CHUNK = 1 << 20
_FICLONE = 0x40049409


def checkpoint(operation: str, path: PathText | bytes, directory: int | None = None) -> None:
    """Called before every change. Does nothing; fault tests put their own in its place."""


@contextlib.contextmanager
def describing(operation: str, path: PathText) -> Iterator[None]:
    """Turn an OSError into a FileError that names the path and what was attempted."""
    try:
        yield
    except OSError as error:
        reference, hint = {
            errno.ENOSPC: ("disk-full", "free some space there, or set MINICON_ROOT elsewhere"),
            errno.EDQUOT: ("disk-full", "your quota there is used up"),
            errno.EACCES: ("permission-denied", "check who owns it"),
            errno.EPERM: ("permission-denied", "check who owns it"),
            errno.EROFS: ("read-only", "the file system is mounted read-only"),
            errno.ELOOP: ("link-in-the-way", "find out who put it there, then remove the link"),
        }.get(error.errno or 0, ("file-system", None))
        message = f"cannot {operation} {os.fspath(path)}: {error.strerror or error}"
        raise FileError(reference, message, hint=hint) from error


def make_directory(path: PathText, mode: int = 0o755) -> None:
    """Make a folder and its missing parents; fine if it is there already."""
    if not os.path.isdir(path):
        checkpoint("make_directory", path)
        os.makedirs(path, mode=mode, exist_ok=True)


def make_directory_at(directory: int | None, name: str, mode: int = 0o755) -> None:
    """Make one folder below an open one (None: NAME is a path). Raises FileExistsError."""
    checkpoint("make_directory", name, directory)
    os.mkdir(name, mode, dir_fd=directory)


def create_file(
    path: PathText,
    data: bytes | memoryview,
    mode: int = 0o644,
    *,
    directory: int | None = None,
    modified_ns: int | None = None,
) -> None:
    """Write a file that must not exist yet; no link is followed. Raises FileExistsError.

    The process's umask applies to MODE. MODIFIED_NS is its modification time in nanoseconds.
    """
    # The inner loop of every extraction: no further calls.
    checkpoint("create_file", path, directory)
    descriptor = os.open(path, _NEW_FILE, mode, dir_fd=directory)
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, memoryview(data)[written:])
        if modified_ns is not None and _TIME_BY_DESCRIPTOR:
            os.utime(descriptor, ns=(modified_ns, modified_ns))
    finally:
        os.close(descriptor)
    if modified_ns is not None and not _TIME_BY_DESCRIPTOR:
        os.utime(path, ns=(modified_ns, modified_ns))


def create_file_from(
    chunks: Iterable[bytes | memoryview],
    path: PathText,
    mode: int = 0o644,
    *,
    directory: int | None = None,
    modified_ns: int | None = None,
) -> None:
    """Write a new file from pieces, as :func:`create_file` does for data at hand.

    What CHUNKS raises is passed on, and leaves the file cut: the caller removes it.
    """
    checkpoint("create_file", path, directory)
    descriptor = os.open(path, _NEW_FILE, mode, dir_fd=directory)
    try:
        for chunk in chunks:
            written = os.write(descriptor, chunk)
            while written < len(chunk):
                written += os.write(descriptor, memoryview(chunk)[written:])
        if modified_ns is not None and _TIME_BY_DESCRIPTOR:
            os.utime(descriptor, ns=(modified_ns, modified_ns))
    finally:
        os.close(descriptor)
    if modified_ns is not None and not _TIME_BY_DESCRIPTOR:
        os.utime(path, ns=(modified_ns, modified_ns))


def replace_file(
    path: PathText,
    data: bytes,
    mode: int = 0o644,
    *,
    directory: int | None = None,
    durable: bool = True,
    modified_ns: int | None = None,
) -> None:
    """Write a file whole: readers see the old content or the new, also after a power cut.

    With DIRECTORY, PATH is a name in that open folder. A link that bears the name is replaced.
    """
    text = os.fspath(path) if directory is not None else os.path.abspath(path)
    folder, name = os.path.split(text)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=directory)
    try:
        create_file(temporary, data, mode, directory=directory, modified_ns=modified_ns)
        if durable:
            sync_file(temporary, directory=directory)
        rename(temporary, text, source_directory=directory, target_directory=directory)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise
    if durable:
        sync_directory(folder or ".", directory=directory)


def append_file(path: PathText, data: bytes, *, directory: int | None = None) -> None:
    """Append in one write call, making the file if it is missing; no link is followed."""
    checkpoint("append_file", path, directory)
    descriptor = os.open(path, _APPENDED_FILE, 0o644, dir_fd=directory)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def append_file_from(chunks: Iterable[bytes | memoryview], path: PathText) -> None:
    """Append pieces as they come, making the file if it is missing; no link is followed.

    Each piece is in the file before the next one is asked for. What CHUNKS raises is passed on
    and leaves what came before it.
    """
    descriptor = os.open(path, _APPENDED_FILE, 0o644)
    try:
        for chunk in chunks:
            checkpoint("append_file", path)
            written = os.write(descriptor, chunk)
            while written < len(chunk):
                written += os.write(descriptor, memoryview(chunk)[written:])
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
    checkpoint("hard_link", target, target_directory)
    os.link(
        source,
        target,
        src_dir_fd=source_directory,
        dst_dir_fd=target_directory,
        follow_symlinks=False,
    )


def hard_link_names(names: Sequence[str], source_directory: int, target_directory: int) -> None:
    """Make files of one open folder files of another, too, under the same names.

    What :func:`hard_link` does for one, in a loop without overhead: linking is the inner loop
    of every change. Raises OSError at the first name that fails, which it has in bytes.
    """
    if not names:
        return
    link = os.link
    for name in os.fsencode("/".join(names)).split(b"/"):  # os.link would encode each of them twice
        checkpoint("hard_link", name, target_directory)
        link(
            name,
            name,
            src_dir_fd=source_directory,
            dst_dir_fd=target_directory,
            follow_symlinks=False,
        )


def symbolic_link(text: str, path: PathText, *, directory: int | None = None) -> None:
    """Make PATH a symbolic link that reads TEXT."""
    checkpoint("symbolic_link", path, directory)
    os.symlink(text, path, dir_fd=directory)


def clone_file(source: PathText, target: PathText, *, directory: int | None = None) -> bool:
    """Make TARGET a copy that shares blocks with SOURCE (reflink). False where unsupported.

    Permission bits and modification time are those of SOURCE. Raises FileExistsError.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such call
        return False
    checkpoint("clone_file", target, directory)
    with open(source, "rb") as reader:
        facts = os.fstat(reader.fileno())
        descriptor = os.open(target, _NEW_FILE, facts.st_mode & 0o777, dir_fd=directory)
        try:
            fcntl.ioctl(descriptor, _FICLONE, reader.fileno())
            os.utime(descriptor, ns=(facts.st_mtime_ns, facts.st_mtime_ns))
        except OSError:
            os.unlink(target, dir_fd=directory)
            return False
        finally:
            os.close(descriptor)
    return True


def copy_file(source: PathText, target: PathText, *, directory: int | None = None) -> None:
    """Make TARGET a copy of SOURCE with its permission bits and time. Raises FileExistsError.

    The time matters: bytecode that a package ships names the one of its source file.
    """
    checkpoint("copy_file", target, directory)
    reader = os.open(source, os.O_RDONLY | _CLOSE_ON_EXEC)
    try:
        facts = os.fstat(reader)
        mode = facts.st_mode & 0o777
        times = (facts.st_mtime_ns, facts.st_mtime_ns)
        writer = os.open(target, _NEW_FILE, mode, dir_fd=directory)
        try:
            while chunk := os.read(reader, min(facts.st_size, _CHUNK) or _CHUNK):
                written = os.write(writer, chunk)
                while written < len(chunk):
                    written += os.write(writer, memoryview(chunk)[written:])
                if len(chunk) == facts.st_size:  # most files: the next read would say so
                    break
            if _ALL_BY_DESCRIPTOR:
                os.chmod(writer, mode)
                os.utime(writer, ns=times)
        finally:
            os.close(writer)
    finally:
        os.close(reader)
    if not _ALL_BY_DESCRIPTOR:
        os.chmod(target, mode)
        os.utime(target, ns=times)


def set_mode(path: PathText, mode: int, *, directory: int | None = None) -> None:
    """Set the permission bits of a file or folder. Raises OSError for a link."""
    checkpoint("set_mode", path, directory)
    if os.chmod not in os.supports_dir_fd:  # Windows
        os.chmod(path, mode)
        return
    try:
        os.chmod(path, mode, dir_fd=directory, follow_symlinks=False)
    except (NotImplementedError, ValueError):  # a C library that cannot
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            os.chmod(f"/proc/self/fd/{descriptor}", mode)
        finally:
            os.close(descriptor)


def touch(path: PathText, *, directory: int | None = None) -> int:
    """Give a file or folder the time that its file system's clock shows; returns it (ns)."""
    checkpoint("touch", path, directory)
    os.utime(path, dir_fd=directory)
    return os.stat(path, dir_fd=directory).st_mtime_ns


def set_owner(path: PathText, user: int, group: int, *, directory: int | None = None) -> None:
    """Give a file or link, not what a link leads to, to a user and a group."""
    checkpoint("set_owner", path, directory)
    os.chown(path, user, group, dir_fd=directory, follow_symlinks=False)


def rename(
    source: PathText,
    target: PathText,
    *,
    source_directory: int | None = None,
    target_directory: int | None = None,
) -> None:
    """Rename, replacing a file (or an empty folder) that has the target's name."""
    checkpoint("rename", target, target_directory)
    os.rename(source, target, src_dir_fd=source_directory, dst_dir_fd=target_directory)


def exchange(
    first: PathText,
    second: PathText,
    *,
    first_directory: int | None = None,
    second_directory: int | None = None,
) -> bool:
    """Swap two paths in one step (``renameat2(RENAME_EXCHANGE)``). False where unsupported.

    Raises:
        OSError: The paths are not there, or may not be renamed.
    """
    checkpoint("exchange", second, second_directory)
    import ctypes

    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        return False
    paths = [
        argument
        for path, directory in ((first, first_directory), (second, second_directory))
        for argument in (_AT_FDCWD if directory is None else directory, os.fsencode(path))
    ]
    if function(*paths, _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), os.fspath(second))


def remove_file(path: PathText, *, directory: int | None = None) -> None:
    """Remove a file or link. Raises FileNotFoundError."""
    checkpoint("remove_file", path, directory)
    os.unlink(path, dir_fd=directory)


def remove_directory(path: PathText, *, directory: int | None = None) -> None:
    """Remove an empty folder."""
    checkpoint("remove_directory", path, directory)
    os.rmdir(path, dir_fd=directory)


def sync_file(path: PathText, *, directory: int | None = None) -> None:
    """Make the bytes of a file durable."""
    checkpoint("sync_file", path, directory)
    descriptor = os.open(path, os.O_RDONLY | _CLOSE_ON_EXEC, dir_fd=directory)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: PathText, *, directory: int | None = None) -> None:
    """Make the names in a folder durable."""
    if os.name == "posix":
        sync_file(path, directory=directory)


def sync_file_system(path: PathText) -> None:
    """Make everything written to PATH's file system durable, in one call (``syncfs``)."""
    checkpoint("sync_file_system", path)
    import ctypes

    descriptor = os.open(path, os.O_RDONLY | _CLOSE_ON_EXEC)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None or syncfs(descriptor) != 0:
            os.sync()
    finally:
        os.close(descriptor)
