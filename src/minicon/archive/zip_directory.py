"""Read the central directory of a zip file strictly, from any part of its bytes.

Two readers of one zip file must never see different contents, or files can pass a check unseen.
So the end record must end the file, the directory must precede it directly, and no field may
contradict another. The standard library's reader is lenient in all of this, and cannot read a tail
that was fetched by HTTP range.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from minicon.errors import UnsafeArchive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Buffer = bytes | memoryview

END_SIZE = 22
LOCAL_SIZE = 30
STORED, DEFLATED = 0, 8
#: Bytes at the end of a file that hold everything needed to find its directory.
END_REGION = END_SIZE + 20 + 56

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075
#: Deflate's strength (1, 2), sizes after the data (3), names in UTF-8 (11). Not encryption (0).
_KNOWN_FLAGS = 0b1000_0000_1110
SIZES_FOLLOW = 0b1000
_UTF8 = 1 << 11


class Extent(NamedTuple):
    """Location of the central directory: absolute offset, bytes, number of entries."""

    offset: int
    size: int
    entries: int


class ZipEntry(NamedTuple):
    """One file of the central directory. Offsets and sizes in bytes."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    header_offset: int
    mode: int
    """Unix mode with its file type, 0 where the zip has none."""


def find_directory(tail: Buffer, total: int) -> Extent:
    """Find the central directory from the last bytes of a zip file.

    Args:
        tail: At least the last ``min(total, END_REGION)`` bytes of the file.
        total: Size of the file.

    Raises:
        UnsafeArchive: It is not a zip file, or its end records contradict each other.
    """
    if len(tail) < END_SIZE or bytes(tail[-END_SIZE:-18]) != b"PK\5\6":
        raise broken_wheel("it does not end like a zip file: truncated, or with bytes appended")
    end_offset = total - END_SIZE
    _, disk, start_disk, here, count, size, offset, comment = _END.unpack(tail[-END_SIZE:])
    if comment or disk not in (0, _MAX16) or start_disk not in (0, _MAX16) or here != count:
        raise broken_wheel("its end record has a comment or several disks")
    extent = Extent(offset, size, count)
    locator = bytes(tail[-END_SIZE - 20 : -END_SIZE])
    if locator[:4] == b"PK\6\7":
        extent, end_offset = _find_directory64(tail, total, locator, extent)
    if extent.offset + extent.size != end_offset:
        raise broken_wheel("its directory is not where its end record says")
    return extent


def _find_directory64(
    tail: Buffer, total: int, locator: bytes, short: Extent
) -> tuple[Extent, int]:
    """Read the zip64 end record; each field of the short one must be equal or unset."""
    end_offset = total - END_SIZE - 20 - _END64.size
    _, disk, offset, disks = _END64_LOCATOR.unpack(locator)
    if disk or disks != 1 or offset != end_offset or len(tail) < END_REGION:
        raise broken_wheel("its zip64 locator leads elsewhere")
    record = _END64.unpack(tail[-END_REGION : -END_SIZE - 20])
    sign, length, _, _, disk, start_disk, here, count, size, start = record
    if sign != b"PK\6\6" or length != _END64.size - 12 or disk or start_disk or here != count:
        raise broken_wheel("its zip64 end record is broken")
    extent = Extent(start, size, count)
    for value, long, unknown in zip(short, extent, (_MAX32, _MAX32, _MAX16), strict=True):
        if value not in (long, unknown):
            raise broken_wheel("its two end records contradict each other")
    return extent, end_offset


def read_directory(data: Buffer, extent: Extent) -> Iterator[ZipEntry]:
    """Yield the entries of a central directory.

    Args:
        data: Exactly the bytes of the directory.
        extent: Result of :func:`find_directory`.

    Raises:
        UnsafeArchive: An entry is corrupt, encrypted, or uses a feature that wheels never need.
    """
    position, count = 0, 0
    while position + _CENTRAL.size <= len(data):
        fields = _CENTRAL.unpack_from(data, position)
        name_length, extra_length, comment_length = fields[10:13]
        name_start = position + _CENTRAL.size
        extra_start = name_start + name_length
        position = extra_start + extra_length + comment_length
        if fields[0] != b"PK\1\2" or position > len(data):
            raise broken_wheel("its directory is truncated or corrupt")
        raw_name = bytes(data[name_start:extra_start])
        extra = bytes(data[extra_start : extra_start + extra_length])
        yield _entry(fields, raw_name, extra)
        count += 1
    if position != len(data) or count != extent.entries:
        raise broken_wheel("its directory has another length than its end record says")


def _entry(fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> ZipEntry:
    _, _, _, flags, method, _, _, crc, compressed, size, *_, disk, _, attributes, offset = fields
    name = decode_name(raw_name, flags)
    if flags & ~_KNOWN_FLAGS:
        what = "is encrypted" if flags & 1 else f"has unknown flags {flags:#x}"
        raise broken_wheel(f"{name} {what}")
    if method not in (STORED, DEFLATED):
        raise broken_wheel(f"{name} is compressed by method {method}, which wheels do not use")
    size, compressed, offset, disk = widened(extra, (size, compressed, offset), disk, name)
    if disk:
        raise broken_wheel(f"{name} is on another disk")
    return ZipEntry(name, raw_name, flags, method, crc, compressed, size, offset, attributes >> 16)


def widened(
    extra: bytes, values: tuple[int, int, int], disk: int, name: str
) -> tuple[int, int, int, int]:
    """Return size, compressed size, offset and disk, from the zip64 field where unset."""
    wide = b""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        block = extra[position + 4 : position + 4 + length]
        position += 4 + length
        if len(block) != length:
            break
        if kind == _UNICODE_PATH_EXTRA:
            raise broken_wheel(f"{name} has a second name")
        if kind == _ZIP64_EXTRA:
            wide = block
    found = list(values)
    for index, value in enumerate(values):
        if value == _MAX32:
            if len(wide) < 8:
                raise broken_wheel(f"{name} lacks its zip64 sizes")
            found[index] = int.from_bytes(wide[:8], "little")
            wide = wide[8:]
    if disk == _MAX16 and len(wide) >= 4:
        disk = int.from_bytes(wide[:4], "little")
    return found[0], found[1], found[2], disk


def decode_name(raw: bytes, flags: int) -> str:
    """Decode an entry's name. Without the UTF-8 flag only ASCII is unambiguous."""
    try:
        return raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        raise broken_wheel(f"the name {raw!r} is in an unknown encoding") from None


def local_header(data: Buffer, entry: ZipEntry, start: int) -> int:
    """Check an entry's local header against the directory; return the offset of its data.

    Args:
        data: Bytes that start with the local header and contain all of it.
        entry: The same file in the central directory.
        start: Offset of the first byte of ``data`` in the archive.

    Raises:
        UnsafeArchive: The two contradict each other, or ``data`` is too short.
    """
    if len(data) < LOCAL_SIZE:
        raise broken_wheel(f"{entry.name} lies outside of the file")
    fields = _LOCAL.unpack_from(data, 0)
    sign, _, flags, method, _, _, crc, compressed, size, name_length, extra_length = fields
    end: int = LOCAL_SIZE + name_length + extra_length
    if sign != b"PK\3\4" or len(data) < end:
        raise broken_wheel(f"{entry.name} is not where the directory says")
    extra = bytes(data[LOCAL_SIZE + name_length : end])
    raw_name = bytes(data[LOCAL_SIZE : LOCAL_SIZE + name_length])
    if _MAX32 in (size, compressed) and not flags & SIZES_FOLLOW:
        size, compressed, _, _ = widened(extra, (size, compressed, 0), 0, entry.name)
    found = (flags, method, raw_name)
    if found != (entry.flags, entry.method, entry.raw_name):
        raise broken_wheel(f"{entry.name} has another name or kind in its own header")
    unknown = (0, _MAX32) if flags & SIZES_FOLLOW else ()
    for value, true in zip(
        (crc, compressed, size), (entry.crc, entry.compressed_size, entry.size), strict=True
    ):
        if value != true and value not in unknown:
            raise broken_wheel(f"{entry.name} has another size in its own header")
    return start + end


def descriptor_length(data: bytes, entry: ZipEntry) -> int:
    """Return the length of the data descriptor, which must agree with the directory.

    Raises:
        UnsafeArchive: ``data`` does not start with one, or it disagrees.
    """
    sizes = (entry.compressed_size, entry.size)
    for sign in (b"PK\7\x08", b""):
        for form in ("<2Q", "<2L"):
            if max(sizes) > _MAX32 and form == "<2L":
                continue
            expected = sign + struct.pack("<L", entry.crc) + struct.pack(form, *sizes)
            if data.startswith(expected):
                return len(expected)
    raise broken_wheel(f"{entry.name} has another size behind its data")


def broken_wheel(what: str) -> UnsafeArchive:
    """Build the error for a wheel that contradicts itself or is not a zip file."""
    return UnsafeArchive(
        "unsafe-wheel",
        f"the wheel cannot be trusted: {what}",
        hint="run 'minicon clean --packages' and download it again; if this repeats, report it to "
        "its authors",
    )
