"""IndexFile: the records of one subdir on disk, found by name without reading the rest.

One file contains everything and is read through a memory map::

    ┌───────────────────────────────────────────────────────────────────┐
    │ frames         zstd: consecutive records of one or several names  │
    │ meta           JSON: ``info`` and other fields of the channel      │
    │ names          all names, sorted, concatenated                    │
    │ name ends      per name, its end                        4 bytes   │
    │ segment ends   per name, the end of its segments        4 bytes   │
    │ segments       per segment, in the text of all frames together:   │
    │                start  8 bytes, size 4 bytes; section 1 byte       │
    │ frame starts   per frame, in that text and in the file  8 bytes   │
    │ trailer        lengths of all of these, CRC-32, the magic         │
    └───────────────────────────────────────────────────────────────────┘

It is written front to back in one pass, so that a channel of any size can be converted while it
arrives. A name has several segments if its records are apart in the channel's file (``packages``
and ``packages.conda``, or two blocks). A lookup is a binary search over the names, and one over
the frames. Without any frames, the text is stored as it is.
"""

from __future__ import annotations

import mmap
import struct
import sys
import zlib
from array import array
from bisect import bisect_right
from itertools import chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from typing import Any

MAGIC = b"MCINDEX3"
#: Lengths of frames and meta and names, numbers of names and segments and frames, size, CRC-32,
#: magic.
TRAILER = struct.Struct("<QQQQQQQI4x8s")
_UINT32, _UINT64, _PAIR = struct.Struct("<I"), struct.Struct("<Q"), struct.Struct("<II")
#: A segment contains a part of one block of the channel's file, which is never larger.
_LARGEST_SEGMENT = 1 << 28
#: Bytes of frames after which the pages of the file are given back: a command that reads all of
#: it would count them as its memory.
_MOST_MAPPED = 1 << 22

SECTIONS = ("packages", "packages.conda", "removed", "v3.tar.bz2", "v3.conda", "v3.whl", "shard")


class IndexDamagedError(Exception):
    """The file is truncated, altered or not an index. Callers fetch it again."""


class IndexFile:
    """An index that is open for reading, and the collection of its names. Thread-safe.

    Opening costs a CRC over the tables (about 1 ms for 50,000 names); a lookup costs its records.

    Args:
        path: The file.

    Raises:
        IndexDamagedError: It is not a complete index file.
        OSError: It does not exist, or cannot be read.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        with open(path, "rb") as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as error:
                raise IndexDamagedError("the file is empty") from error
        size = len(self._map)
        if size < TRAILER.size:
            raise IndexDamagedError("the file is too short")
        length, about, text, self._count, segments, frames, stated, crc, magic = (
            TRAILER.unpack_from(self._map, size - TRAILER.size)
        )
        self._names = length + about
        self._name_ends = self._names + text
        self._segment_ends = self._name_ends + 4 * self._count
        self._starts = self._segment_ends + 4 * self._count
        self._sizes = self._starts + 8 * segments
        self._sections = self._sizes + 4 * segments
        self._frame_starts = self._sections + segments
        if (
            magic != MAGIC
            or stated != size
            or self._frame_starts + 16 * frames + TRAILER.size != size
            or zlib.crc32(memoryview(self._map)[length : size - TRAILER.size]) != crc
        ):
            raise IndexDamagedError("the file is truncated, altered or not an index")
        self._meta = slice(length, length + about)
        # Starts of the frames in the text and in the file; read when the first one is.
        self._frames: tuple[array[int], array[int]] | None = None
        self._has_frames = frames > 0
        # The frame that was read last: names are often read in order.
        self._last: tuple[int, bytes] = (0, b"")
        self._mapped = 0

    @property
    def meta(self) -> dict[str, Any]:
        """The argument of :meth:`.IndexWriter.finish`."""
        import json

        found: dict[str, Any] = json.loads(self._map[self._meta])
        return found

    def names_starting(self, begin: str, most: int) -> list[str]:
        """Return the names with a beginning, sorted: of more than ``most``, the first and the last.

        Costs two binary searches, and 1 µs per returned name.
        """
        text = begin.encode("utf-8", "replace")
        first, end = self._position(text), self._position(text + b"\xff")  # no UTF-8 has this byte
        numbers = [*range(first, min(end, first + most))]
        if end - first > most:
            numbers[-1] = end - 1
        return [self._name(number).decode("utf-8", "replace") for number in numbers]

    def names(self, containing: str = "") -> Iterator[str]:
        """Yield all names that contain a text, sorted; the case of ASCII letters is ignored."""
        ends = self._table("I", self._name_ends, self._segment_ends)
        text, part = self._map[self._names : self._name_ends], containing.lower().encode()
        if not part:
            starts = chain((0,), ends)
            yield from (text[a:b].decode("utf-8", "replace") for a, b in zip(starts, ends))  # noqa: B905
            return
        lowered, begin, number = text.lower(), 0, 0
        while number < self._count:
            found = lowered.find(part, begin)
            if found < 0:
                return
            number = bisect_right(ends, found, number)
            end = ends[number]
            if found + len(part) > end:  # the end of a name and the beginning of the next
                begin = found + 1
                continue
            start = ends[number - 1] if number else 0
            yield text[start:end].decode("utf-8", "replace")
            begin, number = end, number + 1

    def names_of_records(self, containing: str) -> Iterator[str]:
        """Yield the names of which some record contains a text; reads everything once, in order.

        Raises:
            IndexDamagedError: A frame was altered.
        """
        part = containing.encode()
        starts = self._table("Q", self._starts, self._sizes)
        sizes = self._table("I", self._sizes, self._sections)
        ends = self._table("I", self._segment_ends, self._starts)
        found = bytearray(self._count)
        for number in sorted(range(len(starts)), key=starts.__getitem__):
            if part in self._text(starts[number], sizes[number]):
                found[bisect_right(ends, number)] = 1
        return (name for name, is_found in zip(self.names(), found, strict=True) if is_found)

    def _table(self, kind: str, start: int, end: int) -> array[int]:
        """A part of a table in the machine's byte order."""
        numbers = array(kind, self._map[start:end])
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers

    def segments(self, name: str) -> list[tuple[str, bytes]]:
        """Return (section, payload) of a name, in the order written; empty for an unknown name.

        Raises:
            IndexDamagedError: A segment was altered.
        """
        return [
            (SECTIONS[self._map[self._sections + number]], self._segment(number))
            for number in self._numbers(name)
        ]

    def digest(self, name: str) -> str:
        """Identify the records of a name: equal digests mean equal records.

        It is a hash over the segments; "none" for an unknown name.
        """
        import hashlib

        digest, numbers = hashlib.sha256(), self._numbers(name)
        for number in numbers:
            text = self._segment(number)
            digest.update(_PAIR.pack(self._map[self._sections + number], len(text)) + text)
        return digest.hexdigest() if numbers else "none"

    def _numbers(self, name: str) -> range:
        """The numbers of a name's segments; none for an unknown name."""
        number = self._find(name.encode("utf-8", "replace"))
        if number is None:
            return range(0)
        first = self._uint32(self._segment_ends, number - 1) if number else 0
        return range(first, self._uint32(self._segment_ends, number))

    def __len__(self) -> int:
        """Number of names."""
        count: int = self._count
        return count

    def __iter__(self) -> Iterator[str]:
        return self.names()

    def __contains__(self, name: object) -> bool:
        """Whether there is a name; by binary search."""
        return isinstance(name, str) and self._find(name.encode("utf-8", "replace")) is not None

    def _find(self, name: bytes) -> int | None:
        """The number of a name."""
        number = self._position(name)
        return number if number < self._count and self._name(number) == name else None

    def _name(self, number: int) -> bytes:
        begin = self._uint32(self._name_ends, number - 1) if number else 0
        return self._map[self._names + begin : self._names + self._uint32(self._name_ends, number)]

    def _position(self, name: bytes) -> int:
        """The number of the first name that is not before another; by binary search, about 5 µs."""
        low, high = 0, self._count
        data, names, ends, pair = self._map, self._names, self._name_ends, _PAIR.unpack_from
        first_end = self._uint32(ends, 0) if high else 0
        while low < high:
            middle = (low + high) // 2
            begin, end = pair(data, ends + 4 * middle - 4) if middle else (0, first_end)
            if data[names + begin : names + end] < name:
                low = middle + 1
            else:
                high = middle
        return low

    def _uint32(self, table: int, number: int) -> int:
        value: int = _UINT32.unpack_from(self._map, table + 4 * number)[0]
        return value

    def _segment(self, number: int) -> bytes:
        start: int = _UINT64.unpack_from(self._map, self._starts + 8 * number)[0]
        return self._text(start, self._uint32(self._sizes, number))

    def _text(self, start: int, size: int) -> bytes:
        """A part of the text of all frames together, which is in one of them."""
        if not self._has_frames:
            return self._map[start : start + size]
        begin, text = self._last
        if not begin <= start < begin + len(text):
            begin, text = self._last = self._frame(start)
        found = text[start - begin : start - begin + size]
        if len(found) != size:
            raise IndexDamagedError("a segment is not in its frame")
        return found

    def _frame(self, start: int) -> tuple[int, bytes]:
        """The frame with a position of the text, and where its text starts."""
        if self._frames is None:
            table = self._table("Q", self._frame_starts, len(self._map) - TRAILER.size)
            self._frames = table[::2], table[1::2]
        texts, files = self._frames
        number = bisect_right(texts, start) - 1
        end = files[number + 1] if number + 1 < len(files) else self._meta.start
        found = _decompressed(self._map[files[number] : end])
        self._mapped += end - files[number]
        if self._mapped > _MOST_MAPPED and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
            self._mapped = 0
        return texts[number], found


def _decompressed(frame: bytes) -> bytes:
    import zstandard

    try:
        if zstandard.frame_content_size(frame) > _LARGEST_SEGMENT:
            raise IndexDamagedError("a segment is too large")
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise IndexDamagedError("a segment is damaged") from error
