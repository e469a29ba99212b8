"""The body of a repodata file: from wire format to JSON text, in bounded memory."""

from __future__ import annotations

from typing import Protocol

from minicon.errors import RepodataError
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Most bytes of one index file, on the wire and unpacked. conda-forge's largest has 0.3 GB.
LARGEST_BODY = 1_500_000_000
LARGEST_TEXT = 3_000_000_000
_PIECE = 1 << 20
#: conda-index uses 2^17..2^23; a frame may ask for up to this much memory.
_LARGEST_WINDOW = 1 << 27


class Source(Protocol):
    """What can be read front to back."""

    def read(self, size: int, /) -> bytes:
        """At most SIZE bytes more; nothing at the end."""


class ChunkReader:
    """Reads from chunks, as a file of them would be read.

    Args:
        chunks: In order.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def read(self, size: int) -> bytes:
        """At most SIZE bytes more; nothing at the end."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._left = memoryview(chunk)
        piece, self._left = self._left[:size], self._left[size:]
        return bytes(piece)


def text_of(source: Source, file_name: str, url: str) -> Iterator[bytes]:
    """The JSON text of an index, in pieces.

    Args:
        source: The body as the server sends it.
        file_name: ``repodata.json``, ``….zst`` or ``….bz2``: says how to unpack it.
        url: For errors.

    Raises:
        RepodataError: It cannot be unpacked, or unpacks to more than any channel has.
    """
    total = 0
    for piece in _unpacked(source, file_name, url):
        total += len(piece)
        if total > LARGEST_TEXT:
            message = f"{redact(url)} unpacks to more than {LARGEST_TEXT} bytes"
            raise RepodataError("too-large", message, hint="ask the channel's owner")
        yield piece


def _unpacked(source: Source, file_name: str, url: str) -> Iterator[bytes]:
    if file_name.endswith(".zst"):
        import zstandard

        unpacker = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
        try:
            stream = unpacker.stream_reader(source, read_across_frames=True)  # type: ignore[arg-type]
            yield from _pieces(stream)
        except zstandard.ZstdError as error:
            raise damaged(url, "it is not zstd, or cut") from error
    elif file_name.endswith(".bz2"):
        import bz2

        try:
            with bz2.BZ2File(source) as reader:  # type: ignore[call-overload]
                yield from _pieces(reader)
        except (OSError, EOFError) as error:
            raise damaged(url, "it is not bzip2, or cut") from error
    else:
        yield from _pieces(source)


def _pieces(source: Source) -> Iterator[bytes]:
    return iter(lambda: source.read(_PIECE), b"")


_MAY_BE_CHANGED = "try again; if it stays, a proxy may change it, or the channel is broken"


def damaged(url: str, why: str) -> RepodataError:
    """The error for an index that is not what it claims to be."""
    from minicon.net.expected_file import hint_for_wrong_bytes

    return RepodataError(
        "invalid-repodata",
        f"{redact(url)} is not a usable channel index: {why}",
        hint=hint_for_wrong_bytes(url, _MAY_BE_CHANGED),
    )


def unknown_version(url: str, version: object) -> RepodataError:
    """Return the error for an index whose form is not known here."""
    return RepodataError(
        "repodata-version",
        f"{redact(url)} is a channel index of version {str(version)[:20]!r}, which is not known",
        hint="a newer minicon may know it",
    )


def capped(chunks: Iterable[bytes], url: str) -> Iterator[bytes]:
    """The chunks as long as they are not too many.

    Raises:
        RepodataError: They are.
    """
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > LARGEST_BODY:
            message = f"{redact(url)} is larger than {LARGEST_BODY} bytes"
            raise RepodataError("too-large", message, hint="ask the channel's owner")
        yield chunk
