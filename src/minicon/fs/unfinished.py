"""Outputs that appear under their names once they are complete: files and directories.

Where the file system can, a file has no name until then (``O_TMPFILE``), and nothing is left of a
process that is killed. Otherwise, and for directories, ``.NAME.RANDOM.tmp`` beside the output is
locked while it is written; the next output of that name removes those that no process locks.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat

from minicon.fs import operations
from minicon.fs.failures import file_error
from minicon.fs.remove import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType
    from typing import BinaryIO

_UNNAMED = getattr(os, "O_TMPFILE", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
#: Added to the number of the signal that ended a process, as shells do.
_BY_SIGNAL = 128


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Convert an OSError to a FileError about an output, or about the file that was read for it."""
    try:
        yield
    except OSError as error:
        name = error.filename
        is_other = isinstance(name, str) and os.path.isabs(name) and name != str(path)
        if is_other and not name.startswith(f"{path.parent}{os.sep}.{path.name}."):
            raise file_error("read", name, error) from error
        raise file_error("write", path, error) from error


@contextlib.contextmanager
def new_file(path: Path, mode: int | None = None) -> Iterator[BinaryIO]:
    """Open a file that appears under its name when it is complete, replacing another one.

    Args:
        path: The file.
        mode: Its permissions; by default 0666 and the umask.

    Raises:
        OSError: Disk full and the like; nothing is left.
    """
    _remove_abandoned(path)
    operations.checkpoint("create_file", path)
    temporary = _temporary(path)
    with _ended_by_signals():
        descriptor = _open_unnamed(path.parent)
        is_named = descriptor is None
        if descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            descriptor = os.open(temporary, flags, 0o666)
        try:
            with open(descriptor, "w+b") as file:
                if mode is not None and os.chmod in os.supports_fd:
                    os.chmod(descriptor, mode)
                _lock(descriptor)
                yield file
                file.flush()
                if not is_named:
                    _name(descriptor, temporary)
                    is_named = True
            operations.rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                if is_named:
                    os.unlink(temporary)
            raise


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make a hidden directory beside a path, from which the output is renamed.

    What is left in it is removed at the end; if that fails, with the next output.

    Raises:
        OSError: Disk full and the like.
    """
    _remove_abandoned(path)
    temporary = _temporary(path)
    with _ended_by_signals(), contextlib.ExitStack() as opened:
        opened.callback(_remove, temporary)
        operations.make_directory(temporary)
        if os.name == "posix":
            descriptor = os.open(temporary, _FOLDER)
            opened.callback(os.close, descriptor)
            _lock(descriptor)
        yield temporary


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        remove_tree(path)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")


def _open_unnamed(folder: Path) -> int | None:
    """Create a file without a name; None where that is impossible."""
    if not _UNNAMED or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.open(folder, os.O_RDWR | _UNNAMED | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ENOENT):
            raise
        return None  # the file system does not support it


def _name(descriptor: int, path: Path) -> None:
    """Give a file without a name one."""
    folder = os.open(path.parent, _FOLDER)
    try:
        source = f"/proc/self/fd/{descriptor}"
        os.link(source, path.name, dst_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def _lock(descriptor: int) -> bool:
    """Lock a file or directory until it is closed; False if another process has, or on Windows."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_abandoned(path: Path) -> None:
    """Remove what killed processes left of an output."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}\.tmp")
    with contextlib.suppress(OSError):
        for name in os.listdir(path.parent):
            if pattern.fullmatch(name):
                _remove_unless_locked(path.parent / name)


def _remove_unless_locked(path: Path) -> None:
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        return
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        if _lock(descriptor):
            remove_tree(path)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End the process by an exception if it gets SIGTERM, as by SIGINT, so that it cleans up."""
    import signal
    import threading

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        raise SystemExit(_BY_SIGNAL + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
