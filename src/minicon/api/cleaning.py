"""What can be freed: caches that can be made again, and packages that no environment uses."""

from __future__ import annotations

import os
from dataclasses import dataclass

from minicon.fs import operations
from minicon.fs.remove import remove_tree
from minicon.prefix.prefix import Prefix
from minicon.prefix.rollback import generations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.package.package_cache import CachedPackage


@dataclass(frozen=True, slots=True)
class Garbage:
    """One folder or file that can go.

    Attributes:
        kind: ``index_cache`` or ``packages``.
        size: Bytes that are freed: files whose last name this is.
    """

    kind: str
    path: Path
    size: int


def find_garbage(services: Services, kinds: Collection[str]) -> list[Garbage]:
    """What of these kinds can be freed, without freeing it."""
    found: list[tuple[str, Path]] = []
    if "index_cache" in kinds:
        cache = services.settings.cache_dir
        found += [("index_cache", path) for path in sorted(cache.glob("*"))]
    if "packages" in kinds:
        found += [("packages", package.directory) for package in _unused_packages(services)]
    return [Garbage(kind, path, freed_size(path)) for kind, path in found]


def remove_garbage(services: Services, garbage: Collection[Garbage]) -> None:
    """Free it. Raises FileError where the file system refuses."""
    folders = {item.path for item in garbage if item.kind == "packages"}
    for package in list(services.package_cache.entries()):
        if package.directory in folders:
            services.package_cache.remove(package)
    for item in garbage:
        if item.kind != "packages":
            with operations.describing("remove", item.path):
                remove_tree(item.path)


def sweep_leftovers(services: Services) -> list[Path]:
    """Remove what killed commands left behind; what a living process works on stays."""
    from minicon.prefix.removal import sweep

    swept = [path for folder in services.settings.envs_dirs for path in sweep(folder)]
    return [*swept, *services.package_cache.sweep()]


def freed_size(path: Path) -> int:
    """Bytes that removing PATH frees: hard links that stay elsewhere do not count."""
    counts: dict[tuple[int, int], tuple[int, int, int]] = {}
    for status in _statuses(path):
        key = (status.st_dev, status.st_ino)
        seen = counts.get(key, (0, 0, 0))[0] + 1
        counts[key] = (seen, status.st_nlink, status.st_blocks * 512)
    return sum(size for seen, links, size in counts.values() if seen >= links)


def _statuses(path: Path) -> Iterator[os.stat_result]:
    if not path.is_dir():
        yield path.lstat()
        return
    for folder, _, files in os.walk(path):
        for name in files:
            yield os.lstat(os.path.join(folder, name))


def _unused_packages(services: Services) -> Iterator[CachedPackage]:
    """Cached packages that no environment, and no kept generation of one, was linked from."""
    used = {
        record.extracted_package_dir
        for entry in services.registry.entries()
        for generation in generations(entry.path)
        for record in Prefix(generation.path).readable_records()
    }
    for package in services.package_cache.entries():
        if str(package.directory) not in used:
            yield package
