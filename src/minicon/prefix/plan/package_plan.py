"""PackagePlan: one package of a transaction, with the target path of each of its files."""

from __future__ import annotations

import functools
from typing import NamedTuple

from minicon.models.package_files import PathsEntry, PathType
from minicon.package.record_texts import files_text, paths_text
from minicon.prefix.environment.python_layout import entry_point_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from minicon.models.package_files import EntryPoint
    from minicon.models.records import RepodataRecord
    from minicon.package.manifest import PlainFolder
    from minicon.prefix.environment.python_layout import PythonLayout


class PlannedFile(NamedTuple):
    """One file: from ``source`` in the package to ``target`` in the prefix."""

    source: str
    target: str
    entry: PathsEntry


class PlannedFolder(NamedTuple):
    """The plain files of one directory: from ``source`` in the package to ``target``."""

    source: str
    target: str
    files: PlainFolder


def _no_texts() -> None:
    """Texts of a plan whose files are not exactly those of the manifest."""


class PackagePlan:
    """One package of a transaction, with the target path of each of its files.

    Attributes:
        record: The package.
        directory: Its extracted directory in the package cache.
        folders: Its plain files; see :mod:`minicon.package.manifest`.
        others: Its other files, links and directories.
        entry_points: Commands to generate, checked.
        layout: The environment's python; None for packages that do not depend on its paths.
        texts: Gives the texts of its plain files, if they are known; see :meth:`record_texts`.
    """

    def __init__(
        self,
        record: RepodataRecord,
        directory: Path,
        folders: tuple[PlannedFolder, ...],
        others: tuple[PlannedFile, ...],
        *,
        entry_points: tuple[EntryPoint, ...] = (),
        layout: PythonLayout | None = None,
        texts: Callable[[], tuple[bytes, Iterable[bytes]] | None] = _no_texts,
    ) -> None:
        self.record = record
        self.directory = directory
        self.folders = folders
        self.others = others
        self.entry_points = entry_points
        self.layout = layout
        self._texts = texts

    @property
    def commands(self) -> tuple[str, ...]:
        """Paths of the commands to generate."""
        layout = self.layout
        return tuple(entry_point_path(p, layout) for p in self.entry_points) if layout else ()

    @property
    def file_count(self) -> int:
        """Number of files, links and directories, without generated commands."""
        return sum(len(folder.files.names) for folder in self.folders) + len(self.others)

    @functools.cached_property
    def files(self) -> tuple[PlannedFile, ...]:
        """Each file, link and directory. Costs 1 µs per file: not for every create."""
        plain = (
            PlannedFile(f"{source}/{name}" if source else name, entry.path, entry)
            for source, target, files in self.folders
            for name, entry in zip(files.names, files.entries(target), strict=True)
        )
        return (*plain, *self.others)

    @functools.cached_property
    def targets(self) -> tuple[str, ...]:
        """Every path that linking it creates, without bytecode and files of wheels' RECORD."""
        plain = (
            f"{target}/{name}" if target else name
            for _, target, files in self.folders
            for name in files.names
        )
        return (*plain, *(target for _, target, _ in self.others), *self.commands)

    @property
    def empty_folders(self) -> frozenset[str]:
        """Targets that are directories without files; a file of any other package excludes them."""
        return frozenset(p.target for p in self.others if p.entry.path_type == PathType.DIRECTORY)

    def target_folders(self) -> set[str]:
        """Directories of all targets."""
        folders = {folder.target for folder in self.folders}
        folders.update(file.target.rpartition("/")[0] for file in self.others)
        folders.update(command.rpartition("/")[0] for command in self.commands)
        return folders

    def targets_in(self, folders: Container[str]) -> Iterator[str]:
        """The :attr:`targets` that are directly in some directories."""
        for _, target, files in self.folders:
            if target in folders:
                yield from (f"{target}/{name}" if target else name for name in files.names)
        for path in (*(file.target for file in self.others), *self.commands):
            if path.rpartition("/")[0] in folders:
                yield path

    def has_target(self, path: str) -> bool:
        """Whether a file of the package, not a generated one, has a target path."""
        folder, _, name = path.rpartition("/")
        return any(file.target == path for file in self.others) or any(
            target == folder and name in files.names for _, target, files in self.folders
        )

    def record_texts(self) -> tuple[bytes, Iterable[bytes]]:
        """Its plain files in ``conda-meta``: JSON texts of ``files`` and, in pieces, ``paths``."""
        texts = self._texts()
        if texts is not None:
            return texts
        entries = [e for _, target, files in self.folders for e in files.entries(target)]
        return files_text(entry.path for entry in entries), (paths_text(entries),)


def entry_in_prefix(entry: PathsEntry, target: str, **changes: Any) -> PathsEntry:
    """An entry with its path in the prefix, and other attributes replaced by ``changes``."""
    values: Mapping[str, Any] = {
        "prefix_placeholder": entry.prefix_placeholder,
        "file_mode": entry.file_mode,
        "no_link": entry.no_link,
        "sha256": entry.sha256,
        "size_in_bytes": entry.size_in_bytes,
        "sha256_in_prefix": entry.sha256_in_prefix,
        **changes,
    }
    return PathsEntry(target, entry.path_type, **values)
