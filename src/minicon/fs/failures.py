"""Errors about files that a user named, with hints: what is in the way, or similar names."""

from __future__ import annotations

import errno
import os

from minicon.errors import ChannelError, FileError
from minicon.fs.safe_path import typed_path
from minicon.models.near_names import near_names
from minicon.models.url import Url, is_url
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def file_error(operation: str, path: str | os.PathLike[str], error: OSError) -> FileError:
    """Return what the system refused as an error: the operation (a verb), the path, and a hint."""
    reference, hint = {
        errno.ENOSPC: ("disk-full", "free some space, or set MINICON_ROOT to another disk"),
        errno.EDQUOT: ("disk-full", "your disk quota is exceeded"),
        errno.EFBIG: ("file-system", "'ulimit -f', or the file system, limits the size of files"),
        errno.EACCES: ("permission-denied", "check its owner and permissions"),
        errno.EPERM: ("permission-denied", "check its owner and permissions"),
        errno.EROFS: (
            "read-only",
            "the file system is mounted read-only; use a path on another one",
        ),
        errno.ENOTDIR: ("not-a-folder", "a file is at the path of a directory; use another path"),
        errno.EMFILE: ("file-system", "raise the limit of open files with 'ulimit -n 1024'"),
        errno.EISDIR: ("file-system", "pass a file, not a directory"),
        errno.ELOOP: ("link-in-the-way", "check where the link comes from, then remove it"),
    }.get(error.errno or 0, ("file-system", None))
    if operation == "read" and error.errno == errno.ENOENT:
        hint = near_files(path, "check its path")
    message = f"cannot {operation} {os.fspath(path)}: {error.strerror or error}"
    return FileError(reference, message, hint=hint)


def near_files(path: str | os.PathLike[str], otherwise: str) -> str:
    """Return a hint that offers entries of the same directory; ``otherwise`` if none is near."""
    folder, name = os.path.split(os.fspath(path))
    try:
        entries = os.listdir(folder or os.curdir)
    except OSError:
        return f"there is no directory {folder!r} either"
    near = [os.path.join(folder, entry) for entry in near_names(name, entries)]
    return f"did you mean {' or '.join(near)}?" if near else otherwise


def channel_folder(text: str) -> Path:
    """Return the absolute path of a directory of a channel, which may be given as ``file:`` URL.

    Raises:
        ChannelError: ``no-channel-folder``: it does not exist, or is on a server.
        SpecError: It is a URL that no channel can have.
    """
    path = Url(text).file_path if is_url(text) else text
    if path is None:
        message = f"{redact(text)} is on a server, not a directory"
        raise ChannelError("no-channel-folder", message, hint="run it where the packages are")
    folder = typed_path(path).absolute()
    if not folder.is_dir():
        hint = near_files(
            path.rstrip("/"), "create it with packages in noarch/, linux-64/ and so on"
        )
        raise ChannelError("no-channel-folder", f"directory {folder} does not exist", hint=hint)
    return folder
