"""Decompression of ``.tar.zst`` and ``.tar.bz2``: two decoders for each, with equal verdicts.

``libarchive`` is the C library and the default wherever its shared library is installed;
``native`` is zstandard and the standard library's bz2. Both give the same bytes to the one tar
reader, or both refuse the stream.
"""

from __future__ import annotations

from minicon.archive.problems import damaged, unsafe
from minicon.archive.zstd_frames import WINDOW_LIMIT, FrameError, check_frames
from minicon.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.archive.streams import ByteSource, Compression, Decoder, Readable, ReaderName


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
    if compression == "zstd":
        try:
            check_frames(source.read_at, source.size)
        except FrameError as error:
            make = unsafe if "memory" in str(error) else damaged
            raise make(archive, str(error)) from None
    if (reader or default_reader(compression)) == "libarchive":
        from minicon.archive.libarchive_decoder import LibarchiveDecoder

        return LibarchiveDecoder(source, compression, archive)
    return ZstdDecoder(source, archive) if compression == "zstd" else Bzip2Decoder(source, archive)


def default_reader(compression: Compression) -> ReaderName:
    """Select libarchive where it is installed and supports the format, else ``native``."""
    from minicon.archive.libarchive_decoder import libarchive_reads

    return "libarchive" if libarchive_reads(compression) else "native"


class ZstdDecoder:
    """Decompresses Zstandard frames with the zstandard package, in constant memory."""

    def __init__(self, source: ByteSource, archive: str) -> None:
        import zstandard

        decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_LIMIT)
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
        import bz2

        self._new = bz2.BZ2Decompressor
        self._source = source
        self._archive = archive
        self._stream = self._new()
        self._fresh = True

    def read_into(self, buffer: memoryview) -> int:
        """See :meth:`minicon.archive.streams.Decoder.read_into`."""
        while True:
            data = self._input()
            if data is None:
                return 0
            try:
                output = self._stream.decompress(data, len(buffer))
            except OSError as error:
                raise damaged(self._archive, f"cannot be decompressed ({error})") from None
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
