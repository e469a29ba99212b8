"""ByteSource: bytes that are read by position or one behind the other, wherever they lie."""

from __future__ import annotations

import os
from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Readable(Protocol):
    """Bytes that come one behind the other."""

    def read(self, count: int) -> bytes:
        """The next bytes, at most COUNT; none at the end."""


class ByteSource(Readable, Protocol):
    """So many bytes, of a file or of memory."""

    size: int

    def read_at(self, position: int, count: int) -> bytes:
        """At most COUNT bytes from POSITION on; fewer at the end."""


class HeldBytes:
    """A ByteSource in memory."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._data = data
        self._position = 0

    def read_at(self, position: int, count: int) -> bytes:
        """See :meth:`ByteSource.read_at`."""
        return self._data[position : position + count]

    def read(self, count: int) -> bytes:
        """See :meth:`Readable.read`."""
        data = self.read_at(self._position, count)
        self._position += len(data)
        return data


class ByteRange:
    """SIZE bytes of an open file from OFFSET on.

    Args:
        descriptor: The open file; its own position is neither used nor moved.
        offset: Where the range begins, in bytes.
        size: How long it is, in bytes.
        advance: Told of every byte that :meth:`read` hands out, for progress.
    """

    def __init__(
        self, descriptor: int, offset: int, size: int, advance: Callable[[int], None] | None = None
    ) -> None:
        self.size = size
        self._descriptor = descriptor
        self._offset = offset
        self._position = 0
        self._advance = advance

    def read_at(self, position: int, count: int) -> bytes:
        """At most COUNT bytes from POSITION of the range on; fewer at its end."""
        count = min(count, self.size - position)
        if count <= 0:
            return b""
        return _read_at(self._descriptor, count, self._offset + position)

    def read(self, count: int) -> bytes:
        """The next bytes, at most COUNT; none at the end of the range."""
        data = self.read_at(self._position, count)
        self._position += len(data)
        if self._advance is not None and data:
            self._advance(len(data))
        return data


def _read_at(descriptor: int, count: int, offset: int) -> bytes:
    pread = getattr(os, "pread", None)  # Windows has none
    if pread is None:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, count)
    data: bytes = pread(descriptor, count, offset)
    return data
