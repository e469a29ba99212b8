"""All operations by which minicon changes a file system.

All layers call these functions instead of ``os`` or ``shutil``, so that a test can make the N-th
call fail, or kill the process there, and examine the result (``tests/support/faults.py`` replaces
:func:`checkpoint`). Reading is done directly.

Paths are ``str`` or ``Path``. With a ``directory`` argument, the descriptor of an open folder, the
path is a name in that folder, so that no link can redirect the operation. All changes below an
environment are made that way (:mod:`minicon.fs.folder`). Functions raise OSError.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from os import PathLike

    PathText = str | PathLike[str]

# Windows lacks some of these flags, and needs O_BINARY to keep line ends.
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
    """Called before every change. Does nothing; fault tests replace it."""


@contextlib.contextmanager
def describing(operation: str, path: PathText) -> Iterator[None]:
    """Convert an OSError to a FileError with the operation (a verb) and the path."""
    try:
        yield
    except OSError as error:
        from minicon.fs.failures import file_error

        raise file_error(operation, path, error) from error


def make_directory(path: PathText, mode: int = 0o755) -> None:
    """Create a directory and its missing parents, if it does not exist."""
    if not os.path.isdir(path):
        checkpoint("make_directory", path)
        os.makedirs(path, mode=mode, exist_ok=True)


def make_directory_at(directory: int | None, name: str, mode: int = 0o755) -> None:
    """Create a directory in an open one (None: ``name`` is a path). Raises FileExistsError."""
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
    """Create a file, without following a link. Raises FileExistsError.

    The process's umask is applied to ``mode``. ``modified_ns`` is the modification time in
    nanoseconds, by default the current time.
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
    """Create a file from chunks of data, as :func:`create_file`.

    An exception of the iterable is passed on and leaves a truncated file, which the caller removes.
    """
    checkpoint("create_file", path, directory)
    descriptor = os.open(path, _NEW_FILE, mode, dir_fd=directory)
    try:
        for chunk in chunks:
            _write_all(descriptor, chunk)
        if modified_ns is not None and _TIME_BY_DESCRIPTOR:
            os.utime(descriptor, ns=(modified_ns, modified_ns))
    finally:
        os.close(descriptor)
    if modified_ns is not None and not _TIME_BY_DESCRIPTOR:
        os.utime(path, ns=(modified_ns, modified_ns))


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def replace_file(
    path: PathText,
    data: bytes | Iterable[bytes],
    mode: int = 0o644,
    *,
    directory: int | None = None,
    durable: bool = True,
    modified_ns: int | None = None,
) -> None:
    """Replace a file atomically: readers see the old or the new content, also after a power cut.

    The data may be in pieces. A link of that name is replaced. Without ``durable``, a power cut can
    lose the content.
    """
    text = os.fspath(path) if directory is not None else os.path.abspath(path)
    folder, name = os.path.split(text)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=directory)
    try:
        pieces = (data,) if isinstance(data, bytes) else data
        create_file_from(pieces, temporary, mode, directory=directory, modified_ns=modified_ns)
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
    """Append to a file in one call, creating it if missing, without following a link."""
    checkpoint("append_file", path, directory)
    descriptor = os.open(path, _APPENDED_FILE, 0o644, dir_fd=directory)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def append_file_from(chunks: Iterable[bytes | memoryview], path: PathText) -> None:
    """Append chunks to a file, creating it if missing, without following a link.

    Each chunk is written before the next one is requested. An exception of the iterable is passed
    on; the chunks before it stay in the file.
    """
    descriptor = os.open(path, _APPENDED_FILE, 0o644)
    try:
        for chunk in chunks:
            checkpoint("append_file", path)
            _write_all(descriptor, chunk)
    finally:
        os.close(descriptor)


def hard_link(
    source: PathText,
    target: PathText,
    *,
    source_directory: int | None = None,
    target_directory: int | None = None,
) -> None:
    """Create a hard link ``target`` to ``source``; a symbolic link is linked, not followed."""
    checkpoint("hard_link", target, target_directory)
    os.link(
        source,
        target,
        src_dir_fd=source_directory,
        dst_dir_fd=target_directory,
        follow_symlinks=False,
    )


def hard_link_names(names: Sequence[str], source_directory: int, target_directory: int) -> None:
    """Create hard links to files of one open folder in another, with the same names.

    As :func:`hard_link` for each name, without overhead, because linking is the inner loop of
    installation. Raises OSError, with the name in bytes, for the first name that fails.
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
    """Create a symbolic link at ``path`` with the target ``text``."""
    checkpoint("symbolic_link", path, directory)
    os.symlink(text, path, dir_fd=directory)


def clone_file(source: PathText, target: PathText, *, directory: int | None = None) -> bool:
    """Create a copy that shares disk blocks with the source (reflink); False if unsupported.

    Permission bits and modification time are copied. Raises FileExistsError.
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
    """Copy a file with its permission bits and modification time. Raises FileExistsError.

    The time matters, because bytecode in packages contains the time of its source file.
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
                _write_all(writer, chunk)
                if len(chunk) == facts.st_size:  # most files; saves a read at the end
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
    """Set the permission bits of a file or directory. Raises OSError for a link."""
    checkpoint("set_mode", path, directory)
    if os.chmod not in os.supports_dir_fd:  # Windows
        os.chmod(path, mode)
        return
    try:
        os.chmod(path, mode, dir_fd=directory, follow_symlinks=False)
    except (NotImplementedError, ValueError):  # not supported by the C library
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            os.chmod(f"/proc/self/fd/{descriptor}", mode)
        finally:
            os.close(descriptor)


def touch(path: PathText, *, directory: int | None = None) -> int:
    """Set the modification time to the file system's current time; return it in nanoseconds."""
    checkpoint("touch", path, directory)
    os.utime(path, dir_fd=directory)
    return os.stat(path, dir_fd=directory).st_mtime_ns


def set_owner(path: PathText, user: int, group: int, *, directory: int | None = None) -> None:
    """Set user and group of a file or link, not of a link's target."""
    checkpoint("set_owner", path, directory)
    os.chown(path, user, group, dir_fd=directory, follow_symlinks=False)


def rename(
    source: PathText,
    target: PathText,
    *,
    source_directory: int | None = None,
    target_directory: int | None = None,
) -> None:
    """Rename, replacing a file, link or empty directory of the target's name; never a device."""
    checkpoint("rename", target, target_directory)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        mode = os.lstat(target, dir_fd=target_directory).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
            raise OSError(errno.EINVAL, "it is a device or a pipe", os.fspath(target))
    os.rename(source, target, src_dir_fd=source_directory, dst_dir_fd=target_directory)


def exchange(
    first: PathText,
    second: PathText,
    *,
    first_directory: int | None = None,
    second_directory: int | None = None,
) -> bool:
    """Swap two paths atomically (``renameat2(RENAME_EXCHANGE)``); False if unsupported.

    Raises:
        OSError: A path does not exist, or cannot be renamed.
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
    """Remove an empty directory."""
    checkpoint("remove_directory", path, directory)
    os.rmdir(path, dir_fd=directory)


def sync_file(path: PathText, *, directory: int | None = None) -> None:
    """Make the content of a file durable."""
    checkpoint("sync_file", path, directory)
    descriptor = os.open(path, os.O_RDONLY | _CLOSE_ON_EXEC, dir_fd=directory)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: PathText, *, directory: int | None = None) -> None:
    """Make the names in a directory durable."""
    if os.name == "posix":
        sync_file(path, directory=directory)


def sync_file_system(path: PathText) -> None:
    """Make everything on the file system of a path durable, in one call (``syncfs``)."""
    checkpoint("sync_file_system", path)
    import ctypes

    descriptor = os.open(path, os.O_RDONLY | _CLOSE_ON_EXEC)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None or syncfs(descriptor) != 0:
            os.sync()
    finally:
        os.close(descriptor)
