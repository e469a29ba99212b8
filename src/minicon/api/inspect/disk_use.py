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

    #: By device and number.
    _Inodes = dict[tuple[int, int], "_Inode"]

_BLOCK = 512


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

    Costs one ``lstat`` per file of the environments and the cache; inodes are counted once in each
    use, and once in the sum.
    """
    every: _Inodes = {}
    uses = [_environment_use(path, every) for path in environments]
    uses += [_cache_use(folder, every) for folder in services.settings.pkgs_dirs[:1]]
    return uses, sum(inode.size for inode in every.values())


def freed_size(*paths: Path) -> int:
    """Return the bytes that removing all these paths would free: other links keep their files."""
    inodes: _Inodes = {}
    for path in paths:
        _add_tree(path, inodes)
    return _only_here(inodes)


@dataclass(slots=True)
class _Inode:
    """One file on disk.

    Attributes:
        size: Bytes on disk.
        links: Number of its names anywhere.
        seen: Number of its names that were visited.
    """

    size: int
    links: int
    seen: int = 0


def _environment_use(path: Path, every: _Inodes) -> DiskUse:
    inodes: _Inodes = {}
    _add_tree(path, inodes, without=unmovable_entries(path))
    present = set(inodes)
    _add_tree(GenerationStore(path).folder, inodes)
    earlier = {key: inode for key, inode in inodes.items() if key not in present}
    every.update(inodes)
    return _use("environment", path, inodes, _only_here(earlier))


def _cache_use(folder: Path, every: _Inodes) -> DiskUse:
    inodes: _Inodes = {}
    _add_tree(folder, inodes)
    every.update(inodes)
    return _use("package_cache", folder, inodes, 0)


def _use(kind: str, path: Path, inodes: _Inodes, kept: int) -> DiskUse:
    return DiskUse(
        kind=kind,
        path=path,
        total=sum(inode.size for inode in inodes.values()),
        unique=_only_here(inodes),
        kept=kept,
    )


def _only_here(inodes: _Inodes) -> int:
    return sum(inode.size for inode in inodes.values() if inode.seen >= inode.links)


def _add_tree(root: Path, inodes: _Inodes, *, without: Collection[str] = ()) -> None:
    """Count a file, or every file and folder of a tree; symbolic links are not followed.

    Args:
        root: A file or folder. What is removed meanwhile, or cannot be read, is left out.
        inodes: Receives the inodes.
        without: Names directly below the root that are left out.
    """
    with contextlib.suppress(OSError):
        _add(os.lstat(root), inodes)
    waiting = [os.fspath(root)]
    for folder in waiting:  # grows while it is walked
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if without and folder == waiting[0] and entry.name in without:
                    continue
                try:
                    _add(entry.stat(follow_symlinks=False), inodes)
                except FileNotFoundError:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)


def _add(status: os.stat_result, inodes: _Inodes) -> None:
    key = (status.st_dev, status.st_ino)
    inode = inodes.get(key)
    if inode is None:
        # The link count of a folder is the number of its subfolders plus two.
        links = 1 if stat.S_ISDIR(status.st_mode) else status.st_nlink
        inode = inodes[key] = _Inode(status.st_blocks * _BLOCK, links)
    inode.seen += 1
