"""Open the files of a channel's directory: regular ones below it, and no links."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from minicon.closing import Closing
from minicon.fs.folder import Folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Files up to this size are read at once, while they are opened.
_SMALL = 1 << 18
#: Errors of a path that names no file: it is missing, a directory, a link, or its name is invalid.
_MISSING = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EINVAL, errno.ENAMETOOLONG}
)


class OpenedFile(Closing):
    """An open file of a channel. A context manager.

    Attributes:
        descriptor: Of the open file; -1 if it was read already.
        size: Bytes.
        modified: Time of the last change, in seconds since 1970.
        etag: Entity tag, with quotes: time in nanoseconds and size.
        content: The whole content, if the file is small.
    """

    __slots__ = ("content", "descriptor", "etag", "modified", "size")

    def __init__(self, descriptor: int, facts: os.stat_result, content: bytes | None) -> None:
        self.descriptor = descriptor
        self.size = facts.st_size
        self.modified = facts.st_mtime
        self.etag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
        self.content = content

    def close(self) -> None:
        """Close the file. May be called more than once."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def open_below(directory: Path, parts: Sequence[str]) -> OpenedFile | None:
    """Open a file by its path below a directory; None if the path names no regular file.

    No part may be a link, or begin with a dot: such files are not for clients.

    Raises:
        OSError: It cannot be read.
    """
    if not parts or any(not part or part[0] == "." or _is_odd(part) for part in parts):
        return None
    *folders, name = parts
    try:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(Folder.open(directory))
            for each in folders:
                folder = stack.enter_context(folder.child(each))
            return _opened(folder.open_plain(name))
    except OSError as error:
        if error.errno in _MISSING:
            return None
        raise


def _opened(descriptor: int) -> OpenedFile:
    try:
        facts = os.fstat(descriptor)
        if facts.st_size > _SMALL:
            return OpenedFile(descriptor, facts, None)
        content = os.read(descriptor, _SMALL + 1)
    except BaseException:
        os.close(descriptor)
        raise
    if len(content) != facts.st_size:  # it is being written
        os.close(descriptor)
        raise OSError(errno.EAGAIN, "the file changed while it was read")
    os.close(descriptor)
    return OpenedFile(-1, facts, content)


def is_folder(directory: Path, parts: Sequence[str]) -> bool:
    """Whether a path names a directory below another one, links not followed."""
    if any(not part or part[0] == "." or _is_odd(part) for part in parts):
        return False
    with Folder.open(directory) as folder:
        try:
            facts = folder.status("/".join(parts))
        except OSError:
            return False
    return facts is not None and stat.S_ISDIR(facts.st_mode)


def _is_odd(part: str) -> bool:
    return any(character in part for character in "/\\\0")
