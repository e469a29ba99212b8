"""Measure disk use by inode, since hard links share their bytes.

::

    environment ─┐                 unique: freed if only this were removed
    generations ─┼─ inodes ──────> shared: linked elsewhere too, so removing it frees nothing
    package cache┘

The bytes that reflinks share are counted for each of them: no portable call reports sharing.
"""

from __future__ import annotations

import contextlib
import os
import stat

from minicon.lean_dataclasses import dataclass
from minicon.prefix.environment.prefix_location import unmovable_entries
from minicon.prefix.generations.store import GenerationStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.api.services import Services

_BLOCK = 512
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_HAS_DESCRIPTORS = os.scandir in os.supports_fd


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskUse:
    """Disk use of one environment, or of the package cache.

    Attributes:
        kind: ``environment`` or ``package_cache``.
        path: The folder.
        total: Bytes on disk, every inode once; an environment's earlier generations included.
        unique: Bytes of these that removing it would free.
        kept: Bytes of these that only earlier generations use.
    """

    kind: str
    path: Path
    total: int
    unique: int
    kept: int = 0

    @property
    def shared(self) -> int:
        """Bytes that are also linked elsewhere."""
        return self.total - self.unique

    def to_json(self) -> dict[str, Any]:
        """Return the sizes, in bytes, as a JSON object."""
        return {
            "kind": self.kind,
            "path": str(self.path),
            "total": self.total,
            "unique": self.unique,
            "shared": self.shared,
            "kept_generations": self.kept,
        }


def disk_use(services: Services, environments: Sequence[Path]) -> tuple[list[DiskUse], int]:
    """Return the disk use of environments, then of the package cache, and that of all together.

    Costs one ``lstat`` per inode; inodes are counted once in each use, and once in the sum.
    """
    every = _Count()
    uses = [_environment_use(path, every) for path in environments]
    uses += [_cache_use(folder, every) for folder in services.settings.pkgs_dirs[:1]]
    return uses, every.total


def freed_size(*paths: Path) -> int:
    """Return the bytes that removing all these paths would free: other links keep their files."""
    count = _Count()
    for path in paths:
        count.add_tree(path)
    return count.unique


class _Count:
    """The inodes of some trees, by device and number as one integer.

    Attributes:
        seen: Blocks and links of files with several names. Counts can share it: a further name of
            such a file is recognized by the inode that its directory lists.
        folders: Blocks of a folder, with its files that have no other name anywhere.
        linked: Blocks of a file with several names.
        unvisited: How many of these were not visited.
    """

    def __init__(self, seen: dict[int, tuple[int, int]] | None = None) -> None:
        self.seen = {} if seen is None else seen
        self.folders: dict[int, int] = {}
        self.linked: dict[int, int] = {}
        self.unvisited: dict[int, int] = {}

    @property
    def total(self) -> int:
        """Bytes on disk, every inode once."""
        return _BLOCK * (sum(self.folders.values()) + sum(self.linked.values()))

    @property
    def unique(self) -> int:
        """Bytes of inodes all of whose names were visited."""
        return self.without(_Count())

    def without(self, other: _Count) -> int:
        """As :attr:`unique`, for the inodes that another count does not have."""
        folders = sum(size for key, size in self.folders.items() if key not in other.folders)
        return _BLOCK * folders + _BLOCK * sum(
            size
            for key, size in self.linked.items()
            if self.unvisited[key] <= 0 and key not in other.linked
        )

    def update(self, other: _Count) -> None:
        """Add the inodes of another count; :attr:`total` is that of both."""
        self.folders.update(other.folders)
        self.linked.update(other.linked)

    def add_tree(self, root: Path, *, without: Collection[str] = ()) -> None:
        """Count a file, or every file and folder of a tree; symbolic links are not followed.

        Args:
            root: A file or folder. What is removed meanwhile, or cannot be read, is left out.
            without: Names directly below the root that are left out.
        """
        path = os.fspath(root)
        waiting: list[tuple[str, int]] = []
        with contextlib.suppress(OSError):
            self._add_alone(os.lstat(path), path, waiting)
        for folder, key in waiting:  # grows while it is walked
            with contextlib.suppress(OSError):
                self._add_entries(folder, key, waiting, without if folder == path else ())

    def _add_entries(
        self, folder: str, key: int, waiting: list[tuple[str, int]], without: Collection[str]
    ) -> None:
        """Count the entries of a folder: most of the time is spent in this loop."""
        blocks, linked, unvisited, seen = 0, self.linked, self.unvisited, self.seen
        device, descriptor = key >> 64 << 64, None
        if _HAS_DESCRIPTORS:
            descriptor = os.open(folder, _FOLDER)
        try:
            with os.scandir(folder if descriptor is None else descriptor) as entries:
                for entry in entries:
                    if entry.name in without:
                        continue
                    inode = device | entry.inode()
                    if inode not in seen:
                        blocks += self._add_unseen(folder, entry.name, descriptor, waiting)
                        continue
                    linked[inode], links = seen[inode]
                    unvisited[inode] = unvisited.get(inode, links) - 1
        finally:
            if descriptor is not None:
                os.close(descriptor)
        self.folders[key] += blocks

    def _add_unseen(
        self, folder: str, name: str, descriptor: int | None, waiting: list[tuple[str, int]]
    ) -> int:
        """Count an entry of a folder; returns the blocks of a file without further names."""
        path = f"{folder}/{name}"
        try:
            status = os.stat(
                path if descriptor is None else name, dir_fd=descriptor, follow_symlinks=False
            )
        except FileNotFoundError:
            return 0
        if not stat.S_ISDIR(status.st_mode) and status.st_nlink == 1:
            return status.st_blocks
        self._add_alone(status, path, waiting)
        return 0

    def _add_alone(self, status: os.stat_result, path: str, waiting: list[tuple[str, int]]) -> None:
        """Count a folder, or a file that is not found in one."""
        inode = status.st_dev << 64 | status.st_ino
        # The number of a folder's links is that of its folders.
        if stat.S_ISDIR(status.st_mode):
            waiting.append((path, inode))
        elif status.st_nlink > 1:
            self.seen[inode] = status.st_blocks, status.st_nlink
            self.linked[inode] = status.st_blocks
            self.unvisited[inode] = self.unvisited.get(inode, status.st_nlink) - 1
            return
        self.folders[inode] = status.st_blocks


def _environment_use(path: Path, every: _Count) -> DiskUse:
    count = _Count(every.seen)
    count.add_tree(path, without=unmovable_entries(path))
    present = _Count()
    present.update(count)
    count.add_tree(GenerationStore(path).folder)
    every.update(count)
    return _use("environment", path, count, count.without(present))


def _cache_use(folder: Path, every: _Count) -> DiskUse:
    count = _Count(every.seen)
    count.add_tree(folder)
    every.update(count)
    return _use("package_cache", folder, count, 0)


def _use(kind: str, path: Path, count: _Count, kept: int) -> DiskUse:
    return DiskUse(kind=kind, path=path, total=count.total, unique=count.unique, kept=kept)
