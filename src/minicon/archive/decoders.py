"""Decompressing ``.tar.zst`` and ``.tar.bz2``: two decoders for each, with equal verdicts.

``native`` is zstandard and the standard library's bz2; ``libarchive`` is the C library where it
is installed. Both give the same bytes to the one tar reader, or both refuse.
"""

from __future__ import annotations

from typing import Literal, Protocol

from minicon.archive.problems import damaged, unsafe
from minicon.archive.zstd_frames import WINDOW_LIMIT, FrameError, check_frames
from minicon.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.archive.byte_range import ByteSource, Readable

    ReaderName = Literal["native", "libarchive"]

Compression = Literal["zstd", "bzip2"]


class Decoder(Protocol):
    """Decompresses one stream."""

    def read_into(self, buffer: memoryview) -> int:
        """Fill the start of BUFFER, which is not empty; tells how far, 0 at the end.

        Raises:
            PackageError: The stream is cut, broken, or followed by other bytes.
        """

    def close(self) -> None:
        """Give back memory that the collector does not know of."""


def open_decoder(
    source: ByteSource, compression: Compression, archive: str, reader: ReaderName | None = None
) -> Decoder:
    """A decoder for one compressed stream.

    Args:
        source: The compressed bytes.
        compression: How they are compressed.
        archive: Name of the archive, for errors.
        reader: Which decoder; None is ``native``, the quicker one (bench/extract_conda.py).

    Raises:
        PackageError: The stream is not whole.
        UsageError: libarchive was asked for and is not on this machine.
    """
    if reader not in (None, "native", "libarchive"):
        raise UsageError("unknown-reader", f"there is no archive reader {reader!r}")
    if compression == "zstd":
        try:
            check_frames(source.read_at, source.size)
        except FrameError as error:
            make = unsafe if "memory" in str(error) else damaged
            raise make(archive, str(error)) from None
    if reader == "libarchive":
        from minicon.archive.libarchive_decoder import LibarchiveDecoder

        return LibarchiveDecoder(source, compression, archive)
    return ZstdDecoder(source, archive) if compression == "zstd" else Bzip2Decoder(source, archive)


class ZstdDecoder:
    """Zstandard frames, through the zstandard package, in constant memory."""

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
        """See :meth:`Decoder.read_into`."""
        try:
            return self._stream.readinto(buffer)
        except self._error as error:
            raise damaged(self._archive, f"cannot be decompressed ({error})") from None

    def close(self) -> None:
        """Nothing is held."""


class Bzip2Decoder:
    """Bzip2 streams, one behind the other (as parallel compressors write them)."""

    def __init__(self, source: Readable, archive: str) -> None:
        import bz2

        self._new = bz2.BZ2Decompressor
        self._source = source
        self._archive = archive
        self._stream = self._new()
        self._fresh = True

    def read_into(self, buffer: memoryview) -> int:
        """See :meth:`Decoder.read_into`."""
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
        """What the decompressor wants next; None at a proper end."""
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
        """Nothing is held."""
