"""Read the outer zip of a ``.conda`` file strictly.

A general zip reader trusts either the local headers or the central directory, skips bytes between
them, and uses the last end record that it finds; that allows files with two meanings for two
readers. The ``.conda`` format needs none of that freedom: three stored members, back to back from
byte 0 to the central directory, the end record last.
"""

from __future__ import annotations

import struct
import zlib

from minicon.archive.problems import damaged, unsafe
from minicon.archive.streams import ByteRange, HeldBytes
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, replace
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.archive.streams import ReadAt
    from minicon.errors import PackageError

METADATA = "metadata.json"
_COMPONENT = lazy_pattern(r"(info|pkg)-[^/\\\0]{1,240}\.tar\.zst")
_LOCAL = struct.Struct("<4s5HIIIHH")
_CENTRAL = struct.Struct("<4s6HIIIHHHHHII")
_END = struct.Struct("<4s4HIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR = struct.Struct("<4sIQI")
_MAX32 = 0xFFFFFFFF
_DIRECTORY_LIMIT = 1 << 16
_METADATA_LIMIT = 1 << 16
_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075
_ZIP64 = 0x0001


@dataclass(frozen=True, slots=True)
class ZipMember:
    """One stored member: its content is ``size`` bytes from ``offset`` of the file."""

    name: str
    offset: int
    size: int
    crc: int


def read_conda_zip(descriptor: int, size: int, archive: str) -> dict[str, ZipMember]:
    """Read the members of a ``.conda`` file, with the keys ``metadata``, ``info`` and ``pkg``.

    Costs a few small reads; content is not read, see :func:`check_crc`.

    Args:
        descriptor: The open file.
        size: Its length in bytes.
        archive: Its name, for errors.

    Raises:
        UnsafeArchive: The zip does not follow the ``.conda`` format strictly.
        PackageError: It is not a zip, is truncated, or has an unknown format version.
    """
    file = ByteRange(descriptor, 0, size)
    walk = _Walk(file, archive)
    members = walk.members()
    found: dict[str, ZipMember] = {}
    for member in members:
        component = "metadata" if member.name == METADATA else member.name.partition("-")[0]
        if member.name != METADATA and not _COMPONENT.fullmatch(member.name):
            raise unsafe(archive, "does not belong in a .conda file", member=member.name)
        if component in found:
            raise unsafe(archive, "is contained twice", member=member.name)
        found[component] = member
    if len(found) != 3:
        missing = sorted({"metadata", "info", "pkg"} - found.keys())
        raise unsafe(archive, f"has no {' and no '.join(missing)} member")
    _check_metadata(file, found["metadata"], archive)
    return found


def find_info(file: ReadAt, archive: str) -> tuple[ZipMember, int]:
    """Find the info member of a ``.conda`` file that is only partly downloaded.

    Only the end of the file is read. This serves plans: packages to install are read by
    :func:`read_conda_zip`, which checks every header.

    Returns:
        The member, whose offset is that of its header; and its bytes including the header.

    Raises:
        PackageError: As :func:`read_conda_zip` does.
    """
    entries, start = _Walk(file, archive).entries()
    ends = [*(entry.offset for entry in entries[1:]), start]
    for entry, end in zip(entries, ends, strict=True):
        if entry.name.startswith("info-"):
            return entry, end - entry.offset
    raise unsafe(archive, "has no info member")


def member_content(data: bytes, entry: ZipMember, archive: str) -> bytes:
    """Return a stored member's content from its header and content. Raises PackageError."""
    member = _Walk(HeldBytes(data), archive).behind_header(replace(entry, offset=0))
    content = data[member.offset : member.offset + member.size]
    if len(content) != member.size or zlib.crc32(content) != member.crc:
        raise damaged(archive, "has a wrong checksum (CRC-32)", member=member.name)
    return content


def check_crc(descriptor: int, member: ZipMember, archive: str) -> None:
    """Compare the CRC-32 of a member's stored bytes. Raises PackageError."""
    source = ByteRange(descriptor, member.offset, member.size)
    crc = 0
    while data := source.read(1 << 18):
        crc = zlib.crc32(data, crc)
    if crc != member.crc:
        raise damaged(archive, "has a wrong checksum (CRC-32)", member=member.name)


def _check_metadata(file: ByteRange, member: ZipMember, archive: str) -> None:
    """Check ``metadata.json``. Some real packages have an empty one, which means version 2."""
    if member.size > _METADATA_LIMIT:
        raise unsafe(archive, f"is {member.size} bytes long", member=METADATA)
    data = file.read_at(member.offset, member.size)
    if zlib.crc32(data) != member.crc:
        raise damaged(archive, "has a wrong checksum (CRC-32)", member=METADATA)
    if not data:
        return
    try:
        version = read_json(data)["conda_pkg_format_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise damaged(archive, "names no format version", member=METADATA) from None
    if version != 2 or isinstance(version, bool):
        raise damaged(archive, f"has format version {version!r:.20}, not 2", member=METADATA)


class _Walk:
    """Reads the end record, the central directory and each local header of one file."""

    def __init__(self, file: ReadAt, archive: str) -> None:
        self._file = file
        self._archive = archive

    def entries(self) -> tuple[list[ZipMember], int]:
        """Return the central directory's entries by their offset, and the directory's offset."""
        start, size, count = self._directory()
        data = self._file.read_at(start, size)
        position = 0
        entries = []
        for _ in range(count):
            entry, position = self._central(data, position)
            entries.append(entry)
        if position != len(data):
            raise self._refuse("has a central directory of a wrong length")
        return sorted(entries, key=lambda entry: entry.offset), start

    def members(self) -> list[ZipMember]:
        """Return the members, each header compared with the directory."""
        entries, start = self.entries()
        members = []
        expected = 0
        for entry in entries:
            if entry.offset != expected:
                raise self._refuse("has gaps or overlaps between its members")
            member = self.behind_header(entry)
            expected = member.offset + member.size
            members.append(member)
        if expected != start:
            raise self._refuse("has bytes between its members and the central directory")
        return members

    def _refuse(self, problem: str) -> PackageError:
        return unsafe(self._archive, problem)

    def _directory(self) -> tuple[int, int, int]:
        """Return offset, size and number of entries of the central directory."""
        end = self._file.size - _END.size
        raw = self._file.read_at(end, _END.size) if end >= 0 else b""
        if raw[:4] != b"PK\5\6":
            raise damaged(
                self._archive, "is not a .conda file, is truncated, or has bytes after its end"
            )
        _, disk, start_disk, here, count, size, start, comment = _END.unpack(raw)
        if disk or start_disk or here != count or comment:
            raise self._refuse("has an end record with a comment or several disks")
        if _MAX32 in (size, start) or self._file.read_at(end - 20, 4) == b"PK\6\7":
            end, start, size, count = self._directory64(end, (start, size, count))
        if start + size != end or size > _DIRECTORY_LIMIT:
            raise self._refuse("has a central directory that does not end at the end record")
        if count != 3:
            raise self._refuse(f"has {count} members, not 3")
        return start, size, count

    def _directory64(self, end: int, small: tuple[int, int, int]) -> tuple[int, int, int, int]:
        """Read the zip64 end record, which must agree with the small one."""
        locator = end - _LOCATOR.size
        record = locator - _END64.size
        if record < 0:
            raise self._refuse("has a broken zip64 end record")
        mark, disk, where, disks = _LOCATOR.unpack(self._file.read_at(locator, _LOCATOR.size))
        if mark != b"PK\6\7" or disk or disks > 1 or where != record:
            raise self._refuse("has a broken zip64 end record")
        fields = _END64.unpack(self._file.read_at(record, _END64.size))
        mark, length, _, _, disk, start_disk, here, count, size, start = fields
        if mark != b"PK\6\6" or length != 44 or disk or start_disk or here != count:
            raise self._refuse("has a broken zip64 end record")
        for value, narrow, limit in zip(
            (start, size, count), small, (_MAX32, _MAX32, 0xFFFF), strict=True
        ):
            if narrow not in (value, limit):
                raise self._refuse("has two end records that disagree")
        return record, start, size, count

    def _central(self, data: bytes, position: int) -> tuple[ZipMember, int]:
        """Read one entry of the central directory; return it and the offset of the next."""
        if len(data) - position < _CENTRAL.size or data[position : position + 4] != b"PK\1\2":
            raise self._refuse("has a broken central directory")
        fields = _CENTRAL.unpack_from(data, position)
        _, _, _, flags, method, _, _, crc, packed, size, names, extras, comment, disk = fields[:14]
        offset = fields[16]
        start = position + _CENTRAL.size
        end = start + names + extras + comment
        if end > len(data) or comment or disk:
            raise self._refuse("has a broken central directory")
        name = self._name(data[start : start + names])
        self._check_plain(name, flags, method)
        wide = self._zip64(data[start + names : end], [size, packed, offset], name)
        if wide[0] != wide[1]:
            raise unsafe(self._archive, "has two sizes", member=name)
        return ZipMember(name, wide[2], wide[0], crc), end

    def behind_header(self, entry: ZipMember) -> ZipMember:
        """Check a local header against its central entry; return the member's content range."""
        raw = self._file.read_at(entry.offset, _LOCAL.size)
        if len(raw) < _LOCAL.size or raw[:4] != b"PK\3\4":
            raise self._refuse("has a broken local header")
        _, _, flags, method, _, _, crc, packed, size, names, extras = _LOCAL.unpack(raw)
        rest = self._file.read_at(entry.offset + _LOCAL.size, names + extras)
        name = self._name(rest[:names])
        self._check_plain(name, flags, method)
        wide = self._zip64(rest[names:], [size, packed], name)
        if (name, crc, wide[0], wide[1]) != (entry.name, entry.crc, entry.size, entry.size):
            problem = "has a local header that contradicts the central directory"
            raise unsafe(self._archive, problem, member=entry.name)
        return ZipMember(name, entry.offset + _LOCAL.size + names + extras, entry.size, crc)

    def _name(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise self._refuse("has a member whose name is not UTF-8") from None

    def _check_plain(self, name: str, flags: int, method: int) -> None:
        if flags & ~_UTF8_FLAG:
            raise unsafe(self._archive, "is encrypted or has its size behind it", member=name)
        if method:
            raise unsafe(self._archive, "is compressed once more by the zip", member=name)

    def _zip64(self, extra: bytes, values: list[int], name: str) -> list[int]:
        """Replace each value 0xFFFFFFFF by the next one of the zip64 extra field."""
        position = 0
        seen = False
        while position < len(extra):
            kind, length = struct.unpack_from("<HH", extra.ljust(position + 4, b"\0"), position)
            field = extra[position + 4 : position + 4 + length]
            if len(field) != length or kind == _UNICODE_PATH or (kind == _ZIP64 and seen):
                raise unsafe(self._archive, "has a broken extra field", member=name)
            if kind == _ZIP64:
                seen = True
                values = self._widen(field, values, name)
            position += 4 + length
        return values

    def _widen(self, field: bytes, values: list[int], name: str) -> list[int]:
        narrow = sum(value == _MAX32 for value in values)
        if not narrow and field == struct.pack("<QQ", *values[:2]):
            return values  # Python before 3.11.4 repeats sizes that fit if zip64 is forced
        if len(field) != 8 * narrow:
            raise unsafe(self._archive, "has a broken zip64 field", member=name)
        wide = iter(struct.unpack(f"<{narrow}Q", field))
        return [next(wide) if value == _MAX32 else value for value in values]
