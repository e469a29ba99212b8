"""WheelArchive: the files of a wheel, after every check of the zip structure and of names."""

from __future__ import annotations

import contextlib
import mmap
import stat

from minicon.archive.problems import unsafe_wheel
from minicon.archive.streams import HeldBytes
from minicon.archive.strict_zip import StrictZip
from minicon.closing import Closing
from minicon.counted import counted
from minicon.errors import PackageError
from minicon.fs.safe_path import path_problem
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from minicon.archive.streams import ReadAt
    from minicon.archive.strict_zip import Extent, ZipEntry

#: Limit of the unpacked size: a multiple of the wheel's size, plus a fixed number of bytes.
MOST_GROWTH, ROOM = 100, 1 << 28
MOST_ENTRIES = 500_000
_CONTROL = lazy_pattern(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def open_wheel_zip(file: ReadAt) -> tuple[StrictZip, Extent]:
    """Open a wheel's zip file and find its central directory. Raises UnsafeArchive."""
    strict = StrictZip(file, unsafe_wheel)
    extent = strict.directory()
    if extent is None:
        raise unsafe_wheel("does not end like a zip file: truncated, or with bytes appended")
    return strict, extent


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
                raise unsafe_wheel("is empty") from None
        self._bytes = memoryview(self._map)
        try:
            self._zip, extent = open_wheel_zip(HeldBytes(self._map))
            self.entries = self._checked(extent)
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
        return self._zip.pieces(entry, self._bytes[start : start + entry.compressed_size])

    def _checked(self, extent: Extent) -> dict[str, ZipEntry]:
        total = len(self._bytes)
        if extent.entries > MOST_ENTRIES:
            raise unsafe_wheel(f"has {counted(extent.entries, 'file')}")
        entries = list(self._zip.entries(extent))
        self._starts = {entry.name: start for entry, start in self._zip.starts(entries, extent)}
        unpacked = sum(entry.size for entry in entries)
        if unpacked > total * MOST_GROWTH + ROOM:
            raise unsafe_wheel(f"would grow from {total} bytes to {unpacked}")
        return _checked_names(entries)


def _checked_names(entries: Sequence[ZipEntry]) -> dict[str, ZipEntry]:
    files: dict[str, ZipEntry] = {}
    folders: set[str] = set()
    for entry in entries:
        name = _checked_name(entry)
        if entry.name.endswith("/"):
            folders.add(name)
        elif name in files:
            raise unsafe_wheel("is contained twice", member=name)
        else:
            files[name] = entry
    for name in files:
        while (name := name.rpartition("/")[0]) and name not in folders:
            folders.add(name)
    for name in folders:
        if name in files:
            raise unsafe_wheel("is both a file and a folder", member=name)
    return files


def _checked_name(entry: ZipEntry) -> str:
    name = entry.name.removesuffix("/")
    problem = path_problem(name)
    if problem or _CONTROL.search(name):
        raise unsafe_wheel(problem or "has control characters", member=entry.name)
    kind = stat.S_IFMT(entry.mode)
    if entry.name.endswith("/"):
        if entry.size or kind not in (0, stat.S_IFDIR):
            raise unsafe_wheel("is both a folder and something else", member=entry.name)
    elif kind not in (0, stat.S_IFREG):
        what = "a symbolic link" if kind == stat.S_IFLNK else "neither a file nor a folder"
        raise unsafe_wheel(f"is {what}", member=entry.name)
    return name
