"""Decompress the body of a repodata file into JSON text, in bounded memory."""

from __future__ import annotations

from typing import Protocol

from minicon.errors import RepodataError
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Most bytes of one index file, compressed and decompressed. conda-forge's largest has 0.3 GB.
_LARGEST_BODY = 1_500_000_000
_LARGEST_TEXT = 3_000_000_000
_PIECE = 1 << 18
#: Most bytes of a zstd frame's window; conda-index uses 2^17 to 2^23.
_LARGEST_WINDOW = 1 << 27


class ByteSource(Protocol):
    """Bytes that are read front to back."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` more bytes; none at the end."""


class ChunkReader:
    """Reads chunks like a file.

    Args:
        chunks: In order.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Return at most ``size`` more bytes; none at the end."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._left = memoryview(chunk)
        piece, self._left = self._left[:size], self._left[size:]
        return bytes(piece)


def text_of(source: ByteSource, file_name: str, url: str) -> Iterator[bytes]:
    """Yield the JSON text of an index.

    Args:
        source: The body as sent by the server.
        file_name: ``repodata.json``, ``….zst`` or ``….bz2``, which says how to decompress it.
        url: For errors.

    Raises:
        RepodataError: It cannot be decompressed, or the text is larger than that of any channel.
    """
    total = 0
    for piece in _decompressed(source, file_name, url):
        total += len(piece)
        if total > _LARGEST_TEXT:
            message = f"{redact(url)} decompresses to more than {_LARGEST_TEXT} bytes"
            raise RepodataError("too-large", message, hint="report it to the channel's owner")
        yield piece


def _decompressed(source: ByteSource, file_name: str, url: str) -> Iterator[bytes]:
    if file_name.endswith(".zst"):
        import zstandard

        decompressor = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
        try:
            stream = decompressor.stream_reader(source, read_across_frames=True)  # type: ignore[arg-type]
            yield from _pieces(stream)
        except zstandard.ZstdError as error:
            raise damaged(url, "it is not zstd, or truncated") from error
    elif file_name.endswith(".bz2"):
        import bz2

        try:
            with bz2.BZ2File(source) as reader:  # type: ignore[call-overload]
                yield from _pieces(reader)
        except (OSError, EOFError) as error:
            raise damaged(url, "it is not bzip2, or truncated") from error
    else:
        yield from _pieces(source)


def _pieces(source: ByteSource) -> Iterator[bytes]:
    return iter(lambda: source.read(_PIECE), b"")


_MAY_BE_CHANGED = "try again; if this persists, a proxy may change it, or the channel is broken"


def damaged(url: str, why: str) -> RepodataError:
    """Return the error for an index that cannot be read."""
    from minicon.net.download import hint_for_wrong_bytes

    return RepodataError(
        "invalid-repodata",
        f"{redact(url)} is not a usable channel index: {why}",
        hint=hint_for_wrong_bytes(url, _MAY_BE_CHANGED),
    )


def unknown_version(url: str, version: object) -> RepodataError:
    """Return the error for an index of an unsupported version."""
    return RepodataError(
        "repodata-version",
        f"{redact(url)} is a channel index of the unsupported version {str(version)[:20]!r}",
        hint="a newer minicon may support it",
    )


def capped(chunks: Iterable[bytes], url: str) -> Iterator[bytes]:
    """Yield the chunks of a body up to the size limit.

    Raises:
        RepodataError: The body is larger.
    """
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > _LARGEST_BODY:
            message = f"{redact(url)} is larger than {_LARGEST_BODY} bytes"
            raise RepodataError("too-large", message, hint="report it to the channel's owner")
        yield chunk
