"""Read zip files strictly: one meaning for every reader, or an error.

A general zip reader trusts either the local headers or the central directory, skips bytes between
members, and uses the last end record that it finds; so one file can have two contents
(CVE-2025-54368, CVE-2025-13327). Here the end record must end the file, the directory must precede
it directly, members must be contiguous from byte 0, and no field may contradict another.

Any part of a file may be read: downloads of a part, and whole files.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from minicon.archive.streams import HeldBytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    from minicon.archive.streams import ReadAt
    from minicon.errors import PackageError

    class Refuse(Protocol):
        """Builds the error for a file, or for one member of it, that has a problem."""

        def __call__(self, problem: str, *, member: str | None = None) -> PackageError:
            """Return the error; ``problem`` is a clause such as ``is encrypted``."""


STORED, DEFLATED = 0, 8
#: Members up to this size are unpacked in one piece (bytes).
ONE_PIECE = 1 << 22
_STEP = 1 << 18

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTOR_LIMIT = 24
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075
_SIZES_FOLLOW = 1 << 3
_UTF8 = 1 << 11
#: Deflate's strength (1, 2), sizes after the data (3), names in UTF-8 (11). Not encryption (0).
_DEFLATE_FLAGS = 0b110 | _SIZES_FOLLOW | _UTF8


class Extent(NamedTuple):
    """Location of the central directory: absolute offset, bytes, number of entries."""

    offset: int
    size: int
    entries: int


class ZipEntry(NamedTuple):
    """One member as the central directory lists it. Offsets and sizes in bytes."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    offset: int
    """Of its local header."""
    mode: int
    """Unix mode with its file type, 0 where the zip has none."""


class StrictZip:
    """One zip file.

    Args:
        file: Its bytes, or as many as are read.
        refuse: Builds errors.
        stored_only: Refuse members that are compressed, have comments, or sizes behind their data.
    """

    def __init__(self, file: ReadAt, refuse: Refuse, *, stored_only: bool = False) -> None:
        self._file = file
        self._refuse = refuse
        self._stored_only = stored_only
        self._flags = _UTF8 if stored_only else _DEFLATE_FLAGS

    def directory(self) -> Extent | None:
        """Find the central directory; None if the file does not end like a zip file.

        Reads only the end records, at most the last 98 bytes.

        Raises:
            PackageError: The end records contradict each other or the file's length.
        """
        end = self._file.size - _END.size
        raw = self._file.read_at(end, _END.size) if end >= 0 else b""
        if raw[:4] != b"PK\5\6":
            return None
        _, disk, start_disk, here, count, size, offset, comment = _END.unpack(raw)
        extent = Extent(offset, size, count)
        locator = self._file.read_at(end - _END64_LOCATOR.size, 4) if end >= 20 else b""
        has64 = locator == b"PK\6\7"
        no_disk = (0, _MAX16) if has64 else (0,)
        if comment or disk not in no_disk or start_disk not in no_disk or here != count:
            raise self._refuse("has an end record with a comment or several disks")
        if has64:
            extent, end = self._directory64(end - _END64_LOCATOR.size, extent)
        if extent.offset + extent.size != end:
            raise self._refuse("has a central directory that does not end at the end record")
        return extent

    def _directory64(self, locator: int, short: Extent) -> tuple[Extent, int]:
        """Read the zip64 end record; each field of the short one must be equal or unset."""
        start = locator - _END64.size
        _, disk, where, disks = _END64_LOCATOR.unpack(
            self._file.read_at(locator, _END64_LOCATOR.size)
        )
        if disk or disks > 1 or where != start or start < 0:
            raise self._refuse("has a broken zip64 end record")
        fields = _END64.unpack(self._file.read_at(start, _END64.size))
        sign, length, _, _, disk, start_disk, here, count, size, offset = fields
        is_whole = sign == b"PK\6\6" and length == _END64.size - 12
        if not is_whole or disk or start_disk or here != count:
            raise self._refuse("has a broken zip64 end record")
        extent = Extent(offset, size, count)
        for value, long, unset in zip(short, extent, (_MAX32, _MAX32, _MAX16), strict=True):
            if value not in (long, unset):
                raise self._refuse("has two end records that contradict each other")
        return extent, start

    def entries(self, extent: Extent) -> Iterator[ZipEntry]:
        """Yield the entries of the central directory, in its order.

        Raises:
            PackageError: One is corrupt, or uses a feature that packages never need.
        """
        data = self._file.read_at(extent.offset, extent.size)
        position = count = 0
        while position + _CENTRAL.size <= len(data):
            fields = _CENTRAL.unpack_from(data, position)
            names, extras, comments = fields[10:13]
            start = position + _CENTRAL.size
            position = start + names + extras + comments
            is_whole = fields[0] == b"PK\1\2" and position <= len(data)
            if not is_whole or (comments and self._stored_only):
                raise self._refuse("has a broken central directory")
            raw_name = data[start : start + names]
            yield self._entry(fields, raw_name, data[start + names : position - comments])
            count += 1
        if position != len(data) or count != extent.entries or position != extent.size:
            raise self._refuse("has a central directory of a wrong length")

    def _entry(self, fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> ZipEntry:
        flags, method = fields[3:5]
        crc, compressed, size = fields[7:10]
        disk, _, attributes, offset = fields[13:]
        try:
            # Without the flag, only ASCII is unambiguous.
            name = raw_name.decode("utf-8" if flags & _UTF8 else "ascii")
        except UnicodeDecodeError:
            raise self._refuse(
                f"has the name {raw_name[:80]!r}, which is in an unknown encoding"
            ) from None
        if flags & ~self._flags:
            problem = "is encrypted, has its size behind it, or has unknown flags"
            raise self._refuse(problem, member=name)
        if method not in ((STORED,) if self._stored_only else (STORED, DEFLATED)):
            problem = f"is compressed by method {method}, which this format does not use"
            raise self._refuse(problem, member=name)
        if extra or _MAX32 in (size, compressed, offset):
            size, compressed, offset = self._widened(extra, (size, compressed, offset), name)
        if disk:
            raise self._refuse("is on another disk", member=name)
        if method == STORED and compressed != size:
            raise self._refuse("has two sizes", member=name)
        mode = attributes >> 16
        return ZipEntry(name, raw_name, flags, method, crc, compressed, size, offset, mode)

    def _zip64_field(self, extra: bytes, name: str) -> bytes:
        """Return the zip64 field among extra fields; empty if there is none."""
        found: bytes | None = None
        position = 0
        while position < len(extra):
            kind, length = struct.unpack_from("<HH", extra.ljust(position + 4, b"\0"), position)
            field = extra[position + 4 : position + 4 + length]
            is_second = kind == _ZIP64_EXTRA and found is not None
            if len(field) != length or kind == _UNICODE_PATH_EXTRA or is_second:
                raise self._refuse("has a broken extra field", member=name)
            if kind == _ZIP64_EXTRA:
                found = field
            position += 4 + length
        return found or b""

    def _widened(self, extra: bytes, values: tuple[int, ...], name: str) -> tuple[int, ...]:
        """Replace each value 0xFFFFFFFF by the next one of the zip64 field."""
        field = self._zip64_field(extra, name)
        unset = values.count(_MAX32)
        if not unset and field == struct.pack("<QQ", *values[:2]):
            return values  # Python before 3.11.4 repeats sizes that fit if zip64 is forced
        if len(field) != 8 * unset:
            raise self._refuse("has a broken zip64 extra field", member=name)
        wide = iter(struct.unpack(f"<{unset}Q", field))
        return tuple(next(wide) if value == _MAX32 else value for value in values)

    def starts(self, entries: Iterable[ZipEntry], extent: Extent) -> Iterator[tuple[ZipEntry, int]]:
        """Yield each entry with the offset of its data, in the order of the file.

        Raises:
            PackageError: A local header contradicts the directory, or there are bytes between
                members, or two share some.
        """
        position = 0
        for entry in sorted(entries, key=lambda each: each.offset):
            if entry.offset != position:
                raise self._refuse("has gaps or overlaps between its members")
            start = self.start_of(entry)
            position = start + entry.compressed_size
            if position > extent.offset:
                raise self._refuse("reaches into the directory", member=entry.name)
            if entry.flags & _SIZES_FOLLOW:
                position += self._descriptor_length(position, entry)
            yield entry, start
        if position != extent.offset:
            raise self._refuse("has bytes between its members and the central directory")

    def start_of(self, entry: ZipEntry) -> int:
        """Check an entry's local header against the directory; return the offset of its data.

        Raises:
            PackageError: The two contradict each other.
        """
        raw = self._file.read_at(entry.offset, _LOCAL.size)
        if len(raw) < _LOCAL.size or raw[:4] != b"PK\3\4":
            raise self._refuse("has a broken local header", member=entry.name)
        _, _, flags, method, _, _, crc, compressed, size, names, extras = _LOCAL.unpack(raw)
        behind = entry.offset + _LOCAL.size
        rest = self._file.read_at(behind, names + extras)
        unset: tuple[int, ...] = ()
        if flags & _SIZES_FOLLOW:
            unset = (0, _MAX32)
            self._zip64_field(rest[names:], entry.name)
        else:
            size, compressed = self._widened(rest[names:], (size, compressed), entry.name)
        found = (flags, method, rest[:names])
        is_same = found == (entry.flags, entry.method, entry.raw_name)
        for value, listed in (
            (crc, entry.crc),
            (compressed, entry.compressed_size),
            (size, entry.size),
        ):
            is_same &= value == listed or value in unset
        if not is_same or len(rest) != names + extras:
            problem = "has a local header that contradicts the central directory"
            raise self._refuse(problem, member=entry.name)
        return behind + int(names + extras)

    def _descriptor_length(self, position: int, entry: ZipEntry) -> int:
        """Return the length of the data descriptor, which must agree with the directory."""
        data = self._file.read_at(position, _DESCRIPTOR_LIMIT)
        sizes = (entry.compressed_size, entry.size)
        # The longer form first: it begins like the shorter one where a size is 0.
        forms = ("<L2Q", "<3L") if max(sizes) <= _MAX32 else ("<L2Q",)
        for sign in (b"PK\7\x08", b""):
            for form in forms:
                expected = sign + struct.pack(form, entry.crc, *sizes)
                if data.startswith(expected):
                    return len(expected)
        raise self._refuse("has another size behind its data", member=entry.name)

    def span_of(self, entry: ZipEntry, entries: Iterable[ZipEntry], extent: Extent) -> int:
        """Return the bytes from an entry's local header to the next header or the directory."""
        ends = [each.offset for each in entries if each.offset > entry.offset]
        return max(min([*ends, extent.offset]) - entry.offset, 0)

    def content_of(self, entry: ZipEntry, span: bytes) -> bytes:
        """Return a member's content from the bytes that :meth:`span_of` counts.

        Raises:
            PackageError: Its local header or content contradicts the directory.
        """
        alone = StrictZip(HeldBytes(span), self._refuse)
        start = alone.start_of(entry._replace(offset=0))
        return b"".join(alone.pieces(entry, memoryview(span)[start:][: entry.compressed_size]))

    def pieces(self, entry: ZipEntry, raw: memoryview) -> Iterator[bytes | memoryview]:
        """Yield a member's content in pieces; size and CRC-32 are checked after the last one.

        Args:
            entry: The member.
            raw: Its data as the file holds them. No more than the listed size is unpacked.

        Raises:
            PackageError: The content contradicts the directory.
        """
        size = crc = 0
        try:
            for part in (raw,) if entry.method == STORED else self._inflated(entry, raw):
                size += len(part)
                crc = zlib.crc32(part, crc)
                if size > entry.size:
                    break
                yield part
        except zlib.error as error:
            raise self._refuse(f"cannot be unpacked ({error})", member=entry.name) from error
        if size != entry.size or crc != entry.crc:
            raise self._refuse("has a wrong size or checksum (CRC-32)", member=entry.name)

    def _inflated(self, entry: ZipEntry, raw: memoryview) -> Iterator[bytes]:
        inflater = zlib.decompressobj(-15)
        if entry.size <= ONE_PIECE:
            yield inflater.decompress(raw, entry.size + 1)
        else:
            for position in range(0, len(raw), _STEP):
                rest: bytes | memoryview = raw[position : position + _STEP]
                while rest and not inflater.eof:
                    yield inflater.decompress(rest, ONE_PIECE)
                    rest = inflater.unconsumed_tail
            yield inflater.flush()
        if not inflater.eof or inflater.unused_data:
            raise self._refuse("does not end where the directory says", member=entry.name)
