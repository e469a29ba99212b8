"""Extraction: write the members of an archive below one directory, whatever the archive contains.

Order: files as they are read, then hard links between them, then symbolic links, so that nothing
is written through a link.
"""

from __future__ import annotations

import contextlib
import errno

from minicon.archive.member_table import MemberTable
from minicon.archive.members import MemberKind
from minicon.archive.problems import unsafe
from minicon.archive.tar_reader import plain_path
from minicon.fs import operations
from minicon.fs.remove import empty_directory
from minicon.fs.safe_path import path_problem
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from minicon.archive.members import ArchiveMember
    from minicon.archive.tree_writer import TreeWriter
    from minicon.errors import PackageError


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionLimits:
    """Limits of extraction, so that a small file cannot fill a disk.

    Attributes:
        members: Maximum number of members.
        floor: Bytes that any archive may unpack to.
        ratio: Above that, maximum of unpacked bytes per byte of the archive.
    """

    members: int = 500_000
    floor: int = 256 << 20
    ratio: int = 250

    def bytes_of(self, archive_size: int) -> int:
        """Return the bytes that an archive of this size may unpack to."""
        return max(self.floor, self.ratio * archive_size)

    def check(self, archive: str, archive_size: int, members: int, size: int) -> None:
        """Check what was announced so far, before it is written. Raises UnsafeArchive."""
        if members > self.members:
            raise unsafe(archive, f"has more than {self.members} members")
        if size > self.bytes_of(archive_size):
            raise unsafe(archive, f"unpacks to more than {self.ratio} times its size")


class Extraction:
    """The extraction of one archive; a subclass may check each member.

    Args:
        archive: Name of the archive, for errors.
        size: Its bytes.
        writer: Writes below the destination, which is empty.
        limits: Limits of members and size.
    """

    def __init__(
        self, archive: str, size: int, writer: TreeWriter, limits: ExtractionLimits
    ) -> None:
        self._name = archive
        self._size = size
        self._writer = writer
        self._limits = limits
        self._table = MemberTable(archive)

    def write_members(self, found: Iterable[ArchiveMember]) -> None:
        """Write all members, then all links.

        Raises:
            UnsafeArchive: A member or a link leads outside, exists twice, or exceeds a limit.
            OSError: The file system failed.
        """
        most_bytes = self._limits.bytes_of(self._size)
        size = 0
        for members, member in enumerate(found, start=1):
            size += member.size
            if size > most_bytes or members > self._limits.members:
                self._limits.check(self._name, self._size, members, size)
            self._table.claim(member.path, member.kind)
            if member.kind == MemberKind.FILE:
                self.write_file(member)
            else:
                self._add(member)
        self._table.check_symbolic_links()
        for path, target in self._table.hard_links.items():
            with self.new_name(path):
                self._writer.hard_link(path, target)
        for path, text in self._table.symbolic_links.items():
            with self.new_name(path):
                self._writer.symbolic_link(path, text)

    def write_file(self, member: ArchiveMember) -> None:
        """Write a regular file. Raises as :meth:`write_members`."""
        path, data = member.path, member.data
        with self.new_name(path):
            if data is not None:
                self._writer.write_whole(path, data, member.mode, member.modified_ns)
            else:
                self._writer.write(
                    path, member.chunks(), mode=member.mode, modified_ns=member.modified_ns
                )
        self._table.files[path] = (member.size, "", member.component)

    def check_link(self, member: ArchiveMember) -> None:
        """Refuse a link that this kind of archive must not have."""

    def _add(self, member: ArchiveMember) -> None:
        """Create a directory, or remember a link."""
        if member.kind == MemberKind.DIRECTORY:
            if member.path != ".":
                with self.new_name(member.path):
                    self._writer.make_folder(member.path)
            return
        self.check_link(member)
        if member.kind == MemberKind.SYMBOLIC_LINK:
            self._table.add_symbolic_link(member)
            return
        target = plain_path(member.target)
        problem = path_problem(target) or ("is absolute" if member.target[0] == "/" else None)
        if problem is not None:
            problem = f"is a hard link to {member.target!r:.120}, a path that {problem}"
            raise unsafe(self._name, problem, member=member.path)
        self._table.add_hard_link(member, target)

    @contextlib.contextmanager
    def new_name(self, path: str) -> Iterator[None]:
        """Raise a readable error if the name exists."""
        try:
            yield
        except FileExistsError:
            raise self.case_conflict(path) from None

    def case_conflict(self, path: str) -> PackageError:
        """Build the error for a path that only a file system without letter case has already."""
        problem = "differs from another only in letter case, which this file system ignores"
        return unsafe(self._name, problem, member=path)


@contextlib.contextmanager
def new_folder(directory: Path) -> Iterator[None]:
    """Create a directory to fill, and empty it again on failure."""
    with operations.describing("make", directory):
        operations.make_directory(directory)
        if any(directory.iterdir()):
            raise FileExistsError(errno.EEXIST, "the directory is not empty")
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            empty_directory(directory)
        raise
