"""What can be freed: caches that can be made again, and packages that no environment uses."""

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
from minicon.prefix.environment.prefix_lock import locked
from minicon.prefix.generations.metadata import read_generation_metadata
from minicon.prefix.generations.rollback import generations
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.link.bytecode import stale_bytecode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.package.cache.package_cache import CachedPackage

#: What is in the cache of indexes and was not used for this long is stale.
STALE_DAYS = 30
_LOCK_FOLDER = "locks"
_OF_THE_CACHE = ("packages", "all_packages", "bytecode")


@dataclass(frozen=True, slots=True)
class Garbage:
    """One folder or file that can go.

    Attributes:
        kind: ``index_cache``, ``stale_index``, ``packages`` (that nothing uses),
            ``all_packages``, ``bytecode`` or ``generations``.
        size: Bytes that are freed: files whose last name this is.
    """

    kind: str
    path: Path
    size: int


def find_garbage(
    services: Services, kinds: Collection[str], *, keep_generations: int | None = None
) -> list[Garbage]:
    """What of these kinds can be freed, without freeing it.

    Args:
        services: Caches and environments.
        kinds: Kinds of :class:`Garbage`.
        keep_generations: How many earlier states each environment keeps; packages that only
            others were linked from count as unused.
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
    """Free it. An environment that is being changed keeps its generations this time.

    Packages go while no other process links from the cache; of ``packages``, only those that
    still are unused by then.

    Raises:
        FileError: The file system refuses, or the wait for other processes was in vain.
    """
    for item in garbage:
        with operations.describing("remove", item.path):
            if item.kind == "generations":
                _discard_generation(item.path)
            elif item.kind not in _OF_THE_CACHE:
                remove_tree(item.path)
    folders = {item.path: item.kind for item in garbage if item.kind in _OF_THE_CACHE}
    if folders:
        with services.package_cache.in_use(alone=True):
            _remove_packages(services, folders)


def _remove_packages(services: Services, folders: Mapping[Path, str]) -> None:
    even_used = "all_packages" in folders.values()
    packages = services.package_cache.entries() if even_used else _unused_packages(services)
    for package in list(packages):
        if package.directory in folders:
            services.package_cache.remove(package)
    for path in _stale_bytecode(services):
        with operations.describing("remove", path):
            remove_tree(path)


def _stale_bytecode(services: Services, *, gone: Collection[Path] = ()) -> list[Path]:
    """Bytecode of packages that are no longer in the cache, or will be GONE from it."""
    try:
        return stale_bytecode(services.package_cache.directory, gone=gone)
    except FileError:  # no cache of ours
        return []


def find_leftovers(services: Services) -> list[Path]:
    """What :func:`sweep_leftovers` would remove or repair; nothing that a process works on."""
    found = [path for folder in services.settings.envs_dirs for path in _unswept(folder)]
    for folder in services.settings.pkgs_dirs[:1]:
        for name in (".work", ".trash"):
            place = folder / name
            found += sorted(place.iterdir()) if is_real_folder(place) else []
    return found


def sweep_leftovers(services: Services) -> list[Path]:
    """Remove what killed commands left behind; what a living process works on stays."""
    from minicon.prefix.generations.removal import sweep

    swept = [path for folder in services.settings.envs_dirs for path in sweep(folder)]
    return [*swept, *services.package_cache.sweep()]


def _unused_packages(
    services: Services, *, without: Collection[Path] = ()
) -> Iterator[CachedPackage]:
    """Cached packages that no environment, and no kept generation of one, was linked from.

    Generations WITHOUT do not count.
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
    """Kept states beyond the newest KEEP; the one before the present goes last."""
    if keep is None:
        return
    for entry in services.registry.entries():
        store = GenerationStore(entry.path)
        previous = read_generation_metadata(store.place).previous
        by_age = sorted(store.numbers(), key=lambda number: (number == previous, number))
        for number in by_age[: max(len(by_age) - keep, 0)]:
            yield store.folder / str(number)


def _discard_generation(tree: Path) -> None:
    folder = tree.parent
    is_inside = folder.name == GENERATIONS_INSIDE
    store = GenerationStore(folder.parent if is_inside else folder.parent.parent / folder.name)
    with contextlib.suppress(PrefixLocked), locked(store, 0.0):
        if tree.is_dir():
            store.discard(tree)


def _stale_files(folder: Path, now: float) -> Iterator[Path]:
    """Files of the index cache that nobody read or wrote for a month."""
    limit = now - STALE_DAYS * 86_400
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != _LOCK_FOLDER)
        for name in sorted(names):
            path = folder / place / name
            status = path.lstat()
            if max(status.st_atime, status.st_mtime) < limit:
                yield path


def _unswept(folder: Path) -> Iterator[Path]:
    """What killed commands left beside the environments of a folder."""
    from minicon.prefix.generations.removal import stores_in

    for path in stores_in(folder):
        if path.name.startswith(".trash-"):
            yield path
            continue
        store = GenerationStore(folder / path.name)
        if store.needs_recovery or not store.place.exists():
            with contextlib.suppress(PrefixLocked), locked(store, 0.0):
                yield path
