"""True disk use: hard links share their bytes, so sizes are counted by inode.

::

    environment ─┐                 unique: freed if this alone were removed
    generations ─┼─ inodes ──────> shared: also somewhere else, so removing it frees nothing
    package cache┘

Clones (reflinks) share bytes that no portable call tells of: they count as if they did not.
"""

from __future__ import annotations

import os
import stat

from minicon.lean_dataclasses import dataclass
from minicon.prefix.environment.prefix_location import STAYING
from minicon.prefix.generations.store import GenerationStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.api.services import Services

_BLOCK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskUse:
    """What one environment, or the package cache, takes.

    Attributes:
        kind: ``environment`` or ``package_cache``.
        path: The folder.
        total: Bytes on disk, every inode once; kept generations of an environment included.
        unique: Bytes of it that removing it would free.
        kept: Bytes of it that only earlier generations hold.
    """

    kind: str
    path: Path
    total: int
    unique: int
    kept: int = 0

    @property
    def shared(self) -> int:
        """Bytes that something else holds as well."""
        return self.total - self.unique

    def to_json(self) -> dict[str, Any]:
        """The numbers as an object; all in bytes."""
        return {
            "kind": self.kind,
            "path": str(self.path),
            "total": self.total,
            "unique": self.unique,
            "shared": self.shared,
            "kept_generations": self.kept,
        }


def disk_use(services: Services, environments: Sequence[Path]) -> list[DiskUse]:
    """Disk use of environments, and of the package cache after them.

    Costs one ``lstat`` per file of all known environments and the cache, whichever are asked
    for: who shares what is known only then.
    """
    return [
        *(_environment_use(path) for path in environments),
        *(_cache_use(folder) for folder in services.settings.pkgs_dirs[:1]),
    ]


def together(environments: Iterable[Path], caches: Iterable[Path]) -> int:
    """Bytes on disk of all of them, every inode once."""
    inodes: dict[tuple[int, int], _Inode] = {}
    for environment in environments:
        for tree in (environment, GenerationStore(environment).folder):
            _add_tree(tree, inodes)
    for cache in caches:
        _add_tree(cache, inodes)
    return sum(inode.size for inode in inodes.values())


def freed_size(*paths: Path) -> int:
    """Bytes that removing all these paths would free: what is linked elsewhere stays."""
    inodes: dict[tuple[int, int], _Inode] = {}
    for path in paths:
        _add_tree(path, inodes)
    return _only_here(inodes)


@dataclass(slots=True)
class _Inode:
    """One file on disk.

    Attributes:
        size: Bytes it takes.
        links: Names that it has anywhere.
        seen: Names that were come across.
    """

    size: int
    links: int
    seen: int = 0


def _environment_use(path: Path) -> DiskUse:
    inodes: dict[tuple[int, int], _Inode] = {}
    _add_tree(path, inodes, but=STAYING)
    present = set(inodes)
    _add_tree(GenerationStore(path).folder, inodes)
    earlier = {key: inode for key, inode in inodes.items() if key not in present}
    return _use("environment", path, inodes, _only_here(earlier))


def _cache_use(folder: Path) -> DiskUse:
    inodes: dict[tuple[int, int], _Inode] = {}
    _add_tree(folder, inodes)
    return _use("package_cache", folder, inodes, 0)


def _use(kind: str, path: Path, inodes: dict[tuple[int, int], _Inode], kept: int) -> DiskUse:
    return DiskUse(
        kind=kind,
        path=path,
        total=sum(inode.size for inode in inodes.values()),
        unique=_only_here(inodes),
        kept=kept,
    )


def _only_here(inodes: dict[tuple[int, int], _Inode]) -> int:
    return sum(inode.size for inode in inodes.values() if inode.seen >= inode.links)


def _add_tree(
    root: Path, inodes: dict[tuple[int, int], _Inode], *, but: Collection[str] = ()
) -> None:
    """Count a file, or every file and folder of a tree; links are not followed.

    What the root holds under the names BUT is left out.
    """
    _add(os.fspath(root), inodes)
    for place, folders, names in os.walk(root):
        if but and place == os.fspath(root):
            folders[:] = [name for name in folders if name not in but]
        for name in (*folders, *names):
            _add(f"{place}/{name}", inodes)


def _add(path: str, inodes: dict[tuple[int, int], _Inode]) -> None:
    try:
        status = os.lstat(path)
    except OSError:
        return  # gone meanwhile
    key = (status.st_dev, status.st_ino)
    if key not in inodes:
        # A folder's count of links tells how many folders are in it.
        links = 1 if stat.S_ISDIR(status.st_mode) else status.st_nlink
        inodes[key] = _Inode(status.st_blocks * _BLOCK, links)
    inodes[key].seen += 1
