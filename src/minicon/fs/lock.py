"""Locks between processes, with the holder's name in the lock file and a timeout for waiting.

``flock`` is used if the file system supports it: the kernel releases the lock when its holder ends
in any way. Otherwise (some network file systems), the lock is a file that is created exclusively;
one that was left by a dead process of this machine is removed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import time
from functools import partial
from pathlib import Path

from minicon.errors import FileError
from minicon.fs import operations
from minicon.fs.operations import describing
from minicon.fs.plain_file import read_plain_file
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from minicon.errors import MiniconError
    from minicon.fs.folder import Folder

DEFAULT_TIMEOUT = 600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.25
#: Windows locks bytes of the file; this one is far behind the holder's text, which stays readable.
_WINDOWS_LOCK_BYTE = 1 << 20
#: Largest lock file, in bytes, and upper bound of process ids.
_TEXT_LIMIT, _PIDS = 1 << 20, 1 << 31
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
_BUSY = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}


def _host_name() -> str:
    if os.name == "posix":
        return os.uname().nodename
    import socket

    return socket.gethostname()


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The process that holds a lock, according to the lock file."""

    pid: int | None = None
    host: str = ""
    command: str = ""

    def __str__(self) -> str:
        if self.pid is None:
            return "another process"
        where = f" on {self.host}" if self.host != _host_name() else ""
        what = f" ({self.command})" if self.command else ""
        return f"process {self.pid}{where}{what}"


@contextlib.contextmanager
def locked(
    path: str | os.PathLike[str],
    *,
    made: Callable[[], Folder] | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    shared: bool = False,
    on_wait: Callable[[LockHolder], None] | None = None,
    busy: Callable[[LockHolder], MiniconError] | None = None,
) -> Iterator[None]:
    """Hold a lock for the duration of a ``with`` block.

    Threads of the same process exclude each other, too. The lock file is not removed.

    Args:
        path: The lock file.
        made: Opens the folder of the lock file, and creates it if it is missing; by default by its
            path, following links.
        timeout: Longest wait in seconds; 0 tries once.
        shared: Whether other holders of a shared lock are allowed at the same time.
        on_wait: Called once with the lock's holder when waiting starts.
        busy: Creates the error to raise after the timeout, for instance a PrefixLocked.

    Raises:
        FileError: ``locked``, if ``busy`` is not given; or the lock file cannot be created.
    """
    path = Path(path)
    lock = _acquire(path, made or partial(_made, path.parent), timeout, shared, on_wait, busy)
    try:
        yield
    finally:
        lock.release()


def _acquire(
    path: Path,
    made: Callable[[], Folder],
    timeout: float,
    shared: bool,
    on_wait: Callable[[LockHolder], None] | None,
    busy: Callable[[LockHolder], MiniconError] | None,
) -> _Lock:
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    is_reported = False
    while True:
        with describing("lock", path), made() as folder:
            lock = _try_flock(path, folder, shared) or _try_exclusive_file(path, folder)
        if lock.is_held:
            return lock
        holder = read_holder(path)
        if time.monotonic() >= deadline:
            raise busy(holder) if busy else _still_locked(path, holder)
        if on_wait is not None and not is_reported:
            on_wait(holder)
            is_reported = True
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(pause * 2, _LONGEST_PAUSE)


def _made(path: Path) -> Folder:
    from minicon.fs.folder import Folder

    operations.make_directory(path)
    return Folder.open(path)


def _still_locked(path: Path, holder: LockHolder) -> FileError:
    message = f"{path} is locked by {holder}"
    return FileError("locked", message, hint="wait until it has finished, then try again")


def read_holder(path: str | os.PathLike[str]) -> LockHolder:
    """The current or last holder of a lock; unknown values are omitted. Never fails."""
    path = Path(path)
    return _holder_in(path) or _holder_in(_exclusive_name(path)) or LockHolder()


def _holder_in(path: Path) -> LockHolder | None:
    """The holder in a lock file; None if it is not in the form of :func:`_holder_text`."""
    try:
        data = json.loads(read_plain_file(path, _TEXT_LIMIT))
        holder = LockHolder(data["pid"], data["host"], data["command"][:200])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    texts = (holder.host, holder.command)
    is_sound = type(holder.pid) is int and 0 < holder.pid < _PIDS
    return holder if is_sound and all(isinstance(text, str) for text in texts) else None


def _holder_text() -> bytes:
    command = " ".join([os.path.basename(sys.argv[0]) if sys.argv else "", *sys.argv[1:2]])
    data = {"pid": os.getpid(), "host": _host_name(), "command": command}
    return json.dumps(data).encode()


class _Lock:
    """A lock, held by an open descriptor or by the existence of a file; or not held."""

    def __init__(
        self, descriptor: int | None = None, folder: Folder | None = None, name: str = ""
    ) -> None:
        self._descriptor = descriptor
        self._folder = folder
        self._name = name

    @property
    def is_held(self) -> bool:
        return self._descriptor is not None or self._folder is not None

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        if self._folder is not None:
            with contextlib.suppress(OSError), self._folder:
                self._folder.remove_file(self._name)


def _try_flock(path: Path, folder: Folder, shared: bool) -> _Lock | None:
    """Try to lock with ``flock``; None if the file system does not support it."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(folder.at(path.name), flags, 0o664, dir_fd=folder.descriptor)
    except FileNotFoundError:  # the last holder removed its folder meanwhile: try again
        return _Lock()
    try:
        _lock_descriptor(descriptor, shared)
        if not _is_still(path, descriptor):
            return _closed(descriptor)  # the file was removed meanwhile: try again
        # The text only informs waiting processes. Of several holders of a shared lock, the first
        # is named.
        if not (shared and _is_living(_holder_in(path))):
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, _holder_text())
    except OSError as error:
        os.close(descriptor)
        if error.errno in _UNSUPPORTED:
            return None
        if error.errno in _BUSY:
            return _Lock()
        raise
    except BaseException:
        os.close(descriptor)
        raise
    return _Lock(descriptor)


def _lock_descriptor(descriptor: int, shared: bool) -> None:
    """Lock without waiting. Raises OSError: held by another process, or not supported."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _WINDOWS_LOCK_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def _closed(descriptor: int) -> _Lock:
    os.close(descriptor)
    return _Lock()


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the path still refers to the locked file."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _exclusive_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.held")


def _try_exclusive_file(path: Path, folder: Folder) -> _Lock:
    """Try to lock by creating a file; a shared lock is exclusive then."""
    held = _exclusive_name(path)
    try:
        folder.create_file(held.name, _holder_text())
    except FileExistsError:
        holder = read_holder(held)
        if holder.pid is None or holder.host != _host_name() or _is_alive(holder.pid):
            return _Lock()
        return _take_over(held, folder)
    return _Lock(folder=folder.folder(""), name=held.name)


def _take_over(held: Path, folder: Folder) -> _Lock:
    """Remove a dead holder's file. The rename succeeds for only one of several processes."""
    removed = held.with_name(f"{held.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        folder.rename(held.name, folder, removed.name)
        if not _is_dead(read_holder(removed)):
            folder.rename(removed.name, folder, held.name)  # another process has locked meanwhile
        else:
            folder.remove_file(removed.name)
    return _Lock()


def _is_living(holder: LockHolder | None) -> bool:
    """Whether a holder on this machine is running; its id may be that of a later process."""
    return (
        holder is not None
        and holder.pid is not None
        and holder.host == _host_name()
        and _is_alive(holder.pid)
    )


def _is_dead(holder: LockHolder) -> bool:
    return holder.pid is not None and not _is_alive(holder.pid)


def _is_alive(pid: int) -> bool:
    if os.name != "posix":
        return True  # os.kill would end the process on Windows
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
