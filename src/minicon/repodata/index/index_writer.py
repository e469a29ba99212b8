"""IndexWriter: make the bytes of an IndexFile, front to back."""

from __future__ import annotations

import sys
import zlib
from array import array
from bisect import bisect_right
from itertools import accumulate

from minicon.repodata.index.index_file import MAGIC, SECTIONS, TRAILER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from minicon.repodata.index.scanner import Block

#: Characters of a frame, if it has more than one segment. Small frames take longer to write, and
#: large ones longer to read for one name.
_FRAME = 1 << 14
#: A fast level: all frames are written, and few are read.
_LEVEL = -5
_NUMBERS = {section: number for number, section in enumerate(SECTIONS)}


class IndexWriter:
    """Makes the file's bytes, front to back."""

    def __init__(self) -> None:
        import zstandard

        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        # Per segment and per frame, in columns: a channel may have millions.
        self._names: list[bytes] = []
        self._starts = array("Q")
        self._sizes = array("I")
        self._sections = bytearray()
        self._frame_starts = array("Q")
        self._text_length = self._length = 0

    def add(self, block: Block) -> bytes:
        """Add members that were cut by name; return the next bytes of the file.

        They are compressed without the interpreter's lock, in parallel with the stage that cuts.
        """
        import zstandard

        if not block.names:
            return b""
        frames = zstandard.BufferWithSegments(block.text, self._add_segments(block).tobytes())
        packed = self._compressor.multi_compress_to_buffer(frames, threads=0)
        pieces = []
        for number in range(len(packed)):
            self._frame_starts.extend((self._text_length, self._length))
            self._text_length += len(frames[number])
            self._length += len(packed[number])
            pieces.append(packed[number].tobytes())
        return b"".join(pieces)

    def _add_segments(self, block: Block) -> array[int]:
        """Note the segments of a block; return where each frame begins in it, and its length."""
        extents = array("Q")
        begins, ends, first, start = block.begins, block.ends, 0, self._text_length
        while first < len(ends):
            begin = begins[first]
            last = bisect_right(ends, begin + _FRAME, first + 1)
            self._starts.extend([start + each - begin for each in begins[first:last]])
            extents.extend((begin, ends[last - 1] - begin))
            start += extents[-1]
            first = last
        self._names += block.names
        self._sizes.extend([end - begin for begin, end in zip(begins, ends, strict=True)])
        self._sections += bytes([_NUMBERS[block.section]]) * len(ends)
        return extents

    def finish(self, meta: Mapping[str, Any]) -> bytes:
        """Return the rest of the file after the last frame."""
        order = array("I", sorted(range(len(self._names)), key=self._names.__getitem__))
        names: list[bytes] = []
        segment_ends = array("I")
        for end, number in enumerate(order, 1):
            if names and self._names[number] == names[-1]:
                segment_ends[-1] = end
            else:
                names.append(self._names[number])
                segment_ends.append(end)
        return _tables(
            meta,
            self._length,
            names,
            segment_ends,
            array("Q", map(self._starts.__getitem__, order)),
            array("I", map(self._sizes.__getitem__, order)),
            bytes(map(self._sections.__getitem__, order)),
            self._frame_starts,
        )


def hashes_file(names: Sequence[bytes], hashes: bytes, meta: Mapping[str, Any]) -> bytes:
    """Return a complete index file whose segments are the hashes of shards, one per name.

    Args:
        names: In UTF-8, sorted.
        hashes: Their hashes, concatenated; all are equally long. They are not compressed.
        meta: As for :meth:`IndexWriter.finish`.
    """
    count = len(names)
    size = len(hashes) // (count or 1)
    tables = _tables(
        meta,
        len(hashes),
        names,
        array("I", range(1, count + 1)),
        array("Q", range(0, size * count, size or 1)),
        array("I", [size]) * count,
        bytes([_NUMBERS["shard"]]) * count,
        array("Q"),
    )
    return hashes + tables


def _tables(
    meta: Mapping[str, Any],
    length: int,
    names: Sequence[bytes],
    segment_ends: array[int],
    starts: array[int],
    sizes: array[int],
    sections: bytes,
    frame_starts: array[int],
) -> bytes:
    """Everything after the frames; see the drawing in ``index_file.py``."""
    import json

    about = json.dumps(meta, separators=(",", ":")).encode()
    text = b"".join(names)
    body = b"".join(
        (
            about,
            text,
            _bytes_of(array("I", accumulate(map(len, names)))),
            _bytes_of(segment_ends),
            _bytes_of(starts),
            _bytes_of(sizes),
            sections,
            _bytes_of(frame_starts),
        )
    )
    size = length + len(body) + TRAILER.size
    counts = (len(names), len(sections), len(frame_starts) // 2)
    return body + TRAILER.pack(
        length, len(about), len(text), *counts, size, zlib.crc32(body), MAGIC
    )


def _bytes_of(numbers: array[int]) -> bytes:
    """The numbers in little-endian order on every machine."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
