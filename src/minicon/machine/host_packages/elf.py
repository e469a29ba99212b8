"""Read and replace the library search path of an ELF file.

This implements only the required part of the format: the program headers locate the dynamic
section, whose entries give the string table, and DT_RPATH or DT_RUNPATH an offset in it. A
replacement is padded with NULs and cannot be longer than the original. Linkers let strings share
their tails, so all other known strings of the table are checked for an overlap first.
"""

from __future__ import annotations

import struct

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x7fELF"

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_SONAME = 0, 1, 5, 14
_DT_RPATH, _DT_RUNPATH = 15, 29
_SHT_DYNSYM = 11


class ElfError(ValueError):
    """The file is not an ELF file, is damaged, or cannot be changed safely."""


@dataclass(frozen=True, slots=True)
class _Class:
    """Field layouts of 32-bit or 64-bit files, as struct formats without byte order."""

    header: str  # phoff, shoff, phentsize, phnum, shentsize, shnum
    program: str
    dynamic: str
    section: str
    symbol: str


_CLASSES = {
    1: _Class("16xHHIIIIIHHHHHH", "IIIIIIII", "iI", "IIIIIIIIII", "IIIBBH"),
    2: _Class("16xHHIQQQIHHHHHH", "IIQQQQQQ", "qQ", "IIQQQQIIQQ", "IBBHQQ"),
}


@dataclass(frozen=True, slots=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


class ElfFile:
    """The dynamic section of one ELF file.

    Args:
        data: Content of the file.

    Raises:
        ElfError: It is not an ELF file, or truncated.
    """

    def __init__(self, data: bytes) -> None:
        if data[:4] != MAGIC or len(data) < 52 or data[4] not in _CLASSES:
            raise ElfError("not an ELF file")
        self._data = data
        self._is_64_bit = data[4] == 2
        self._class = _CLASSES[data[4]]
        self._order = "<" if data[5] == 1 else ">"
        fields = self._unpack(self._class.header, 0)
        self._program_headers = (fields[4], fields[8], fields[9])
        self._section_headers = (fields[5], fields[10], fields[11])
        self._segments = tuple(self._read_segments())
        self._dynamic = tuple(self._read_dynamic())

    @property
    def needed(self) -> tuple[str, ...]:
        """File names of the required shared libraries (DT_NEEDED)."""
        return tuple(
            self._string(value).decode(errors="surrogateescape")
            for tag, value in self._dynamic
            if tag == _DT_NEEDED
        )

    @property
    def search_path(self) -> str:
        """DT_RUNPATH, else DT_RPATH, or an empty string: directories separated by colons."""
        texts = {tag: self._string(value) for tag, value in self._search_entries()}
        path = texts.get(_DT_RUNPATH, texts.get(_DT_RPATH, b""))
        return path.decode(errors="surrogateescape")

    def with_search_path(self, path: str) -> bytes:
        """The content of the file with every DT_RUNPATH and DT_RPATH replaced.

        Raises:
            ElfError: There is none, the new one is longer, or another string shares its bytes.
        """
        new = path.encode(errors="surrogateescape")
        data = bytearray(self._data)
        table = self._file_offset(self._table_address())
        ranges = {value: len(self._string(value)) for _, value in self._search_entries()}
        if not ranges:
            raise ElfError("it has no search path to replace")
        for start, length in ranges.items():
            if len(new) > length:
                raise ElfError(f"the new search path is longer than the old: {path}")
            if any(start < other <= start + length for other in self._other_strings()):
                raise ElfError("another string shares the bytes of its search path")
            data[table + start : table + start + length] = new.ljust(length, b"\0")
        return bytes(data)

    def _search_entries(self) -> Iterator[tuple[int, int]]:
        return ((tag, value) for tag, value in self._dynamic if tag in (_DT_RPATH, _DT_RUNPATH))

    def _unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self._order + layout, self._data, offset)
        except (struct.error, OverflowError, IndexError) as error:
            raise ElfError("the file is truncated") from error

    def _read_segments(self) -> Iterator[_Segment]:
        start, size, count = self._program_headers
        for index in range(count):
            fields = self._unpack(self._class.program, start + index * size)
            if self._is_64_bit:
                kind, _, offset, address, _, length, *_ = fields
            else:
                kind, offset, address, _, length, *_ = fields
            yield _Segment(kind, offset, address, length)

    def _read_dynamic(self) -> Iterator[tuple[int, int]]:
        step = struct.calcsize(self._order + self._class.dynamic)
        for segment in self._segments:
            if segment.kind != _PT_DYNAMIC:
                continue
            for offset in range(segment.offset, segment.offset + segment.size, step):
                tag, value = self._unpack(self._class.dynamic, offset)
                if tag == _DT_NULL:
                    break
                yield tag, value

    def _table_address(self) -> int:
        for tag, value in self._dynamic:
            if tag == _DT_STRTAB:
                return value
        raise ElfError("it has no string table")

    def _file_offset(self, address: int) -> int:
        for segment in self._segments:
            inside = segment.address <= address < segment.address + segment.size
            if segment.kind == _PT_LOAD and inside:
                return address - segment.address + segment.offset
        raise ElfError("its string table is not loaded")

    def _string(self, start: int) -> bytes:
        begin = self._file_offset(self._table_address()) + start
        end = self._data.find(b"\0", begin)
        if end < 0:
            raise ElfError("the file is truncated")
        return self._data[begin:end]

    def _other_strings(self) -> Iterator[int]:
        """Offsets of the names of libraries and symbols in the string table."""
        yield from (value for tag, value in self._dynamic if tag in (_DT_NEEDED, _DT_SONAME))
        start, size, count = self._section_headers
        step = struct.calcsize(self._order + self._class.symbol)
        for index in range(count):
            _, kind, _, _, offset, length, *_ = self._unpack(
                self._class.section, start + index * size
            )
            if kind == _SHT_DYNSYM:
                for symbol in range(offset, offset + length, step):
                    yield self._unpack("I", symbol)[0]
