"""Byte sources and decoders: where the bytes of an archive come from.

A :class:`ByteSource` gives the stored bytes, a :class:`Decoder` the decompressed ones.
"""

from __future__ import annotations

import os
from typing import Literal, Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable

Compression = Literal["zstd", "bzip2", "gzip", "xz", "none"]
ReaderName = Literal["native", "libarchive"]


class Readable(Protocol):
    """Bytes that are read in sequence."""

    def read(self, count: int) -> bytes:
        """Return the next bytes, at most ``count``; none at the end."""


class ReadAt(Protocol):
    """A known number of bytes that are read by position."""

    size: int

    def read_at(self, position: int, count: int) -> bytes:
        """Return at most ``count`` bytes starting at ``position``; fewer at the end."""


class ByteSource(Readable, ReadAt, Protocol):
    """A known number of bytes that can be read both ways."""


class Decoder(Protocol):
    """Decompresses one stream."""

    def read_into(self, buffer: memoryview) -> int:
        """Fill the start of a non-empty buffer and return the number of bytes; 0 at the end.

        Raises:
            PackageError: The stream is truncated, corrupt, or followed by other bytes.
        """

    def close(self) -> None:
        """Free memory that the garbage collector does not manage."""


class HeldBytes:
    """A :class:`ByteSource` in memory, or mapped into it."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self.size = len(data)
        self._data = data
        self._position = 0

    def read_at(self, position: int, count: int) -> bytes:
        """See :meth:`ReadAt.read_at`."""
        return self._data[position : position + count]

    def read(self, count: int) -> bytes:
        """See :meth:`Readable.read`."""
        data = self.read_at(self._position, count)
        self._position += len(data)
        return data


class ByteRange:
    """A :class:`ByteSource` over a range of an open file.

    Args:
        descriptor: The open file; its own position is neither used nor moved.
        offset: Start of the range, in bytes.
        size: Length of the range, in bytes.
        advance: Called with the number of bytes after each :meth:`read`, for progress.
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
        """See :meth:`ReadAt.read_at`; positions are relative to the range."""
        if position + count > self.size:
            count = max(0, self.size - position)
        return _read_at(self._descriptor, count, self._offset + position)

    def read(self, count: int) -> bytes:
        """See :meth:`Readable.read`."""
        data = self.read_at(self._position, count)
        self._position += len(data)
        if self._advance is not None and data:
            self._advance(len(data))
        return data


def _seek_and_read(descriptor: int, count: int, offset: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, count)


_read_at: Callable[[int, int, int], bytes] = getattr(os, "pread", _seek_and_read)  # not on Windows
