"""Extract a package archive into one directory, and verify every file.

Order: regular files as they are read (hashed while written), then hard links between them, then
symbolic links. The tree must then match ``info/paths.json`` exactly.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from minicon.archive.extraction import Extraction, ExtractionLimits, new_folder
from minicon.archive.package_archive import INFO_FILE_LIMIT, open_archive
from minicon.archive.problems import as_published, unsafe
from minicon.archive.tree_writer import TreeWriter
from minicon.fs.operations import describing
from minicon.models.package_files import PathType
from minicon.package.info_files import (
    DESCRIBING_FILES,
    parse_package_files,
    parse_paths,
    read_json_object,
    read_package_files,
)
from minicon.package.prepare.expected_archive import ExpectedArchive

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from minicon.archive.members import ArchiveMember
    from minicon.archive.package_archive import PackageArchive
    from minicon.archive.streams import ReaderName
    from minicon.models.package_files import PackageFiles, PathsEntry
    from minicon.models.reporter import Task

_WANTED = frozenset(f"info/{name}" for name in DESCRIBING_FILES)


def extract(
    archive_path: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    *,
    expected: ExpectedArchive | None = None,
    check_bytes: bool = True,
    name: str | None = None,
    reader: ReaderName | None = None,
    limits: ExtractionLimits | None = None,
    task: Task | None = None,
) -> PackageFiles:
    """Extract a ``.conda`` or ``.tar.bz2`` and verify every file.

    Nothing is written outside ``directory``, whatever the archive contains. Modes become 0755 or
    0644 less the umask; modification times are kept.

    Args:
        archive_path: The archive.
        directory: The destination; created if missing, else it must be empty. Emptied on failure.
        expected: Hash, size and identity that the channel lists.
        check_bytes: Whether to compare the archive's hash and size; False only if the download
            has just done so.
        name: Name of the archive in messages, if not its file name.
        reader: ``native`` or ``libarchive``; None is libarchive where it is installed.
        limits: Limits of members and size.
        task: Progress, advanced by the compressed bytes read.

    Returns:
        The package's list of files.

    Raises:
        HashMismatch: The archive differs from what the channel lists.
        UnsafeArchive: It reaches outside its directory, or contradicts itself.
        PackageError: It is truncated, damaged, or another package.
        FileError: The file system failed, or ``directory`` is not empty.
    """
    path, directory = Path(archive_path), Path(directory)
    label = name or path.name
    expected = expected or ExpectedArchive()
    if check_bytes:
        expected.check_bytes(path, label)
    with (
        as_published() if expected.sha256 is not None else contextlib.nullcontext(),
        open_archive(path, name=label, reader=reader) as archive,
        new_folder(directory),
        describing("extract into", directory),
        TreeWriter(directory) as writer,
    ):
        extraction = _Extraction(archive, writer, limits or ExtractionLimits())
        extraction.run(task)
        expected.check_identity(read_json_object(extraction.info, "index.json", label), label)
        return extraction.files(directory)


class _Extraction(Extraction):
    """The extraction of one package.

    Attributes:
        info: Content of :data:`.DESCRIBING_FILES`, as far as they were read.
    """

    def __init__(
        self, archive: PackageArchive, writer: TreeWriter, limits: ExtractionLimits
    ) -> None:
        super().__init__(archive.name, archive.size, writer, limits)
        self.info: dict[str, bytes] = {}
        self._archive = archive
        self._paths: list[PathsEntry] | None = None
        self._entries: dict[str, PathsEntry] | None = None
        #: Entries that no extracted file has matched yet.
        self._missing: dict[str, PathsEntry] = {}

    def run(self, task: Task | None) -> None:
        """Write all members, then all links, then compare with the package's list."""
        self.write_members(self._archive.members(advance=task.advance if task else None))
        self._compare()

    def files(self, directory: Path) -> PackageFiles:
        """Return the package's list of files, after extraction."""
        if self._paths is not None:
            return parse_package_files(self.info, self._name, paths=self._paths)
        return read_package_files(directory)

    def write_file(self, member: ArchiveMember) -> None:
        """Write a regular file, and compare it with the package's list."""
        entry = self._missing.get(member.path)
        if entry is None or not self._write_listed(member, entry):
            self._check_announced(member)
            self._write(member)

    def check_link(self, member: ArchiveMember) -> None:
        """Refuse links in place of the files that describe the package."""
        if member.path in _WANTED:
            raise unsafe(self._name, f"is a {member.kind}", member=member.path)

    def _check_announced(self, member: ArchiveMember) -> None:
        """Refuse a file that paths.json does not list with this size, before it is written."""
        if self._entries is None or member.path.startswith("info/"):
            return
        entry = self._entries.get(member.path)
        if entry is None:
            raise unsafe(self._name, "is not listed in info/paths.json", member=member.path)
        if entry.size_in_bytes not in (None, member.size):
            problem = f"has {member.size} bytes, info/paths.json says {entry.size_in_bytes}"
            raise unsafe(self._name, problem, member=member.path)

    def _write_listed(self, member: ArchiveMember, entry: PathsEntry) -> bool:
        """Write a file that is exactly as listed; False if it needs further checks."""
        data, path = member.data, member.path
        if data is None or path in _WANTED or entry.size_in_bytes != member.size:
            return False
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 != entry.sha256 or entry.path_type != PathType.HARDLINK:
            return False
        try:
            self._writer.write_whole(path, data, member.mode, member.modified_ns)
        except FileExistsError:
            raise self.case_conflict(path) from None
        # The entry's own strings, so that each exists once.
        self._table.files[entry.path] = (entry.size_in_bytes, entry.sha256, member.component)
        del self._missing[path]
        return True

    def _write(self, member: ArchiveMember) -> None:
        path, data = member.path, member.data
        if path in _WANTED:
            if member.size > INFO_FILE_LIMIT:
                raise unsafe(self._name, f"is {member.size} bytes long", member=path)
            data = memoryview(member.read())
        try:
            if data is not None:
                digest = hashlib.sha256(data)
                self._writer.write_whole(path, data, member.mode, member.modified_ns)
            else:
                digest = self._write_pieces(member)
        except FileExistsError:
            raise self.case_conflict(path) from None
        self._table.files[path] = (member.size, digest.hexdigest(), member.component)
        if data is not None and path in _WANTED:
            self._keep(path.removeprefix("info/"), bytes(data))

    def _write_pieces(self, member: ArchiveMember) -> hashlib._Hash:
        """Write a file that is too large to be kept in memory."""
        digest = hashlib.sha256()
        self._writer.write(
            member.path,
            _hashed(member.chunks(), digest.update),
            mode=member.mode,
            modified_ns=member.modified_ns,
        )
        return digest

    def _keep(self, name: str, content: bytes) -> None:
        self.info[name] = content
        if name == "paths.json":
            self._paths = parse_paths(self.info, self._name)
            self._entries = {entry.path: entry for entry in self._paths}
            self._missing = dict(self._entries)
            self.info[name] = b""  # no longer needed, and as large as all other facts

    def _compare(self) -> None:
        """Compare the tree with the package's list: paths, kinds, sizes and hashes."""
        if "index.json" not in self.info:
            raise unsafe(self._name, "has no info/index.json")
        entries = self._entries
        if entries is None:
            entries = {entry.path: entry for entry in parse_paths(self.info, self._name)}
            self._missing = entries
        for path in self._table.payload():
            if path not in entries:
                raise unsafe(self._name, f"is not listed in {self._list_name}", member=path)
        for path, entry in self._missing.items():
            problem = self._difference(path, entry)
            if problem is not None:
                raise unsafe(self._name, problem, member=path)

    @property
    def _list_name(self) -> str:
        return "info/paths.json" if "paths.json" in self.info else "info/files"

    def _difference(self, path: str, entry: PathsEntry) -> str | None:
        if entry.path_type == PathType.DIRECTORY:
            return None if path in self._table.folders else "is listed as a directory but is not"
        is_link = path in self._table.symbolic_links
        found = self._table.files.get(path)
        if found is None and not is_link:
            return f"is listed in {self._list_name} but is missing"
        if "paths.json" in self.info and is_link != (entry.path_type == PathType.SOFTLINK):
            return f"is listed as a {entry.path_type} but is not"
        if found is None:
            return None
        size, sha256, _ = found
        if entry.size_in_bytes not in (None, size):
            return f"has {size} bytes, info/paths.json says {entry.size_in_bytes}"
        if entry.sha256 not in (None, sha256):
            return f"has sha256 {sha256}, info/paths.json says {entry.sha256}"
        return None


def _hashed(
    chunks: Iterator[memoryview], update: Callable[[memoryview], None]
) -> Iterator[memoryview]:
    for chunk in chunks:
        update(chunk)
        yield chunk
