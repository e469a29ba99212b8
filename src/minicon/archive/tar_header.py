"""Tar headers, read strictly: ustar, PAX records and GNU long names (POSIX.1-2001, GNU tar).

Readers that guess differently let members pass a check unseen. So everything ambiguous is refused
here: a header that contradicts another, a number that is not one, a truncated PAX record, a
sparse file.
"""

from __future__ import annotations

from zlib import adler32

from minicon.fs.safe_path import ORDINARY_PATH
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

BLOCK = 512
#: Bytes of the name field.
NAME_LENGTH = 100
#: Largest PAX or long-name header; real ones have some hundred bytes.
HEADER_LIMIT = 1 << 20
#: Largest size that the octal field of a ustar header can hold.
_OCTAL_LIMIT = 0o77777777777
_LARGEST = (1 << 63) - 1
#: Seconds since 1970 that every file system can store.
LATEST = 0xFFFFFFFF

_PAX_LENGTH = lazy_pattern(rb"([1-9][0-9]{0,6}) ")
_DECIMAL = lazy_pattern(r"-?[0-9]{1,18}(\.[0-9]*)?")
_OCTAL = lazy_pattern(rb" *([0-7]+)[ \0]*")
#: The header that every current writer produces; any other is read field by field.
_USUAL = lazy_pattern(
    rb"(?s)(.{100})([0-7]{7})[\0 ].{16}([0-7]{11})[\0 ]([0-7]{11})[\0 ]([0-7]{6})\0 "
    rb"(.)(.{100})ustar\x0000.{80}(.)"
)
#: The header of a regular file with an ordinary name, in POSIX or GNU form, with neither link nor
#: prefix. Any other is read by :func:`parse_header`.
PLAIN_FILE = lazy_pattern(
    rb"(?s)(?=(" + ORDINARY_PATH.encode() + rb")\0).{100}([0-7]{7})[\0 ].{16}([0-7]{11})[\0 ]"
    rb"([0-7]{11})[\0 ]([0-7]{6})\0 0\0{100}ustar(?:\x0000|  \0).{80}\0{167}"
)
#: A PAX header, its content included, that holds only a time, as Python's tarfile writes before
#: every member.
TIME_HEADER = lazy_pattern(
    rb"(?s).{124}([0-7]{11})[\0 ].{12}([0-7]{6})\0 x\0{100}ustar\x0000.{80}\0{167}"
    rb"(([1-9][0-9]) mtime=([0-9]{1,12})(?:\.([0-9]{1,18}))?\n)\0"
)
#: The PAX header that Python's tarfile gives every member.
_ONLY_MTIME = lazy_pattern(rb"([1-9][0-9]) mtime=([0-9]{1,12}(?:\.[0-9]{1,18})?)\n")
#: PAX keys that change where a member goes or how long it is.
_DECISIVE = frozenset({"path", "linkpath", "size"})


class TarError(Exception):
    """A header is invalid or ambiguous; the text is a clause that follows "the archive ..."."""


@dataclass(slots=True)
class TarHeader:
    """One ustar header, its fields decoded but not yet checked."""

    name: str
    type: bytes
    size: int
    mode: int
    modified_ns: int
    link: str


def parse_header(block: bytes) -> TarHeader:
    """Read one 512-byte header.

    Raises:
        TarError: The checksum, a number or a text is invalid.
    """
    usual = _USUAL.match(block)
    if usual is None:
        return _parse_unusual(block)
    name, mode, size, modified, checksum, kind, link, prefixed = usual.groups()
    # _sum_of() in line, the checksum's six digits, NUL and space counted as eight spaces
    found = (adler32(block[:256]) & 0xFFFF) + (adler32(block[256:]) & 0xFFFF) - sum(checksum)
    if found - 2 - 32 + 8 * 32 != int(checksum, 8):
        raise TarError("has a header with a wrong checksum")
    text = _text(name)
    if prefixed != b"\0":
        text = f"{_text(block[345:500])}/{text}"
    seconds = int(modified, 8)
    return TarHeader(
        text,
        kind,
        int(size, 8),
        int(mode, 8),
        min(seconds, LATEST) * 1_000_000_000,
        _text(link) if link[0] else "",
    )


def _parse_unusual(block: bytes) -> TarHeader:
    """Read GNU, old and invalid headers field by field."""
    stored = block[148:156]
    if _sum_of(block) - sum(stored) + 8 * 32 != _octal(stored, "checksum"):
        raise TarError("has a header with a wrong checksum")
    magic = block[257:265]
    name = _text(block[:100])
    if magic == b"ustar\x0000":
        if block[345]:
            name = f"{_text(block[345:500])}/{name}"
    elif magic not in (b"ustar  \0", b"\0" * 8):
        raise TarError("has a header of an unknown kind")
    return TarHeader(
        name=name,
        type=block[156:157],
        size=_number(block[124:136], "size"),
        mode=_octal(block[100:108], "mode", default=0),
        modified_ns=_modified(block[136:148]),
        link=_text(block[157:257]) if block[157] else "",
    )


def _sum_of(block: bytes) -> int:
    """Sum 512 bytes. Adler-32's low half is the sum plus one, if that is below 65521."""
    return (adler32(block[:256]) & 0xFFFF) + (adler32(block[256:]) & 0xFFFF) - 2


def is_checksum(block: bytes | memoryview, checksum: bytes) -> bool:
    """Return whether six octal digits are the checksum of a header of mostly zero bytes.

    The sum of at most 256 other bytes stays below Adler-32's modulus: one pass computes it.
    """
    stored = sum(checksum) + 32  # with the space behind the digits, counted as eight spaces
    return (adler32(block) & 0xFFFF) - 1 - stored + 8 * 32 == int(checksum, 8)


def time_of_header(match: re.Match[bytes]) -> int:
    """Return the time of a :data:`TIME_HEADER` in ns since 1970; -1 if its lengths disagree."""
    length, _, record, own_length, seconds, fraction = match.groups()
    if not len(record) == int(own_length) == int(length, 8):
        return -1
    return _clamped_ns(int(seconds), int((fraction or b"")[:9].ljust(9, b"0")))


def parse_pax(data: bytes) -> dict[str, str]:
    r"""Read the records of a PAX header, ``LENGTH KEY=VALUE\n`` each.

    Raises:
        TarError: A record is truncated, repeated, not UTF-8, or describes a sparse file.
    """
    only = _ONLY_MTIME.fullmatch(data)
    if only is not None and int(only[1]) == len(data):
        return {"mtime": only[2].decode()}
    records: dict[str, str] = {}
    position = 0
    while position < len(data):
        match = _PAX_LENGTH.match(data, position)
        end = position + int(match[1]) if match else 0
        if not match or end > len(data) or end <= match.end() or data[end - 1] != 0x0A:
            raise TarError("has a malformed PAX header")
        key, separator, value = data[match.end() : end - 1].partition(b"=")
        if not key or not separator:
            raise TarError("has a malformed PAX header")
        _add_pax(records, key, value)
        position = end
    return records


def _add_pax(records: dict[str, str], raw_key: bytes, raw_value: bytes) -> None:
    key = _decode(raw_key)
    if key.startswith("GNU.sparse"):
        raise TarError("has a sparse file")
    if key == "hdrcharset":
        raise TarError("has a PAX header with its own character set")
    if key in _DECISIVE:
        if key in records or not raw_value:
            raise TarError(f"has a PAX header with a repeated or empty {key}")
        records[key] = _decode(raw_value)
    elif key == "mtime":
        records[key] = raw_value.decode("ascii", "replace")


def apply_pax(header: TarHeader, records: dict[str, str]) -> None:
    """Replace fields of a header by the records of the PAX header before it.

    The PAX size is used only if the header cannot hold it or has the same.

    Raises:
        TarError: The two contradict each other.
    """
    if "path" in records:
        _check_same_kind(header, records["path"])
        header.name = records["path"]
    header.link = records.get("linkpath", header.link)
    if "mtime" in records:
        header.modified_ns = _pax_time(records["mtime"])
    if "size" in records:
        digits = records["size"]
        if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
            raise TarError("has a PAX header whose size is not a number")
        size = int(digits)
        if size != header.size and size <= _OCTAL_LIMIT:
            raise TarError("has a PAX header that contradicts the size of its member")
        header.size = size


def _check_same_kind(header: TarHeader, name: str) -> None:
    """Refuse a second name that ends in a slash where an old header does not, or vice versa."""
    if header.type == b"\0" and header.name.endswith("/") != name.endswith("/"):
        raise TarError("has a member that is a folder by one name and a file by another")


def check_global_pax(records: dict[str, str]) -> None:
    """Refuse a global PAX header that would change every member. Raises TarError."""
    if _DECISIVE & records.keys():
        raise TarError("has a global PAX header that renames or resizes members")


def long_name(data: bytes) -> str:
    """Decode a GNU long name or long link. Raises TarError."""
    return _decode(data.rstrip(b"\0"))


def _text(field: bytes) -> str:
    text = field.partition(b"\0")[0]
    return text.decode() if text.isascii() else _decode(text)


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise TarError("has a name that is not UTF-8") from None


def _octal(field: bytes, what: str, default: int | None = None) -> int:
    match = _OCTAL.fullmatch(field)
    if match is not None:
        return int(match[1], 8)
    if default is not None and not field.strip(b" \0"):
        return default
    raise TarError(f"has a header whose {what} is not a number")


def _number(field: bytes, what: str) -> int:
    """Read an octal number, or GNU's base-256 for large ones."""
    if field[0] != 0x80:
        return _octal(field, what)
    value = int.from_bytes(field[1:], "big")
    if value > _LARGEST:
        raise TarError(f"has a header whose {what} is absurd")
    return value


def _modified(field: bytes) -> int:
    """Read a time; an unreadable one is harmless and counts as 1970."""
    try:
        return _clamped_ns(_octal(field, "time"))
    except TarError:
        return 0


def _pax_time(text: str) -> int:
    if not _DECIMAL.fullmatch(text):
        raise TarError("has a PAX header whose mtime is not a number")
    whole, _, fraction = text.partition(".")
    if whole.startswith("-"):
        return 0
    return _clamped_ns(int(whole), int(f"{fraction:0<9.9}"))


def _clamped_ns(seconds: int, nanoseconds: int = 0) -> int:
    return min(seconds, LATEST) * 1_000_000_000 + nanoseconds
