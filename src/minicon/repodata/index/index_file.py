"""IndexFile: the records of one subdir on disk, found by name without reading the rest.

One file contains everything and is read through a memory map::

    ┌───────────────────────────────────────────────────────────────────┐
    │ segments       zstd frames: consecutive records of one name       │
    │ meta           JSON: ``info`` and other fields of the channel      │
    │ names          all names, sorted, concatenated                    │
    │ name ends      per name, its end                        4 bytes   │
    │ segment ends   per name, the end of its segments        4 bytes   │
    │ extents        per segment: start  8 bytes, size 4 bytes, section │
    │ trailer        lengths of all of these, CRC-32, the magic         │
    └───────────────────────────────────────────────────────────────────┘

It is written front to back in one pass, so that a channel of any size can be converted while it
arrives. A name has several segments if its records are apart in the channel's file (``packages``
and ``packages.conda``, or two blocks). A lookup is a binary search over the names.
"""

from __future__ import annotations

import mmap
import struct
import sys
import zlib
from array import array
from bisect import bisect_right
from itertools import accumulate, chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from os import PathLike
    from typing import Any

    from minicon.repodata.index.scanner import Run

_MAGIC = b"MCINDEX2"
#: Lengths of segments and meta and names, numbers of names and segments, size, CRC-32, magic.
_TRAILER = struct.Struct("<QQQQQQI4x8s")
_UINT32, _UINT64, _PAIR = struct.Struct("<I"), struct.Struct("<Q"), struct.Struct("<II")
#: A segment contains a part of one block of the channel's file, which is never larger.
_LARGEST_SEGMENT = 1 << 28
#: A fast level: all segments are written, and few are read.
_LEVEL = -5
#: Names whose records are searched together.
_NAMES_AT_ONCE = 2000

SECTIONS = ("packages", "packages.conda", "removed", "v3.tar.bz2", "v3.conda", "v3.whl", "shard")
#: Not compressed: a hash does not become smaller.
_STORED = SECTIONS.index("shard")
_NUMBERS = {section: number for number, section in enumerate(SECTIONS)}


class IndexDamagedError(Exception):
    """The file is truncated, altered or not an index. Callers fetch it again."""


class IndexWriter:
    """Makes the file's bytes, front to back."""

    def __init__(self) -> None:
        import zstandard

        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        # Per segment, in columns: a channel may have millions.
        self._names: list[bytes] = []
        self._sizes = array("I")
        self._sections = bytearray()

    def add(self, runs: Sequence[Run]) -> bytes:
        """Add members that were cut by name; return the next bytes of the file.

        They are compressed without the interpreter's lock, in parallel with the stage that cuts.
        """
        if not runs:
            return b""
        # This API has no frame for an empty text; JSON members are never empty.
        frames = self._compressor.multi_compress_to_buffer([run[2] for run in runs], threads=0)
        packed = [frames[number].tobytes() for number in range(len(runs))]
        self._names += [run[1] for run in runs]
        self._sizes.extend(map(len, packed))
        self._sections += bytes([_NUMBERS[run[0]] for run in runs])
        return b"".join(packed)

    def finish(self, meta: Mapping[str, Any]) -> bytes:
        """Return the rest of the file after the last segment."""
        ends = array("Q", accumulate(self._sizes, initial=0))
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
            ends[-1],
            names,
            segment_ends,
            array("Q", map(ends.__getitem__, order)),
            array("I", map(self._sizes.__getitem__, order)),
            bytes(map(self._sections.__getitem__, order)),
        )


def hashes_file(names: Sequence[bytes], hashes: bytes, meta: Mapping[str, Any]) -> bytes:
    """Return a complete index file whose segments are the hashes of shards, one per name.

    Args:
        names: In UTF-8, sorted.
        hashes: Their hashes, concatenated; all are equally long.
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
        bytes([_STORED]) * count,
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
) -> bytes:
    """Everything after the segments; see the module's drawing."""
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
        )
    )
    size = length + len(body) + _TRAILER.size
    facts = (length, len(about), len(text), len(names), len(sections), size)
    return body + _TRAILER.pack(*facts, zlib.crc32(body), _MAGIC)


def _bytes_of(numbers: array[int]) -> bytes:
    """The numbers in little-endian order on every machine."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


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
        if size < _TRAILER.size:
            raise IndexDamagedError("the file is too short")
        length, about, text, self._count, segments, stated, crc, magic = _TRAILER.unpack_from(
            self._map, size - _TRAILER.size
        )
        self._names = length + about
        self._name_ends = self._names + text
        self._segment_ends = self._name_ends + 4 * self._count
        self._starts = self._segment_ends + 4 * self._count
        self._sizes = self._starts + 8 * segments
        self._sections = self._sizes + 4 * segments
        if (
            magic != _MAGIC
            or stated != size
            or self._sections + segments + _TRAILER.size != size
            or zlib.crc32(memoryview(self._map)[length : size - _TRAILER.size]) != crc
        ):
            raise IndexDamagedError("the file is truncated, altered or not an index")
        self._meta = slice(length, length + about)

    @property
    def meta(self) -> dict[str, Any]:
        """The argument of :meth:`IndexWriter.finish`."""
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
        """Yield the names of which some record contains a text. Costs 1 µs per segment.

        Raises:
            IndexDamagedError: A segment was altered.
        """
        part = containing.encode()
        names = self.names()
        ends = self._table("I", self._segment_ends, self._starts)
        begin = 0
        for first in range(0, self._count, _NAMES_AT_ONCE):
            last = min(first + _NAMES_AT_ONCE, self._count)
            texts = self._texts(begin, ends[last - 1])
            for end in ends[first:last]:
                name = next(names)
                if any(part in texts[number] for number in range(begin, end)):
                    yield name
                begin = end

    def _texts(self, first: int, last: int) -> Mapping[int, bytes]:
        """Decompress the segments of a range of numbers together."""
        import zstandard

        extents = array("Q", bytes(16 * (last - first)))
        extents[0::2] = self._table("Q", self._starts + 8 * first, self._starts + 8 * last)
        sizes = self._table("I", self._sizes + 4 * first, self._sizes + 4 * last)
        extents[1::2] = array("Q", sizes)
        frames = zstandard.BufferWithSegments(memoryview(self._map), extents.tobytes())
        try:
            found = zstandard.ZstdDecompressor().multi_decompress_to_buffer(frames)
        except (zstandard.ZstdError, ValueError, MemoryError) as error:
            raise IndexDamagedError("a segment is damaged") from error
        return {first + index: found[index].tobytes() for index in range(len(found))}

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
        return [self._segment(number) for number in self._extents(name)]

    def digest(self, name: str) -> str:
        """Identify the records of a name: equal digests mean equal records.

        It is a hash over the stored segments; "none" for an unknown name.
        """
        import hashlib

        digest, numbers = hashlib.sha256(), self._extents(name)
        for number in numbers:
            frame = self._frame(number)
            digest.update(_PAIR.pack(self._map[self._sections + number], len(frame)) + frame)
        return digest.hexdigest() if numbers else "none"

    def _extents(self, name: str) -> range:
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

    def _segment(self, number: int) -> tuple[str, bytes]:
        frame, section = self._frame(number), self._map[self._sections + number]
        return SECTIONS[section], frame if section == _STORED else _decompressed(frame)

    def _frame(self, number: int) -> bytes:
        """A segment as stored."""
        start: int = _UINT64.unpack_from(self._map, self._starts + 8 * number)[0]
        return self._map[start : start + self._uint32(self._sizes, number)]


def _decompressed(frame: bytes) -> bytes:
    import zstandard

    try:
        if zstandard.frame_content_size(frame) > _LARGEST_SEGMENT:
            raise IndexDamagedError("a segment is too large")
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise IndexDamagedError("a segment is damaged") from error
