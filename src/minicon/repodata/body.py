"""The body of a repodata file: from wire format to JSON text, in bounded memory."""

from __future__ import annotations

from minicon.errors import RepodataError
from minicon.models.url import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

#: Most bytes of one index file, on the wire and unpacked. conda-forge's largest has 0.3 GB.
LARGEST_BODY = 1_500_000_000
LARGEST_TEXT = 3_000_000_000
_PIECE = 1 << 20
#: conda-index uses 2^17..2^23; a frame may ask for up to this much memory.
_LARGEST_WINDOW = 1 << 27


def text_of(path: str | PathLike[str], file_name: str, url: str) -> Iterator[bytes]:
    """The JSON text of a downloaded index, in pieces.

    Args:
        path: The file as it was downloaded.
        file_name: ``repodata.json``, ``….zst`` or ``….bz2``: says how to unpack it.
        url: For errors.

    Raises:
        RepodataError: It cannot be unpacked, or unpacks to more than any channel has.
    """
    total = 0
    for piece in _unpacked(path, file_name, url):
        total += len(piece)
        if total > LARGEST_TEXT:
            message = f"{redact(url)} unpacks to more than {LARGEST_TEXT} bytes"
            raise RepodataError("too-large", message, hint="ask the channel's owner")
        yield piece


def _unpacked(path: str | PathLike[str], file_name: str, url: str) -> Iterator[bytes]:
    with open(path, "rb", buffering=0) as file:
        if file_name.endswith(".zst"):
            import zstandard

            unpacker = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
            try:
                with unpacker.stream_reader(file, read_across_frames=True) as reader:
                    yield from _pieces(reader)
            except zstandard.ZstdError as error:
                raise damaged(url, "it is not zstd, or cut") from error
        elif file_name.endswith(".bz2"):
            import bz2

            try:
                with bz2.open(file) as reader:
                    yield from _pieces(reader)
            except (OSError, EOFError) as error:
                raise damaged(url, "it is not bzip2, or cut") from error
        else:
            yield from _pieces(file)


def _pieces(reader: object) -> Iterator[bytes]:
    return iter(lambda: reader.read(_PIECE), b"")  # type: ignore[attr-defined]


def damaged(url: str, why: str) -> RepodataError:
    """The error for an index that is not what it claims to be."""
    return RepodataError(
        "invalid-repodata",
        f"{redact(url)} is not a usable channel index: {why}",
        hint="try again; if it stays, a proxy may change it, or the channel is broken",
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
