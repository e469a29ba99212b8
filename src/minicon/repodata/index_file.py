"""IndexFile: the records of one subdir on disk, found by name without reading the rest.

One file holds everything, and is only ever read through a memory map::

    ┌──────────────────────────────────────────────────────────────┐
    │ segments   zstd frames: consecutive records of one name      │
    │ meta       JSON: ``info`` and what else the channel said     │
    │ entries    per name: its length, its segments, the name      │
    │ table      open addressing: CRC-32 of the name → its entry   │
    │ trailer    where all that is, its CRC-32, the magic          │
    └──────────────────────────────────────────────────────────────┘

It is written front to back in one pass, so that a channel of any size can be converted as it
arrives. A name has several segments where its records lie apart in the channel's file
(``packages`` and ``packages.conda``, or two blocks).
"""

from __future__ import annotations

import json
import mmap
import struct
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from typing import Any

_MAGIC = b"MCINDEX1"
_TRAILER = struct.Struct("<QQQQQI4x8s")
_ENTRY = struct.Struct("<HI")
_SEGMENT = struct.Struct("<QIB")
_SLOT = struct.Struct("<II")
#: A segment holds a part of one block of the channel's file: nothing sane is larger.
_LARGEST_SEGMENT = 1 << 28

SECTIONS = ("packages", "packages.conda", "removed", "v3.tar.bz2", "v3.conda", "v3.whl", "shard")
#: Kept as it is: a hash does not become smaller.
_STORED = SECTIONS.index("shard")


class IndexDamagedError(Exception):
    """The file is cut, foreign or altered. Callers make it anew."""


class IndexWriter:
    """Collects segments and gives the file's bytes, front to back.

    Args:
        level: zstd level of the segments; 1 is about as fast as copying.
    """

    def __init__(self, level: int = 1) -> None:
        import zstandard

        self._compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
        self._segments: dict[bytes, list[tuple[int, int, int]]] = {}
        self._offset = 0

    def add(self, section: str, name: bytes, payload: bytes) -> bytes:
        """Take up members of a JSON object (or of a list), without its brackets.

        Args:
            section: One of :data:`SECTIONS`.
            name: The package name of all members.
            payload: JSON text such as ``"a-1-0.conda":{…},"a-2-0.conda":{…}``; for ``shard``
                its hash.

        Returns:
            The bytes that come next in the file.
        """
        number = SECTIONS.index(section)
        frame = payload if number == _STORED else self._compressor.compress(payload)
        place = (self._offset, len(frame), number)
        self._segments.setdefault(name, []).append(place)
        self._offset += len(frame)
        return frame

    def finish(self, meta: dict[str, Any]) -> bytes:
        """The rest of the file after the last segment."""
        about = json.dumps(meta, separators=(",", ":")).encode()
        entries, starts = bytearray(), []
        for name, places in self._segments.items():
            starts.append((zlib.crc32(name), len(entries) + 1))
            entries += _ENTRY.pack(len(name), len(places)) + name
            for place in places:
                entries += _SEGMENT.pack(*place)
        table = _hash_table(starts)
        start = self._offset
        body = about + bytes(entries) + table
        trailer = _TRAILER.pack(
            start,
            len(about),
            len(entries),
            len(table) // _SLOT.size,
            start + len(body) + _TRAILER.size,
            zlib.crc32(body),
            _MAGIC,
        )
        return body + trailer


def _hash_table(starts: list[tuple[int, int]]) -> bytes:
    """Slots of (CRC-32, entry offset + 1), at most half of them used; zero is empty."""
    capacity = 2
    while capacity < 2 * len(starts):
        capacity *= 2
    slots = [(0, 0)] * capacity
    for crc, start in starts:
        slot = crc & (capacity - 1)
        while slots[slot][1]:
            slot = (slot + 1) & (capacity - 1)
        slots[slot] = (crc, start)
    return b"".join(_SLOT.pack(*slot) for slot in slots)


class IndexFile:
    """An index that is open for reading. Thread-safe.

    Opening costs a CRC over the names (about 1 ms for 30,000); a lookup costs its records.

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
        start, about, entries, self._capacity, length, crc, magic = _TRAILER.unpack_from(
            self._map, size - _TRAILER.size
        )
        body = slice(start, size - _TRAILER.size)
        expected = start + about + entries + self._capacity * _SLOT.size + _TRAILER.size
        if magic != _MAGIC or length != size or expected != size or self._capacity < 2:
            raise IndexDamagedError("the trailer does not fit the file")
        if zlib.crc32(memoryview(self._map)[body]) != crc:
            raise IndexDamagedError("the checksum does not fit the content")
        self.meta: dict[str, Any] = json.loads(self._map[start : start + about])
        self._entries = start + about
        self._table = self._entries + entries

    def names(self) -> Iterator[str]:
        """All names, in the order of the channel's file."""
        at = self._entries
        while at < self._table:
            length, count = _ENTRY.unpack_from(self._map, at)
            at += _ENTRY.size
            yield self._map[at : at + length].decode()
            at += length + count * _SEGMENT.size

    def segments(self, name: str) -> list[tuple[str, bytes]]:
        """(section, payload) of a name, as they were added; empty for an unknown name.

        Raises:
            IndexDamagedError: A segment was altered.
        """
        at = self._find(name.encode())
        if at is None:
            return []
        length, count = _ENTRY.unpack_from(self._map, at)
        at += _ENTRY.size + length
        places = [_SEGMENT.unpack_from(self._map, at + i * _SEGMENT.size) for i in range(count)]
        return [(SECTIONS[place[2]], self._read(*place)) for place in places]

    def _find(self, name: bytes) -> int | None:
        crc = zlib.crc32(name)
        slot = crc & (self._capacity - 1)
        while True:
            found, start = _SLOT.unpack_from(self._map, self._table + slot * _SLOT.size)
            if not start:
                return None
            at: int = self._entries + start - 1
            if found == crc:
                length, _ = _ENTRY.unpack_from(self._map, at)
                text = at + _ENTRY.size
                if self._map[text : text + length] == name:
                    return at
            slot = (slot + 1) & (self._capacity - 1)

    def _read(self, start: int, size: int, section: int) -> bytes:
        frame = self._map[start : start + size]
        if section == _STORED:
            return frame
        import zstandard

        try:
            if zstandard.frame_content_size(frame) > _LARGEST_SEGMENT:
                raise IndexDamagedError("a segment claims to be enormous")
            return zstandard.ZstdDecompressor().decompress(frame)
        except zstandard.ZstdError as error:
            raise IndexDamagedError("a segment is damaged") from error
