"""ELF files of a few hundred bytes."""

from __future__ import annotations

import struct

SEARCH_PATH = b"/opt/python/lib"
STRINGS = b"\0libc.so.6\0" + SEARCH_PATH + b"\0symbol\0"
PATH_AT = STRINGS.index(SEARCH_PATH)


def make_elf(
    *, bits: int = 64, order: str = "<", path: bytes = SEARCH_PATH, symbol: int = 0
) -> bytes:
    """The smallest file with a dynamic section, a string table and one symbol."""
    strings = STRINGS.replace(SEARCH_PATH, path)
    word = "Q" if bits == 64 else "I"
    sizes = {64: (64, 56, 64), 32: (52, 32, 40)}[bits]
    dynamic_at = sizes[0] + 2 * sizes[1]
    dynamic = b"".join(
        struct.pack(order + word * 2, tag, value)
        for tag, value in ((1, 1), (5, 0x1000), (29, PATH_AT), (0, 0))
    )
    strings_at = dynamic_at + len(dynamic)
    symbols_at = strings_at + len(strings)
    symbols = struct.pack(order + ("IBBHQQ" if bits == 64 else "IIIBBH"), symbol, *(0,) * 5)
    sections_at = symbols_at + len(symbols)
    segments = ((1, strings_at, 0x1000, len(strings)), (2, dynamic_at, 0, len(dynamic)))
    header = b"\x7fELF" + bytes((bits // 32, 1 if order == "<" else 2)) + bytes(10)
    header += struct.pack(
        f"{order}HHI{word * 3}IHHHHHH",
        *(3, 62, 1, 0, sizes[0], sections_at, 0, sizes[0], sizes[1], 2, sizes[2], 1, 0),
    )
    for kind, offset, address, size in segments:
        if bits == 64:
            header += struct.pack(f"{order}IIQQQQQQ", kind, 4, offset, address, 0, size, size, 8)
        else:
            header += struct.pack(f"{order}IIIIIIII", kind, offset, address, 0, size, size, 4, 4)
    section = struct.pack(
        f"{order}II{word * 4}II{word * 2}", 0, 11, 0, 0, symbols_at, len(symbols), 0, 0, 0, 0
    )
    return header + dynamic + strings + symbols + section
