"""Byte sources and decoders: where the bytes of an archive come from.

A :class:`ByteSource` gives the stored bytes, a :class:`Decoder` the decompressed ones; a
:class:`ReadAhead` does so in a thread, while what it gave is written.
"""

from __future__ import annotations

import os
from typing import Literal, Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    import queue
    from collections.abc import Callable

#: Bytes that a :class:`ReadAhead` decompresses at a time, and the number of such buffers.
_AHEAD, _AHEAD_BUFFERS = 1 << 20, 3

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


def usable_cores() -> int:
    """Number of processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def ahead_of(decoder: Decoder, size: int) -> Decoder:
    """Let a decoder of ``size`` compressed bytes read ahead, where there is a core for it."""
    return ReadAhead(decoder) if size > _AHEAD and usable_cores() > 1 else decoder


class ReadAhead:
    """Decompresses one stream in a thread. :meth:`close` ends the thread and closes the decoder.

    Args:
        decoder: Used by the thread alone from now on.
    """

    def __init__(self, decoder: Decoder) -> None:
        import queue
        import threading

        self._decoder = decoder
        self._free: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
        self._filled: queue.SimpleQueue[tuple[memoryview, int] | BaseException]
        self._filled = queue.SimpleQueue()
        for _ in range(_AHEAD_BUFFERS):
            self._free.put(memoryview(bytearray(_AHEAD)))
        self._buffer, self._position, self._end = memoryview(b""), 0, 0
        self._ended = False
        self._thread = threading.Thread(target=self._decode, daemon=True)
        self._thread.start()

    def _decode(self) -> None:
        try:
            count = -1
            while count and (buffer := self._free.get()) is not None:
                filled = 0
                while filled < _AHEAD and (count := self._decoder.read_into(buffer[filled:])):
                    filled += count
                self._filled.put((buffer, filled))
        except BaseException as error:  # noqa: BLE001  # raised where the bytes are read
            self._filled.put(error)

    def read_into(self, buffer: memoryview) -> int:
        """See :meth:`minicon.archive.streams.Decoder.read_into`."""
        if self._position == self._end and not self._next():
            return 0
        count = min(len(buffer), self._end - self._position)
        buffer[:count] = self._buffer[self._position : self._position + count]
        self._position += count
        return count

    def _next(self) -> bool:
        """Take the next filled buffer; False at the end."""
        if self._ended:
            return False
        if self._end:
            self._free.put(self._buffer)
        found = self._filled.get()
        if isinstance(found, BaseException):
            self._ended = True
            raise found
        self._buffer, self._end = found
        self._position = 0
        self._ended = self._end < _AHEAD
        return self._end > 0

    def close(self) -> None:
        """End the thread, and free what the decoder holds. May be called more than once."""
        self._free.put(None)
        self._thread.join()
        self._decoder.close()
