"""WheelArchive: the files of a wheel, after every check of the zip structure.

Exactly one reading of the bytes is accepted: entries are contiguous from the first byte to the
directory, each header agrees with the directory, no two entries share a name or a byte. Anything
that a lenient reader might interpret differently is refused (CVE-2025-54368, CVE-2025-13327: one
archive, two contents).
"""

from __future__ import annotations

import contextlib
import mmap
import stat
import zlib

from minicon.archive.zip_directory import (
    END_REGION,
    SIZES_FOLLOW,
    STORED,
    broken_wheel,
    descriptor_length,
    find_directory,
    local_header,
    read_directory,
)
from minicon.closing import Closing
from minicon.errors import PackageError
from minicon.fs.safe_path import path_problem
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from minicon.archive.zip_directory import Extent, ZipEntry

#: Limit of the unpacked size: a multiple of the wheel's size, plus a fixed number of bytes.
MOST_GROWTH, ROOM = 100, 1 << 28
MOST_ENTRIES = 500_000
#: Files up to this size are unpacked in one piece (bytes).
ONE_PIECE = 1 << 22
_STEP = 1 << 18
_CONTROL = lazy_pattern(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class WheelArchive(Closing):
    """An open wheel, mapped into memory. Use as a context manager.

    Attributes:
        entries: The files by name, in the order of the archive; folders are left out.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Open a wheel and check its structure; nothing is unpacked yet.

        Cost: some 15 microseconds per file.

        Raises:
            UnsafeArchive: It is not a zip file, or an ambiguous one.
            OSError: It cannot be opened.
        """
        with open(path, "rb") as stream:
            try:
                self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError:
                raise broken_wheel("it is empty") from None
        self._bytes = memoryview(self._map)
        self._starts: dict[str, int] = {}
        try:
            self.entries = self._walk()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the memory back."""
        # A piece may still be held by an error's traceback; then the memory goes with that.
        with contextlib.suppress(BufferError):
            self._bytes.release()
            self._map.close()

    def read(self, name: str, limit: int = 1 << 26) -> bytes:
        """Read a file of at most ``limit`` bytes. Raises PackageError."""
        entry = self.entries.get(name)
        if entry is None:
            raise PackageError("broken-wheel", f"the wheel has no {name}")
        if entry.size > limit:
            raise PackageError("broken-wheel", f"the wheel's {name} is larger than {limit} bytes")
        return b"".join(self.pieces(entry))

    def pieces(self, entry: ZipEntry) -> Iterator[bytes | memoryview]:
        """Yield a file's content in pieces; size and CRC are checked after the last one.

        Raises:
            UnsafeArchive: The content differs from the directory.
        """
        start = self._starts[entry.name]
        raw = self._bytes[start : start + entry.compressed_size]
        size = crc = 0
        try:
            parts = iter((raw,)) if entry.method == STORED else _inflated(raw, entry)
            for part in parts:
                size += len(part)
                crc = zlib.crc32(part, crc)
                if size > entry.size:
                    break
                yield part
        except zlib.error as error:
            raise broken_wheel(f"{entry.name} cannot be unpacked: {error}") from error
        if size != entry.size or crc != entry.crc:
            raise broken_wheel(f"{entry.name} is truncated or corrupt")

    def _walk(self) -> dict[str, ZipEntry]:
        total = len(self._bytes)
        extent = find_directory(bytes(self._bytes[-END_REGION:]), total)
        if extent.entries > MOST_ENTRIES:
            raise broken_wheel(f"it has {extent.entries} files")
        directory = bytes(self._bytes[extent.offset : extent.offset + extent.size])
        entries = list(read_directory(directory, extent))
        self._check_offsets(entries, extent)
        unpacked = sum(entry.size for entry in entries)
        if unpacked > total * MOST_GROWTH + ROOM:
            raise broken_wheel(f"{total} bytes would grow to {unpacked}")
        return _checked_names(entries)

    def _check_offsets(self, entries: Sequence[ZipEntry], extent: Extent) -> None:
        """Refuse gaps between entries, from byte 0 to the directory."""
        position = 0
        for entry in sorted(entries, key=lambda e: e.header_offset):
            if entry.header_offset != position:
                raise broken_wheel(f"{entry.name} does not start directly after the file before it")
            with self._bytes[position : extent.offset] as rest:
                start = local_header(rest, entry, position)
                end = start + entry.compressed_size
                if end > extent.offset:
                    raise broken_wheel(f"{entry.name} reaches into the directory")
                if entry.flags & SIZES_FOLLOW:
                    with rest[end - position : end - position + 24] as behind:
                        end += descriptor_length(bytes(behind), entry)
            self._starts[entry.name] = start
            position = end
        if position != extent.offset:
            raise broken_wheel("there are bytes between its last file and its directory")


def _inflated(raw: memoryview, entry: ZipEntry) -> Iterator[bytes]:
    """Inflate at most the declared size; bytes beyond it are never produced."""
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
        raise broken_wheel(f"{entry.name} does not end where the directory says")


def _checked_names(entries: Sequence[ZipEntry]) -> dict[str, ZipEntry]:
    files: dict[str, ZipEntry] = {}
    folders: set[str] = set()
    for entry in entries:
        name = _checked_name(entry)
        if entry.name.endswith("/"):
            folders.add(name)
        elif name in files:
            raise broken_wheel(f"it has two files with the name {name}")
        else:
            files[name] = entry
    for name in files:
        while (name := name.rpartition("/")[0]) and name not in folders:
            folders.add(name)
    for name in folders:
        if name in files:
            raise broken_wheel(f"{name} is both a file and a folder")
    return files


def _checked_name(entry: ZipEntry) -> str:
    name = entry.name.removesuffix("/")
    problem = path_problem(name)
    if problem or _CONTROL.search(name):
        raise broken_wheel(f"the path {entry.name!r} {problem or 'has control characters'}")
    kind = stat.S_IFMT(entry.mode)
    if entry.name.endswith("/"):
        if entry.size or kind not in (0, stat.S_IFDIR):
            raise broken_wheel(f"{entry.name} is both a folder and something else")
    elif kind not in (0, stat.S_IFREG):
        what = "a symbolic link" if kind == stat.S_IFLNK else "neither a file nor a folder"
        raise broken_wheel(f"{entry.name} is {what}")
    return name
