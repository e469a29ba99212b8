"""IndexFile: the records of one subdir on disk, found by name without reading the rest.

One file holds everything, and is only ever read through a memory map::

    ┌───────────────────────────────────────────────────────────────────┐
    │ segments       zstd frames: consecutive records of one name       │
    │ meta           JSON: ``info`` and what else the channel said      │
    │ names          all names, sorted, one after the other             │
    │ name ends      per name, where it ends                  4 bytes   │
    │ segment ends   per name, which of the segments are its  4 bytes   │
    │ places         per segment: start  8 bytes, size 4 bytes, section │
    │ trailer        how long all that is, its CRC-32, the magic        │
    └───────────────────────────────────────────────────────────────────┘

It is written front to back in one pass, so that a channel of any size can be converted as it
arrives. A name has several segments where its records lie apart in the channel's file
(``packages`` and ``packages.conda``, or two blocks). A lookup is a binary search over the names.
"""

from __future__ import annotations

import json
import mmap
import struct
import sys
import zlib
from array import array
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
#: A segment holds a part of one block of the channel's file: nothing sane is larger.
_LARGEST_SEGMENT = 1 << 28
#: A quick level: segments are written all and read rarely.
_LEVEL = -5

SECTIONS = ("packages", "packages.conda", "removed", "v3.tar.bz2", "v3.conda", "v3.whl", "shard")
#: Kept as it is: a hash does not become smaller.
_STORED = SECTIONS.index("shard")
_NUMBERS = {section: number for number, section in enumerate(SECTIONS)}


class IndexDamagedError(Exception):
    """The file is cut, foreign or altered. Callers make it anew."""


class IndexWriter:
    """Collects segments and gives the file's bytes, front to back."""

    def __init__(self) -> None:
        import zstandard

        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self._places: dict[bytes, list[tuple[int, int, int]]] = {}
        self._length = 0

    def add(self, runs: Sequence[Run]) -> bytes:
        """Take up members that were cut by name; the bytes that come next in the file.

        They are compressed without the interpreter's lock, beside the stage that cuts them.
        """
        if not runs:
            return b""
        # An empty text has no frame in this API; JSON members are never empty.
        frames = self._compressor.multi_compress_to_buffer([run[2] for run in runs], threads=0)
        packed = []
        for number, (section, name, _) in enumerate(runs):
            frame = frames[number].tobytes()
            place = (self._length, len(frame), _NUMBERS[section])
            self._places.setdefault(name, []).append(place)
            self._length += len(frame)
            packed.append(frame)
        return b"".join(packed)

    def finish(self, meta: Mapping[str, Any]) -> bytes:
        """The rest of the file after the last segment."""
        names = sorted(self._places)
        per_name = [self._places[name] for name in names]
        segments = list(chain.from_iterable(per_name))
        starts, sizes, sections = zip(*segments, strict=True) if segments else ((), (), ())
        return _tables(
            meta,
            self._length,
            names,
            array("I", accumulate(map(len, per_name))),
            array("Q", starts),
            array("I", sizes),
            bytes(sections),
        )


def hashes_file(names: Sequence[bytes], hashes: bytes, meta: Mapping[str, Any]) -> bytes:
    """A whole index file whose segments are the hashes of shards, one per name.

    Args:
        names: In UTF-8, sorted.
        hashes: Theirs, one after the other; all are equally long.
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
    """Everything after the segments; see the drawing above."""
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
    """Numbers in a row, little-endian whatever the machine."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


class IndexFile:
    """An index that is open for reading. Thread-safe.

    Opening costs a CRC over the tables (about 1 ms for 50,000 names); a lookup costs its records.

    Attributes:
        meta: What :meth:`IndexWriter.finish` was given.

    Raises:
        IndexDamagedError: It is not a whole index file.
        OSError: It is not there, or cannot be read.
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
            raise IndexDamagedError("the file is cut, altered or not an index")
        self.meta: dict[str, Any] = json.loads(self._map[length : length + about])

    def names(self) -> Iterator[str]:
        """All names, sorted."""
        for number in range(self._count):
            yield self._name(number).decode("utf-8", "replace")

    def segments(self, name: str) -> list[tuple[str, bytes]]:
        """(section, payload) of a name, as they were added; empty for an unknown name.

        Raises:
            IndexDamagedError: A segment was altered.
        """
        return [self._segment(place) for place in self._places(name)]

    def digest(self, name: str) -> str:
        """Identifies the records of a name: equal digests mean equal records.

        A hash over the segments as they are stored; "none" for an unknown name.
        """
        import hashlib

        digest, places = hashlib.sha256(), self._places(name)
        for place in places:
            frame = self._frame(place)
            digest.update(_PAIR.pack(self._map[self._sections + place], len(frame)) + frame)
        return digest.hexdigest() if places else "none"

    def _places(self, name: str) -> range:
        """The segments of a name; none for an unknown one."""
        number = self._find(name.encode("utf-8", "replace"))
        if number is None:
            return range(0)
        first = self._uint32(self._segment_ends, number - 1) if number else 0
        return range(first, self._uint32(self._segment_ends, number))

    def _find(self, name: bytes) -> int | None:
        """Number of a name by binary search, about 5 µs."""
        low, high = 0, self._count
        data, names, ends, pair = self._map, self._names, self._name_ends, _PAIR.unpack_from
        first_end = self._uint32(ends, 0) if high else 0
        while low < high:
            middle: int = (low + high) // 2
            begin, end = pair(data, ends + 4 * middle - 4) if middle else (0, first_end)
            found = data[names + begin : names + end]
            if found == name:
                return middle
            if found < name:
                low = middle + 1
            else:
                high = middle
        return None

    def _name(self, number: int) -> bytes:
        begin = self._uint32(self._name_ends, number - 1) if number else 0
        return self._map[self._names + begin : self._names + self._uint32(self._name_ends, number)]

    def _uint32(self, table: int, number: int) -> int:
        value: int = _UINT32.unpack_from(self._map, table + 4 * number)[0]
        return value

    def _segment(self, place: int) -> tuple[str, bytes]:
        frame, section = self._frame(place), self._map[self._sections + place]
        return SECTIONS[section], frame if section == _STORED else _unpacked(frame)

    def _frame(self, place: int) -> bytes:
        """A segment as it is stored."""
        start: int = _UINT64.unpack_from(self._map, self._starts + 8 * place)[0]
        return self._map[start : start + self._uint32(self._sizes, place)]


def _unpacked(frame: bytes) -> bytes:
    import zstandard

    try:
        if zstandard.frame_content_size(frame) > _LARGEST_SEGMENT:
            raise IndexDamagedError("a segment claims to be enormous")
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise IndexDamagedError("a segment is damaged") from error
