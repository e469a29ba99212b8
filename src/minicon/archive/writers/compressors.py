"""Compressors: ``.zst``, ``.gz`` and ``.bz2`` streams, written with all cores.

A stream's bytes depend on its input and level only, not on the number of cores: zstandard and the
blocks of the others are cut at fixed sizes.
"""

from __future__ import annotations

import collections
import struct
import zlib
from typing import Protocol

from minicon.archive.streams import usable_cores

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from zstandard import ZstdCompressionObj

    Write = Callable[[bytes], object]

#: Input that each thread compresses at a time: more does not compress better, and needs memory.
_ZSTD_JOB = 4 << 20
#: Each needs about 10 MB.
_MOST_ZSTD_THREADS = 6
#: 8 MiB: what every decoder must support (RFC 8878), and what finds the repetitions in libraries.
_ZSTD_WINDOW_LOG = 23
#: Level 8 with half as many attempts takes a tenth less time, and is as small as conda-pack's 9.
_ZSTD_SEARCH = {8: {"search_log": 3}}
_GZIP_BLOCK = 1 << 20
_BZIP2_BLOCK = 900_000
_MOST_THREADS = 16
_GZIP_WINDOW = 1 << 15
#: Deflate, no name, no time, unknown system: nothing of this machine (RFC 1952).
_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
#: Level of each format if none is given. Level 8 of zstandard, as small as conda-pack's output,
#: takes two and a half times as long as 4, and saves a tenth.
DEFAULT_LEVELS = {"zst": 4, "gz": 4, "bz2": 9}
LEVELS = {"zst": range(1, 20), "gz": range(1, 10), "bz2": range(1, 10)}


class Compressor(Protocol):
    """Compresses one stream."""

    def write(self, data: bytes) -> None:
        """Compress the next bytes."""

    def close(self) -> None:
        """Write what is left, and the end of the stream."""


def open_compressor(name: str | None, write: Write, level: int | None = None) -> Compressor:
    """Open a compressor.

    Args:
        name: ``zst``, ``gz``, ``bz2``; or None, which stores.
        write: Receives the compressed bytes.
        level: The level; None is the default of the format.
    """
    if name is None:
        return _Stored(write)
    level = DEFAULT_LEVELS[name] if level is None else level
    kinds: dict[str, Callable[[Write, int], Compressor]]
    kinds = {"zst": _Zstandard, "gz": _Gzip, "bz2": _Bzip2}
    return kinds[name](write, level)


def _threads(most: int = _MOST_THREADS) -> int:
    return min(usable_cores(), most)


class _Stored:
    def __init__(self, write: Write) -> None:
        self._write = write

    def write(self, data: bytes) -> None:
        self._write(data)

    def close(self) -> None:
        pass


class _Zstandard:
    """Zstandard's own threads; always at least one, so that the bytes are the same anywhere."""

    def __init__(self, write: Write, level: int) -> None:
        import zstandard

        parameters = zstandard.ZstdCompressionParameters.from_level(
            level,
            threads=_threads(_MOST_ZSTD_THREADS),
            job_size=_ZSTD_JOB,
            window_log=_ZSTD_WINDOW_LOG,
            write_checksum=True,
            **_ZSTD_SEARCH.get(level, {}),
        )
        stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        self._stream: ZstdCompressionObj | None = stream
        self._write = write

    def write(self, data: bytes) -> None:
        assert self._stream is not None
        if compressed := self._stream.compress(data):
            self._write(compressed)

    def close(self) -> None:
        assert self._stream is not None
        last, self._stream = self._stream.flush(), None  # its threads end here
        self._write(last)


class _Blocks:
    """Compresses blocks of fixed size in threads, and writes them in order."""

    block = 0

    def __init__(self, write: Write, level: int) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._write = write
        self._level = level
        self._most = 2 * _threads()
        self._pool = ThreadPoolExecutor(_threads())
        self._input = bytearray()
        self._waiting: collections.deque[Future[bytes]] = collections.deque()

    def write(self, data: bytes) -> None:
        self._input += data
        if len(self._input) < self.block:
            return
        position = 0
        while len(self._input) - position >= self.block:
            self._start(bytes(self._input[position : position + self.block]))
            position += self.block
        del self._input[:position]

    def close(self) -> None:
        if self._input:
            self._start(bytes(self._input))
        while self._waiting:
            self._write(self._waiting.popleft().result())
        self._pool.shutdown()

    def _start(self, block: bytes) -> None:
        self._waiting.append(self._pool.submit(self.compressed, block))
        if len(self._waiting) > self._most:
            self._write(self._waiting.popleft().result())

    def compressed(self, block: bytes) -> bytes:
        raise NotImplementedError


class _Gzip(_Blocks):
    """One gzip member of deflate blocks, each of which may refer to the end of the one before."""

    block = _GZIP_BLOCK

    def __init__(self, write: Write, level: int) -> None:
        super().__init__(write, level)
        self._crc, self._size, self._before = 0, 0, b""
        write(_GZIP_HEADER)

    def _start(self, block: bytes) -> None:
        self._crc = zlib.crc32(block, self._crc)
        self._size += len(block)
        before, self._before = self._before, block[-_GZIP_WINDOW:]
        self._waiting.append(self._pool.submit(self._deflated, block, before))
        if len(self._waiting) > self._most:
            self._write(self._waiting.popleft().result())

    def _deflated(self, block: bytes, before: bytes) -> bytes:
        stream = zlib.compressobj(
            self._level, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, before
        )
        return stream.compress(block) + stream.flush(zlib.Z_SYNC_FLUSH)

    def close(self) -> None:
        super().close()
        last = zlib.compressobj(self._level, zlib.DEFLATED, -15).flush()
        self._write(last + struct.pack("<LL", self._crc, self._size & 0xFFFFFFFF))


class _Bzip2(_Blocks):
    """One bzip2 stream for each block, as parallel compressors write them."""

    block = _BZIP2_BLOCK

    def compressed(self, block: bytes) -> bytes:
        import bz2

        return bz2.compress(block, self._level)
