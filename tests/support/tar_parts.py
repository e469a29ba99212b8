"""Tar archives from raw parts, so that every field can be wrong."""

from __future__ import annotations

END = bytes(1024)


def entry(
    name: str | bytes,
    data: bytes = b"",
    *,
    kind: bytes = b"0",
    mode: int = 0o644,
    link: str = "",
    size: int | bytes | None = None,
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
    checksum: int | None = None,
) -> bytes:
    """Return a header and padded content; ``size`` and ``checksum`` are correct unless given."""
    raw_name = name.encode() if isinstance(name, str) else name
    announced = len(data) if size is None else size
    size_field = announced if isinstance(announced, bytes) else b"%011o\0" % announced
    header = bytearray(512)
    header[0:100] = raw_name[:100].ljust(100, b"\0")
    header[100:124] = b"%07o\0%07o\0%07o\0" % (mode, 0, 0)
    header[124:136] = size_field
    header[136:148] = b"%011o\0" % 1_600_000_000
    header[148:156] = b" " * 8
    header[156:157] = kind
    header[157:257] = link.encode()[:100].ljust(100, b"\0")
    header[257:265] = magic
    header[345:500] = prefix.ljust(155, b"\0")
    header[148:156] = b"%06o\0 " % (sum(header) if checksum is None else checksum)
    return bytes(header) + padded(data)


def padded(data: bytes) -> bytes:
    """Return data padded with zeros to whole blocks."""
    return data + bytes(-len(data) % 512)


def pax(records: dict[str, str | bytes] | bytes, *, kind: bytes = b"x") -> bytes:
    """Return a PAX header for the next entry; raw bytes are used unchanged."""
    if isinstance(records, bytes):
        return entry("PaxHeader", records, kind=kind)
    data = b""
    for key, value in records.items():
        text = value if isinstance(value, bytes) else value.encode()
        body = b" " + key.encode() + b"=" + text + b"\n"
        length = len(body) + 1
        while len(str(length)) + len(body) != length:
            length += 1
        data += str(length).encode() + body
    return entry("PaxHeader", data, kind=kind)


def gnu_long(text: str | bytes, kind: bytes = b"L") -> bytes:
    """Return a GNU long name (``L``) or long link (``K``) for the next entry."""
    data = text.encode() if isinstance(text, str) else text
    return entry("././@LongLink", data + b"\0", kind=kind, magic=b"ustar  \0")


def folder(name: str) -> bytes:
    """Return a directory."""
    return entry(name, kind=b"5", mode=0o755)


def symbolic(name: str, target: str) -> bytes:
    """Return a symbolic link."""
    if len(target) > 100 or len(name) > 100:
        header = entry("x", kind=b"2", mode=0o777, link="placeholder")
        return pax({"path": name, "linkpath": target}) + header
    return entry(name, kind=b"2", mode=0o777, link=target)


def hard(name: str, target: str) -> bytes:
    """Return a hard link."""
    return entry(name, kind=b"1", link=target)
