"""Decompression of tar archives.

Packages are ``.tar.zst`` and ``.tar.bz2``, for which there are two decoders with equal verdicts.
``libarchive`` is the C library and the default wherever its shared library is installed;
``native`` is zstandard and the standard library's bz2. Both give the same bytes to the one tar
reader, or both refuse the stream. Archives of environments can also be ``.tar.gz``, ``.tar.xz`` and
``.tar``: decoders of the standard library.
"""

from __future__ import annotations

import zlib
from typing import Any

from minicon.archive.problems import damaged, unsafe
from minicon.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.archive.streams import (
        ByteSource,
        Compression,
        Decoder,
        Readable,
        ReadAt,
        ReaderName,
    )


_FRAME_MAGIC = b"\x28\xb5\x2f\xfd"
#: 128 MiB: what ``zstd --ultra -22`` uses, and the most that decoders must support.
_WINDOW_LIMIT = 1 << 27
_RLE_BLOCK = 1
_RESERVED_BLOCK = 3


def open_decoder(
    source: ByteSource, compression: Compression, archive: str, reader: ReaderName | None = None
) -> Decoder:
    """Open a decoder for one compressed stream.

    Args:
        source: The compressed bytes.
        compression: The compression format.
        archive: Name of the archive, for errors.
        reader: The decoder to use; None selects :func:`default_reader`.

    Raises:
        PackageError: The stream is incomplete or corrupt.
        UsageError: The requested reader is unknown, or libarchive is not installed.
    """
    if reader not in (None, "native", "libarchive"):
        raise UsageError("unknown-reader", f"there is no archive reader {reader!r}")
    if compression in ("gzip", "xz", "none"):
        if compression == "gzip":
            return GzipDecoder(source, archive)
        return XzDecoder(source, archive) if compression == "xz" else StoredBytes(source)
    if compression == "zstd":
        _check_frames(source, archive)
    if (reader or default_reader(compression)) == "libarchive":
        from minicon.archive.libarchive_decoder import LibarchiveDecoder

        return LibarchiveDecoder(source, compression, archive)
    return ZstdDecoder(source, archive) if compression == "zstd" else Bzip2Decoder(source, archive)


def default_reader(compression: Compression) -> ReaderName:
    """Select libarchive where it is installed and supports the format, else ``native``."""
    from minicon.archive.libarchive_decoder import libarchive_reads

    return "libarchive" if libarchive_reads(compression) else "native"


def _check_frames(source: ReadAt, archive: str) -> None:
    """Refuse a Zstandard stream that is not whole frames, without decompressing it (RFC 8878).

    Decoders stop silently where a stream is truncated between two blocks, and differ in what they
    do with bytes after the last frame. Reading the block headers first decides both for every
    decoder, and gives the memory that the stream requires.
    """
    position = 0
    while position < source.size or source.size == 0:
        header = source.read_at(position, 18)
        if header[:4] == _FRAME_MAGIC:
            position = _frame_end(source, position, header, archive)
        elif len(header) >= 8 and 0x50 <= header[0] <= 0x5F and header[1:4] == b"\x2a\x4d\x18":
            position += 8 + int.from_bytes(header[4:8], "little")
        else:
            raise damaged(archive, "is not in Zstandard format, or has bytes after its end")
    if position > source.size:
        raise damaged(archive, "is cut short")


def _frame_end(source: ReadAt, position: int, header: bytes, archive: str) -> int:
    """Return the offset of the byte after a frame. Raises as :func:`_check_frames`."""
    if len(header) < 6:
        raise damaged(archive, "is cut short")
    descriptor = header[4]
    single_segment = bool(descriptor & 0x20)
    dictionary_size = (0, 1, 2, 4)[descriptor & 3]
    content_size = (1 if single_segment else 0, 2, 4, 8)[descriptor >> 6]
    offset = 5 + (0 if single_segment else 1) + dictionary_size
    if single_segment:
        window = int.from_bytes(header[offset : offset + content_size], "little")
        window += 256 if content_size == 2 else 0
    else:
        base = 1 << (10 + (header[5] >> 3))
        window = base + (base >> 3) * (header[5] & 7)
    if window > _WINDOW_LIMIT:
        raise unsafe(archive, f"needs {window >> 20} MiB of memory to decompress")
    position = _blocks_end(source, position + offset + content_size, archive)
    return position + (4 if descriptor & 4 else 0)


def _blocks_end(source: ReadAt, position: int, archive: str) -> int:
    while True:
        raw = source.read_at(position, 3)
        if len(raw) < 3:
            raise damaged(archive, "is cut short")
        block = int.from_bytes(raw, "little")
        kind = block >> 1 & 3
        if kind == _RESERVED_BLOCK:
            raise damaged(archive, "has a block of an unknown kind")
        position += 3 + (1 if kind == _RLE_BLOCK else block >> 3)
        if block & 1:
            return position


class ZstdDecoder:
    """Decompresses Zstandard frames with the zstandard package, in constant memory."""

    def __init__(self, source: ByteSource, archive: str) -> None:
        try:
            import zstandard
        except ImportError as error:  # in a bundle that another version of Python made
            raise UsageError(
                "zstandard-missing",
                f"{archive} cannot be decompressed: this Python has neither zstandard nor"
                " libarchive",
                hint="pip install zstandard, or install libarchive (libarchive13 in Debian)",
            ) from error

        decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT)
        self._error = zstandard.ZstdError
        self._archive = archive
        self._stream = decompressor.stream_reader(
            source,  # type: ignore[arg-type]  # only read() is used
            read_size=1 << 17,
            read_across_frames=True,
        )

    def read_into(self, buffer: memoryview) -> int:
        """See :meth:`minicon.archive.streams.Decoder.read_into`."""
        try:
            return self._stream.readinto(buffer)
        except self._error as error:
            raise damaged(self._archive, f"cannot be decompressed ({error})") from None

    def close(self) -> None:
        """Do nothing: the collector frees everything."""


class Bzip2Decoder:
    """Decompresses concatenated bzip2 streams, as parallel compressors write them."""

    def __init__(self, source: Readable, archive: str) -> None:
        self._source = source
        self._archive = archive
        self._stream = self._new()
        self._fresh = True

    def _new(self) -> Any:
        import bz2

        return bz2.BZ2Decompressor()

    def _decompress(self, data: bytes, limit: int) -> bytes:
        try:
            output: bytes = self._stream.decompress(data, limit)
        except self._errors() as error:
            raise damaged(self._archive, f"cannot be decompressed ({error})") from None
        return output

    def _errors(self) -> type[Exception]:
        return OSError

    def read_into(self, buffer: memoryview) -> int:
        """See :meth:`minicon.archive.streams.Decoder.read_into`."""
        while True:
            data = self._input()
            if data is None:
                return 0
            output = self._decompress(data, len(buffer))
            self._fresh = False
            if output:
                buffer[: len(output)] = output
                return len(output)

    def _input(self) -> bytes | None:
        """Return the decompressor's next input; None at the end of a complete stream."""
        if self._stream.eof:
            data = self._stream.unused_data or self._source.read(1 << 17)
            if not data:
                return None
            self._stream = self._new()
            return data
        if not self._fresh and not self._stream.needs_input:
            return b""
        data = self._source.read(1 << 17)
        if not data:
            raise damaged(self._archive, "is cut short")
        return data

    def close(self) -> None:
        """Do nothing: the collector frees everything."""


class XzDecoder(Bzip2Decoder):
    """Decompresses concatenated xz streams, with at most 128 MiB of memory."""

    def _new(self) -> Any:
        import lzma

        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_WINDOW_LIMIT)

    def _errors(self) -> type[Exception]:
        import lzma

        return lzma.LZMAError


class GzipDecoder(Bzip2Decoder):
    """Decompresses concatenated gzip members."""

    def _new(self) -> Any:
        return _GzipMember()

    def _errors(self) -> type[Exception]:
        return zlib.error


class _GzipMember:
    """One gzip member, with the interface of the decompressors of bz2 and lzma."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(31)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, limit: int) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, limit)


class StoredBytes:
    """Gives the bytes of an archive that is not compressed."""

    def __init__(self, source: Readable) -> None:
        self._source = source

    def read_into(self, buffer: memoryview) -> int:
        """See :meth:`minicon.archive.streams.Decoder.read_into`."""
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Do nothing."""
