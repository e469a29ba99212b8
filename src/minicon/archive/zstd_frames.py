"""Check the frames of a Zstandard stream without decompressing it (RFC 8878, section 3.1).

Decoders stop silently where a stream is truncated between two blocks, and differ in what they do
with bytes after the last frame. Reading the block headers first decides both for every decoder,
and gives the memory that the stream requires.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MAGIC = b"\x28\xb5\x2f\xfd"
#: 128 MiB: what ``zstd --ultra -22`` uses, and the most that decoders must support.
WINDOW_LIMIT = 1 << 27
_RLE = 1
_RESERVED = 3


class FrameError(Exception):
    """The stream is not whole Zstandard frames; the text follows "the stream ..."."""


def check_frames(read: Callable[[int, int], bytes], size: int) -> None:
    """Check that a stream consists of whole frames and nothing else.

    Args:
        read: Returns a number of bytes from an offset; fewer only at the end.
        size: Length of the stream in bytes.

    Raises:
        FrameError: It is truncated, has bytes outside of frames, or needs too large a window.
    """
    position = 0
    while position < size or size == 0:
        header = read(position, 18)
        if header[:4] == _MAGIC:
            position = _check_frame(read, position, header)
        elif len(header) >= 8 and 0x50 <= header[0] <= 0x5F and header[1:4] == b"\x2a\x4d\x18":
            position += 8 + int.from_bytes(header[4:8], "little")
        else:
            raise FrameError("is not in Zstandard format, or has bytes after its end")
    if position > size:
        raise FrameError("is cut short")


def _check_frame(read: Callable[[int, int], bytes], position: int, header: bytes) -> int:
    """Return the offset of the byte after a frame."""
    if len(header) < 6:
        raise FrameError("is cut short")
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
    if window > WINDOW_LIMIT:
        raise FrameError(f"needs {window >> 20} MiB of memory to decompress")
    position = _skip_blocks(read, position + offset + content_size)
    return position + (4 if descriptor & 4 else 0)


def _skip_blocks(read: Callable[[int, int], bytes], position: int) -> int:
    while True:
        raw = read(position, 3)
        if len(raw) < 3:
            raise FrameError("is cut short")
        block = int.from_bytes(raw, "little")
        kind = block >> 1 & 3
        if kind == _RESERVED:
            raise FrameError("has a block of an unknown kind")
        position += 3 + (1 if kind == _RLE else block >> 3)
        if block & 1:
            return position
