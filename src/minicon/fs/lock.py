"""Locks between processes: who holds one is written in it, and no wait is without an end.

``flock`` is used where the file system has it: the kernel gives the lock back when its holder
dies, however it dies. Where it has none (some network file systems), the lock is a file that
must not exist yet; one left behind by a dead process of this machine is taken over.
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
#: Windows locks bytes; this one lies far behind the holder's text, which stays readable.
_WINDOWS_LOCK_BYTE = 1 << 20
#: Bytes of the longest text that a holder writes, and the end of what can be a process's number.
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
    """Who holds a lock, as far as its file tells."""

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
    """Hold a lock for the time of a ``with`` block.

    Threads of one process exclude each other too. The lock file stays behind, some bytes long.

    Args:
        path: The lock file.
        made: Opens the folder of the lock file, and makes it if it is missing; by default by its
            path, along which links are followed.
        timeout: Seconds to wait at most; 0 tries once.
        shared: Together with others that ask for a shared lock, against those that do not.
        on_wait: Told once who holds the lock, when waiting begins.
        busy: Makes the error for a wait that was in vain, for instance a PrefixLocked.

    Raises:
        FileError: ``locked``, where BUSY is not given; or the lock file cannot be made.
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
    told = False
    while True:
        with describing("lock", path), made() as folder:
            lock = _try_flock(path, folder, shared) or _try_exclusive_file(path, folder)
        if lock.is_held:
            return lock
        holder = read_holder(path)
        if time.monotonic() >= deadline:
            raise busy(holder) if busy else _in_vain(path, holder)
        if on_wait is not None and not told:
            on_wait(holder)
            told = True
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(pause * 2, _LONGEST_PAUSE)


def _made(path: Path) -> Folder:
    from minicon.fs.folder import Folder

    operations.make_directory(path)
    return Folder.open(path)


def _in_vain(path: Path, holder: LockHolder) -> FileError:
    message = f"{path} is locked by {holder}"
    return FileError("locked", message, hint="wait for it to end, then try again")


def read_holder(path: str | os.PathLike[str]) -> LockHolder:
    """Who holds, or last held, a lock. Never fails: what cannot be read is left out."""
    path = Path(path)
    return _holder_in(path) or _holder_in(_exclusive_name(path)) or LockHolder()


def _holder_in(path: Path) -> LockHolder | None:
    """Who is named in a lock file; None where nobody is, in the form of :func:`_holder_text`."""
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
    """A lock that is held, or not: by an open descriptor, or by a file's existence in a folder."""

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
    """Held or not; None where the file system knows no such locks."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(folder.at(path.name), flags, 0o664, dir_fd=folder.descriptor)
    except FileNotFoundError:  # its folder was removed meanwhile by who held it: try again
        return _Lock()
    try:
        _lock_descriptor(descriptor, shared)
        if not _is_still(path, descriptor):
            return _closed(descriptor)  # the file was removed meanwhile: try again
        # The text is only a courtesy to those who wait; the lock is the descriptor's. Of several
        # who share it, the first one is named.
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
    """Ask the kernel, without waiting. Raises OSError: held by another, or not supported."""
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
    """Whether the path still names the file that was locked."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _exclusive_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.held")


def _try_exclusive_file(path: Path, folder: Folder) -> _Lock:
    """The protocol without kernel locks; a shared lock is exclusive here."""
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
    """Take away a dead holder's file. Of several who try, the rename lets one succeed."""
    grave = held.with_name(f"{held.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        folder.rename(held.name, folder, grave.name)
        if not _is_dead(read_holder(grave)):
            folder.rename(grave.name, folder, held.name)  # somebody was quicker, and holds it now
        else:
            folder.remove_file(grave.name)
    return _Lock()


def _is_living(holder: LockHolder | None) -> bool:
    """Whether a process of this machine is there; a later one may have taken its number."""
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
        return True  # there, os.kill would not only ask
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
