"""Archives of whole environments, read as strictly as packages: tar in any compression, and zip.

The format is recognised by the first bytes, whatever the file's name says.
"""

from __future__ import annotations

import contextlib
import functools
import os
import stat
from typing import final

from minicon.archive.decoders import open_decoder
from minicon.archive.members import ArchiveMember, MemberKind, file_mode
from minicon.archive.problems import damaged, unsafe
from minicon.archive.streams import ByteRange, ahead_of
from minicon.archive.strict_zip import StrictZip
from minicon.archive.tar_reader import TarReader
from minicon.closing import Closing
from minicon.errors import PackageError
from minicon.fs.operations import describing
from minicon.fs.safe_path import path_problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from minicon.archive.streams import Compression
    from minicon.archive.strict_zip import ZipEntry

_READ = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
#: First bytes of each compression of tar archives.
_MAGIC: dict[bytes, Compression] = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
}
_ZIP, _SQUASHFS = b"PK", b"hsqs"
_KNOWN_FORMATS = "pass a .tar.zst, .tar.gz, .tar.bz2, .tar.xz, .tar or .zip of 'minicon pack'"
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
#: Bytes of zeros at the end of a tar archive.
_TAR_END = 1024
#: A link's text in a zip archive has at most this many bytes.
_LINK_LIMIT = 4096
#: Zip archives hold local times; each reader takes them for its own. One time for all is exact.
_ZIP_TIME_NS = 315_532_800 * 1_000_000_000


@final
class EnvironmentArchive(Closing):
    """An open archive of an environment. Use as a context manager.

    Attributes:
        name: File name, for messages.
        size: Bytes of the file.

    Raises:
        FileError: It cannot be read.
        PackageError: ``unknown-format``: it is no such archive.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        with describing("read", path):
            self._descriptor = os.open(path, _READ)
        try:
            with describing("read", path):
                status = os.fstat(self._descriptor)
                if not stat.S_ISREG(status.st_mode):
                    is_folder = stat.S_ISDIR(status.st_mode)
                    raise self._unknown("is a directory" if is_folder else "is not a regular file")
                self.size = status.st_size
                start = ByteRange(self._descriptor, 0, self.size).read_at(0, 512)
            self._compression = self._recognise(start)
        except BaseException:
            self.close()
            raise

    def _recognise(self, start: bytes) -> Compression | None:
        """Return the compression of a tar archive, or None for a zip archive."""
        for magic, compression in _MAGIC.items():
            if start.startswith(magic):
                return compression
        if start.startswith(_ZIP):
            return None
        if start[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC):
            at = max(self.size - _TAR_END, 0)
            end = ByteRange(self._descriptor, 0, self.size).read_at(at, _TAR_END)
            if end.strip(b"\0"):  # no compressor's checksum would show it
                raise damaged(self.name, "is cut short")
            return "none"
        if start.startswith(_SQUASHFS):
            hint = "mount it, or unpack it with unsquashfs and run bin/conda-unpack in it"
            raise self._unknown("is a SquashFS image", hint)
        raise self._unknown("has an unknown format" if start else "is empty")

    def _unknown(self, what: str, hint: str = _KNOWN_FORMATS) -> PackageError:
        return PackageError("unknown-format", f"{self.name} {what}", hint=hint)

    def members(self, advance: Callable[[int], None] | None = None) -> Iterator[ArchiveMember]:
        """Yield every member.

        Args:
            advance: Called with the number of compressed bytes read, for progress.

        Raises:
            UnsafeArchive: A member is of a kind or at a path that no archive may have.
            PackageError: The archive is truncated or damaged.
        """
        if self._compression is None:
            yield from self._zip_members(advance or (lambda _: None))
            return
        source = ByteRange(self._descriptor, 0, self.size, advance)
        decoder = ahead_of(open_decoder(source, self._compression, self.name), self.size)
        with contextlib.closing(decoder):
            yield from TarReader(decoder.read_into, self.name)

    def _zip_members(self, advance: Callable[[int], None]) -> Iterator[ArchiveMember]:
        refuse = functools.partial(unsafe, self.name)
        source = ByteRange(self._descriptor, 0, self.size)
        strict = StrictZip(source, refuse)
        extent = strict.directory()
        if extent is None:
            raise damaged(self.name, "does not end like a zip file: truncated, or bytes appended")
        for entry, start in strict.starts(list(strict.entries(extent)), extent):
            raw = memoryview(source.read_at(start, entry.compressed_size))
            yield self._zip_member(entry, strict.pieces(entry, raw))
            advance(entry.compressed_size)

    def _zip_member(self, entry: ZipEntry, pieces: Iterator[bytes | memoryview]) -> ArchiveMember:
        path = entry.name.removesuffix("/")
        problem = path_problem(path)
        kind = _zip_kind(entry)
        if kind is None or (kind != MemberKind.FILE and entry.size > _LINK_LIMIT):
            problem = problem or "is of a kind that archives of environments do not have"
        if problem is not None:
            raise unsafe(self.name, f"has a path that {problem}", member=entry.name)
        target = ""
        if kind == MemberKind.SYMBOLIC_LINK:
            try:
                target = b"".join(pieces).decode()
            except UnicodeDecodeError:
                raise unsafe(self.name, "is a link to no text", member=entry.name) from None
        is_file = kind == MemberKind.FILE
        return ArchiveMember(
            path,
            kind or MemberKind.FILE,
            entry.size if is_file else 0,
            file_mode(stat.S_IMODE(entry.mode)) if entry.mode else 0o644,
            _ZIP_TIME_NS,
            target,
            None,
            map(memoryview, pieces) if is_file else None,
            "all",
        )

    def close(self) -> None:
        """Close the file. May be called more than once."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _zip_kind(entry: ZipEntry) -> str | None:
    if entry.name.endswith("/"):
        return MemberKind.DIRECTORY if stat.S_IFMT(entry.mode) in (0, stat.S_IFDIR) else None
    kinds = {
        0: MemberKind.FILE,
        stat.S_IFREG: MemberKind.FILE,
        stat.S_IFLNK: MemberKind.SYMBOLIC_LINK,
    }
    return kinds.get(stat.S_IFMT(entry.mode))
