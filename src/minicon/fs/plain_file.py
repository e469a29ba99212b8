"""Safe reading of files: regular ones up to a maximum size, and texts in any usual encoding."""

from __future__ import annotations

import errno
import os
import stat

#: Largest state file of minicon, in bytes.
STATE_LIMIT = 1 << 24
#: The same of what others write as well: records of 50,000 files have some 15 MB.
FILE_LIMIT = 1 << 28
#: Byte order marks. UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),  # PowerShell's >
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0)
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def read_plain_file(
    path: str | os.PathLike[str], limit: int = STATE_LIMIT, *, directory: int | None = None
) -> bytes:
    """Read a regular file without following a link or blocking on a pipe.

    Args:
        path: Path of the file, or its name in ``directory``.
        limit: Largest size in bytes.
        directory: Descriptor of an open folder.

    Raises:
        OSError: The file is missing, unreadable, not a regular file, or larger than ``limit``.
    """
    descriptor = open_plain_file(path, directory=directory)
    try:
        if os.fstat(descriptor).st_size > limit:
            raise OSError(errno.EFBIG, f"it is larger than {limit} bytes", os.fspath(path))
        with os.fdopen(descriptor, "rb", closefd=False) as reader:
            return reader.read(limit + 1)
    finally:
        os.close(descriptor)


def open_plain_file(path: str | os.PathLike[str], *, directory: int | None = None) -> int:
    """Open a regular file for reading, without following a link or blocking on a pipe.

    Args:
        path: Path of the file, or its name in ``directory``.
        directory: Descriptor of an open folder.

    Raises:
        OSError: The file is missing, unreadable, or not a regular file.
    """
    descriptor = os.open(path, _READ, dir_fd=directory)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a regular file", os.fspath(path))


def plain_opener(path: str, flags: int, folder: int | None = None) -> int:
    """Open a file of an environment, following links; for ``open(…, opener=…)``.

    Args:
        path: The file.
        flags: As for :func:`os.open`.
        folder: Descriptor of the folder that a relative path starts from.

    Raises:
        OSError: As :func:`read_plain_file`; a PermissionError if it is not a regular file.
    """
    descriptor = os.open(path, flags | _WITHOUT_WAITING, dir_fd=folder)
    facts = os.fstat(descriptor)
    if stat.S_ISREG(facts.st_mode) and facts.st_size <= FILE_LIMIT:
        return descriptor
    os.close(descriptor)
    raise PermissionError(errno.EPERM, "it is not a regular file, or too large", path)


def read_followed(path: str | os.PathLike[str]) -> bytes:
    """The content of a file in an environment. Raises as :func:`plain_opener`."""
    with open(path, "rb", opener=plain_opener) as reader:
        return reader.read()


def read_named_file(path: str | os.PathLike[str], limit: int = STATE_LIMIT) -> bytes:
    """Read a file, pipe or device that a user names: ``/dev/zero`` has no end and no size.

    Raises:
        OSError: It cannot be read, or has more bytes than ``limit``.
    """
    with open(path, "rb") as reader:
        data = reader.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit} bytes", os.fspath(path))
    return data


def decode_text(data: bytes, errors: str = "strict") -> str:
    """Decode a text file that a user wrote: UTF-8, or as its byte order mark says.

    Args:
        data: The content.
        errors: As for :meth:`bytes.decode`, for UTF-8.

    Raises:
        UnicodeDecodeError: It is neither UTF-8 nor of the encoding of its byte order mark.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "strict" if errors == "strict" else "replace")
    return data.decode("utf-8", errors)
