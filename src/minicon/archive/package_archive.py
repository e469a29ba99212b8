"""PackageArchive: a ``.conda`` or ``.tar.bz2`` as a stream of members, without touching disk.

::

    .conda ── zip, stored ──┬─ metadata.json
                            ├─ info-*.tar.zst ── zstd ── tar ── members of info/
                            └─ pkg-*.tar.zst ─── zstd ── tar ── members of the payload
    .tar.bz2 ─────────────────────── bzip2 ── tar ── members of both
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import final

from minicon.archive.conda_zip import CondaMember, check_crc, read_conda_zip
from minicon.archive.decoders import open_decoder
from minicon.archive.members import MemberKind
from minicon.archive.problems import damaged, unsafe
from minicon.archive.streams import ByteRange
from minicon.archive.tar_reader import TarReader
from minicon.closing import Closing
from minicon.constants import CONDA_EXTENSION, TARBALL_EXTENSION
from minicon.fs.operations import describing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from minicon.archive.members import ArchiveMember
    from minicon.archive.streams import Compression, ReaderName

#: Bytes of one file below ``info/`` that :func:`read_info_files` takes into memory.
INFO_FILE_LIMIT = 1 << 28
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_LICENSES = "info/licenses/"


@final
class PackageArchive(Closing):
    """An open package archive. Use as a context manager; see :func:`open_archive`.

    Attributes:
        name: File name, for messages.
        size: Bytes of the file.
        is_conda: True for a ``.conda``, False for a ``.tar.bz2``.
    """

    def __init__(self, path: Path, *, name: str | None, reader: ReaderName | None) -> None:
        self.name = name or path.name
        self._reader = reader
        with describing("read", path):
            self._descriptor = os.open(path, _READ)
        try:
            self.size = os.fstat(self._descriptor).st_size
            self.is_conda = self._recognise()
            self._zip: dict[str, CondaMember] = {}
            if self.is_conda:
                self._zip = read_conda_zip(self._descriptor, self.size, self.name)
        except BaseException:
            self.close()
            raise

    def _recognise(self) -> bool:
        """Recognise the format by the first bytes; refuse a file name that contradicts them."""
        start = ByteRange(self._descriptor, 0, self.size).read_at(0, 4)
        is_conda = start[:2] == b"PK"
        if not is_conda and start[:3] != b"BZh":
            what = "is empty" if self.size == 0 else "is neither a .conda nor a .tar.bz2 archive"
            raise damaged(self.name, what)
        extension = TARBALL_EXTENSION if is_conda else CONDA_EXTENSION
        if self.name.endswith(extension):
            raise unsafe(self.name, f"is not a {extension} archive, in spite of its name")
        return is_conda

    @property
    def components(self) -> tuple[str, ...]:
        """``info`` and ``pkg``, in this order, of a ``.conda``; ``all`` of a ``.tar.bz2``."""
        return ("info", "pkg") if self.is_conda else ("all",)

    def members(
        self,
        components: Collection[str] | None = None,
        advance: Callable[[int], None] | None = None,
    ) -> Iterator[ArchiveMember]:
        """Yield every member, those of ``info`` first in a ``.conda``.

        Args:
            components: Only these; None is all.
            advance: Called with the number of compressed bytes read, for progress.

        Raises:
            UnsafeArchive: A member is of a kind or at a path that packages must not have.
            PackageError: The archive is truncated or damaged.
        """
        for component in self.components:
            if components is None or component in components:
                yield from self._component(component, advance)

    def _component(
        self, component: str, advance: Callable[[int], None] | None
    ) -> Iterator[ArchiveMember]:
        compression: Compression = "zstd" if self.is_conda else "bzip2"
        source = ByteRange(self._descriptor, 0, self.size, advance)
        if self.is_conda:
            entry = self._zip[component]
            check_crc(self._descriptor, entry, self.name)
            source = ByteRange(self._descriptor, entry.offset, entry.size, advance)
        decoder = open_decoder(source, compression, self.name, self._reader)
        with contextlib.closing(decoder):
            for member in TarReader(decoder.read_into, self.name, component):
                if component == "info" or member.path.startswith("info"):
                    self._check_component(member)
                yield member

    def _check_component(self, member: ArchiveMember) -> None:
        """Refuse metadata of a ``.conda`` outside the info component, and other files in it.

        conda-build puts ``info/licenses/`` in the payload; no program reads those files.
        """
        is_info = member.path == "info" or member.path.startswith("info/")
        if member.component == "info" and not is_info and member.path != ".":
            raise unsafe(self.name, "is outside info/ but comes from it", member=member.path)
        if member.component != "pkg" or not is_info or member.path.startswith(_LICENSES):
            return
        if member.kind != MemberKind.DIRECTORY:
            raise unsafe(self.name, "is in info/ but comes from the payload", member=member.path)

    def close(self) -> None:
        """Close the file. May be called more than once."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def open_archive(
    path: str | os.PathLike[str], *, name: str | None = None, reader: ReaderName | None = None
) -> PackageArchive:
    """Open a package archive; the format is recognised by its first bytes.

    Args:
        path: The file.
        name: File name for messages, if the file has a temporary one.
        reader: ``native`` or ``libarchive``; None is libarchive where it is installed.

    Raises:
        FileError: It cannot be read.
        PackageError: It is not a package archive, or is truncated.
        UnsafeArchive: Its outer zip does not follow the ``.conda`` format strictly.
    """
    return PackageArchive(Path(path), name=name, reader=reader)


def read_info_file(path: str | os.PathLike[str], name: str) -> bytes:
    """Read one file below ``info/``, for instance ``index.json``.

    For a ``.conda`` only the small info component is read; for a ``.tar.bz2`` all up to the file.

    Raises:
        PackageError: The archive does not contain the file, or is damaged.
        UnsafeArchive: See :meth:`PackageArchive.members`.
        FileError: The archive cannot be read.
    """
    found = read_info_files(path, (name,))
    if name not in found:
        raise damaged(Path(path).name, f"has no info/{name}")
    return found[name]


def read_info_files(path: str | os.PathLike[str], names: Collection[str]) -> dict[str, bytes]:
    """Read those of the files below ``info/`` that the archive contains, in one pass.

    Raises:
        PackageError: The archive is damaged.
        UnsafeArchive: See :meth:`PackageArchive.members`.
        FileError: The archive cannot be read.
    """
    wanted = {f"info/{name}": name for name in names}
    found: dict[str, bytes] = {}
    with open_archive(path) as archive:
        for member in archive.members(("info", "all")):
            name = wanted.get(member.path)
            if name is None or member.kind != MemberKind.FILE:
                continue
            if member.size > INFO_FILE_LIMIT:
                raise unsafe(archive.name, f"is {member.size} bytes long", member=member.path)
            found[name] = member.read()
            if len(found) == len(wanted):
                break
    return found
