"""Free disk space: caches that can be rebuilt, unused packages, and surplus generations."""

from __future__ import annotations

import contextlib
import os

from minicon.api.inspect.disk_use import freed_size
from minicon.constants import GENERATIONS_INSIDE
from minicon.errors import FileError, PrefixLocked
from minicon.fs import operations
from minicon.fs.ownership import is_real_folder
from minicon.fs.remove import remove_tree
from minicon.lean_dataclasses import dataclass
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.change import locked
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.store_entries import needs_recovery
from minicon.prefix.link.bytecode import stale_bytecode
from minicon.prefix.rollback import generations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.models.reporter import Task
    from minicon.package.cache.package_cache import CachedPackage

#: Files of the index cache that were not used for this many days are stale.
_STALE_DAYS = 30
_LOCK_FOLDER = "locks"
_KINDS_IN_PACKAGE_CACHE = ("packages", "all_packages", "bytecode")


@dataclass(frozen=True, slots=True)
class Garbage:
    """One folder or file that can be removed.

    Attributes:
        kind: ``index_cache``, ``stale_index``, ``packages`` (unused ones), ``all_packages``,
            ``bytecode`` or ``generations``.
        path: The folder or file.
        size: Bytes that are freed: only files without other hard links.
    """

    kind: str
    path: Path
    size: int


def find_garbage(
    services: Services, kinds: Collection[str], *, keep_generations: int | None = None
) -> list[Garbage]:
    """Find what can be freed, without removing it.

    Args:
        services: Caches and environments.
        kinds: Kinds of :class:`Garbage`.
        keep_generations: How many earlier generations each environment keeps; packages that only
            others use count as unused.
    """
    cache = services.settings.cache_dir
    surplus = list(_surplus_generations(services, keep_generations))
    found: list[tuple[str, Path]] = []
    if "index_cache" in kinds:
        found += [("index_cache", path) for path in sorted(cache.glob("*"))]
    if "stale_index" in kinds:
        found += [("stale_index", path) for path in _stale_files(cache, services.now())]
    if "generations" in kinds:
        found += [("generations", path) for path in surplus]
    if "packages" in kinds:
        without = surplus if "generations" in kinds else ()
        unused = [package.directory for package in _unused_packages(services, without=without)]
        found += [("packages", path) for path in unused]
        found += [("bytecode", path) for path in _stale_bytecode(services, gone=unused)]
    if "all_packages" in kinds:
        every = [package.directory for package in services.package_cache.entries()]
        found += [("all_packages", path) for path in every]
        found += [("bytecode", path) for path in _stale_bytecode(services, gone=every)]
    return [Garbage(kind, path, freed_size(path)) for kind, path in found]


def remove_garbage(services: Services, garbage: Collection[Garbage]) -> None:
    """Remove garbage. An environment that is being changed keeps its generations.

    Packages are removed while no other process links from the cache; of ``packages``, only those
    that are still unused then.

    Raises:
        FileError: The file system refuses, or other processes kept the cache locked.
    """
    task = services.reporter.start("remove", "", len(garbage), unit="items")
    try:
        for item in garbage:
            if item.kind in _KINDS_IN_PACKAGE_CACHE:
                continue
            with operations.describing("remove", item.path):
                if item.kind == "generations":
                    _discard_generation(item.path)
                else:
                    remove_tree(item.path)
            task.advance(1)
        folders = {item.path: item.kind for item in garbage if item.kind in _KINDS_IN_PACKAGE_CACHE}
        if folders:
            with services.package_cache.in_use(alone=True):
                _remove_packages(services, folders, task)
    finally:
        task.finish()


def _remove_packages(services: Services, folders: Mapping[Path, str], task: Task) -> None:
    used_too = "all_packages" in folders.values()
    packages = services.package_cache.entries() if used_too else _unused_packages(services)
    for package in list(packages):
        if package.directory in folders:
            services.package_cache.remove(package)
            task.advance(1)
    for path in _stale_bytecode(services):
        with operations.describing("remove", path):
            remove_tree(path)
        task.advance(path in folders)


def _stale_bytecode(services: Services, *, gone: Collection[Path] = ()) -> list[Path]:
    """Find bytecode of packages that are not in the cache, or will be removed from it."""
    try:
        return stale_bytecode(services.package_cache.directory, gone=gone)
    except FileError:  # there is no package cache
        return []


def find_leftovers(services: Services) -> list[Path]:
    """Find what :func:`sweep_leftovers` would remove; nothing that a running process uses."""
    found = [path for folder in services.settings.envs_dirs for path in _unswept(folder)]
    for folder in services.settings.pkgs_dirs[:1]:
        for name in (".work", ".trash"):
            leftovers = folder / name
            found += sorted(leftovers.iterdir()) if is_real_folder(leftovers) else []
    return found


def sweep_leftovers(services: Services) -> list[Path]:
    """Remove the leftovers of killed commands; what a running process uses is kept."""
    from minicon.prefix.removal import sweep

    swept = [path for folder in services.settings.envs_dirs for path in sweep(folder)]
    return [*swept, *services.package_cache.sweep()]


def _unused_packages(
    services: Services, *, without: Collection[Path] = ()
) -> Iterator[CachedPackage]:
    """Yield cached packages that no environment, and no kept generation of one, is linked from.

    Args:
        services: Caches and environments.
        without: Generations that are ignored.
    """
    used = {
        record.extracted_package_dir
        for entry in services.registry.entries()
        for generation in generations(entry.path)
        if generation.path not in without
        for record in Prefix(generation.path).readable_records()
    }
    for package in services.package_cache.entries():
        if str(package.directory) not in used:
            yield package


def _surplus_generations(services: Services, keep: int | None) -> Iterator[Path]:
    """Yield generations beyond the newest ones to keep; the previous one is the last of all."""
    if keep is not None:
        for entry in services.registry.entries():
            yield from GenerationStore(entry.path).surplus(keep)


def _discard_generation(tree: Path) -> None:
    folder = tree.parent
    is_inside = folder.name == GENERATIONS_INSIDE
    store = GenerationStore(folder.parent if is_inside else folder.parent.parent / folder.name)
    with contextlib.suppress(PrefixLocked), locked(store, 0.0):
        if tree.is_dir():
            store.discard(tree)


def _stale_files(folder: Path, now: float) -> Iterator[Path]:
    """Yield the files of the index cache that were neither read nor written for a month."""
    limit = now - _STALE_DAYS * 86_400
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != _LOCK_FOLDER)
        for name in sorted(names):
            path = folder / parent / name
            status = path.lstat()
            if max(status.st_atime, status.st_mtime) < limit:
                yield path


def _unswept(folder: Path) -> Iterator[Path]:
    """Yield the leftovers of killed commands beside the environments of a folder."""
    from minicon.prefix.removal import stores_in

    for path in stores_in(folder):
        if path.name.startswith(".trash-"):
            yield path
            continue
        store = GenerationStore(folder / path.name)
        if needs_recovery(store.prefix) or not store.prefix.exists():
            with contextlib.suppress(PrefixLocked), locked(store, 0.0):
                yield path
