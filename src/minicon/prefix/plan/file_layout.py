"""Which file of which package goes where: decided and checked before anything is written."""

from __future__ import annotations

import functools
from typing import NamedTuple

from minicon.errors import PackageError, PrefixError
from minicon.fs.safe_path import has_reserved_path
from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_files import PathsEntry
from minicon.package.manifest import files_text, paths_text
from minicon.prefix.link.relocate import check_fits
from minicon.prefix.plan.noarch_python import PLACED_STARTS, check_entry_point, entry_point_path
from minicon.prefix.plan.reserved_paths import check_python_places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.models.package_files import EntryPoint
    from minicon.models.records import RepodataRecord
    from minicon.package.cache.package_cache import CachedPackage
    from minicon.package.manifest import Manifest, PlainFolder
    from minicon.prefix.plan.noarch_python import PythonLayout

# What no path may hold, looked for in all paths at once, each on a line of its own: a loop over
# 20,000 paths would cost more than linking them. Empty, "." and ".." components, absolute paths,
# backslashes, NULs.
_UNSAFE = (
    *("\n/", "/\n", "//", "\n\n", "\\", "\0", "\r"),
    *("\n./", "/./", "/.\n", "\n.\n", "\n../", "/../", "/..\n", "\n..\n"),
)

# Files of a dist-info folder that describe an installation, not a distribution (PEP 376, 610).
_INSTALLATION = lazy_pattern(
    r"site-packages/[^/]+\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)"
)


class Placement(NamedTuple):
    """One file: from ``source`` in the package to ``target`` in the prefix."""

    source: str
    target: str
    entry: PathsEntry


class FolderPlacement(NamedTuple):
    """The plain files of one folder: from ``source`` in the package to ``target``, by name."""

    source: str
    target: str
    files: PlainFolder


class PackagePlan:
    """One package of a transaction, with the final place of each of its files.

    Attributes:
        record: The package.
        directory: Its extracted folder in the package cache.
        folders: Its plain files; see :mod:`minicon.package.manifest`.
        others: Its other files, links and folders.
        entry_points: Commands to generate, checked.
        layout: The environment's python; None for packages that have nothing to do with it.
    """

    def __init__(
        self,
        record: RepodataRecord,
        directory: Path,
        folders: tuple[FolderPlacement, ...],
        others: tuple[Placement, ...],
        *,
        entry_points: tuple[EntryPoint, ...] = (),
        layout: PythonLayout | None = None,
        texts: tuple[bytes, bytes] | None = None,
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
        """Paths of the commands that are generated."""
        layout = self.layout
        return tuple(entry_point_path(p, layout) for p in self.entry_points) if layout else ()

    @property
    def file_count(self) -> int:
        """How many files, links and folders are placed; commands are not counted."""
        return sum(len(folder.files.names) for folder in self.folders) + len(self.others)

    @functools.cached_property
    def placements(self) -> tuple[Placement, ...]:
        """Each of its files, links and folders. Costs 1 µs for each: not for every create."""
        plain = (
            Placement(f"{source}/{name}" if source else name, entry.path, entry)
            for source, target, files in self.folders
            for name, entry in zip(files.names, files.entries(target), strict=True)
        )
        return (*plain, *self.others)

    @functools.cached_property
    def targets(self) -> tuple[str, ...]:
        """Every path that linking it creates, but for bytecode and wheel records."""
        plain = (
            f"{target}/{name}" if target else name
            for _, target, files in self.folders
            for name in files.names
        )
        return (*plain, *(target for _, target, _ in self.others), *self.commands)

    def target_folders(self) -> set[str]:
        """Folders that files, links and commands go to."""
        folders = {folder.target for folder in self.folders}
        folders.update(placement.target.rpartition("/")[0] for placement in self.others)
        folders.update(command.rpartition("/")[0] for command in self.commands)
        return folders

    def targets_in(self, folders: Container[str]) -> Iterator[str]:
        """Those of :attr:`targets` that lie directly in some folders."""
        for _, target, files in self.folders:
            if target in folders:
                yield from (f"{target}/{name}" if target else name for name in files.names)
        for path in (*(placement.target for placement in self.others), *self.commands):
            if path.rpartition("/")[0] in folders:
                yield path

    def has_target(self, path: str) -> bool:
        """Whether a file of the package, not a generated one, goes to a path."""
        folder, _, name = path.rpartition("/")
        return any(placement.target == path for placement in self.others) or any(
            target == folder and name in files.names for _, target, files in self.folders
        )

    def record_texts(self) -> tuple[bytes, bytes]:
        """What ``conda-meta`` has of its plain files: texts of ``files`` and ``paths_data``."""
        if self._texts is not None:
            return self._texts
        entries = [e for _, target, files in self.folders for e in files.entries(target)]
        return files_text(entry.path for entry in entries), paths_text(entries)


def plan_package(
    record: RepodataRecord, package: CachedPackage, layout: PythonLayout | None, prefix: str
) -> PackagePlan:
    """Decide where a package's files go.

    Args:
        record: What the solution holds; it may differ from the package's own metadata.
        package: The extracted package.
        layout: The environment's python after the transaction, or None.
        prefix: Final absolute path of the environment.

    Raises:
        PackageError: A path or an entry point would lead out of the prefix, or take a place that
            is its python's or another project's.
        PrefixError: The prefix is too long for the package, or python is missing.
    """
    manifest = package.manifest
    is_python = "python" in (record.noarch, manifest.noarch) or record.source == "pypi"
    if is_python and layout is None:
        message = f"{record.dist_name} is a Python package, and the environment has no python"
        raise PrefixError("no-python", message, hint="add python to the request")
    own_layout = layout if is_python else None
    entry_points = manifest.entry_points if own_layout else ()
    for entry_point in entry_points:
        check_entry_point(entry_point, record.dist_name)
    commands = {entry_point_path(p, own_layout): p for p in entry_points} if own_layout else {}
    folders = tuple(_place_folder(folder, own_layout) for folder in manifest.folders)
    others = tuple(_place(entry, own_layout) for entry in manifest.others)
    plan = PackagePlan(
        record,
        package.directory,
        folders,
        others,
        entry_points=tuple(commands.values()),
        layout=own_layout,
        texts=_placed_texts(manifest, own_layout),
    )
    check_python_places(plan)  # of all that the package brings, left out below or not
    plan = _without(plan, commands, without_installation=record.source == "pypi")
    _check_targets(plan)
    for _, _, entry in plan.others:
        if entry.prefix_placeholder:
            check_fits(entry, prefix, record.dist_name)
    return plan


def _place_folder(files: PlainFolder, layout: PythonLayout | None) -> FolderPlacement:
    """Files of one folder of a package go into one folder of the environment."""
    if layout is None:
        return FolderPlacement(files.path, files.path, files)
    inside = layout.place(f"{files.path}/x" if files.path else "x")
    return FolderPlacement(files.path, inside.rpartition("/")[0], files)


def _place(entry: PathsEntry, layout: PythonLayout | None) -> Placement:
    target = layout.place(entry.path) if layout else entry.path
    return Placement(entry.path, target, moved(entry, target) if layout else entry)


def _placed_texts(manifest: Manifest, layout: PythonLayout | None) -> tuple[bytes, bytes] | None:
    """The manifest's texts with the paths in the prefix; None where they must be written anew."""
    files, paths = manifest.files_text, manifest.paths_text
    if layout is None:
        return files, paths
    if b"\\" in files:  # what looks like the start of a path might be in the midst of one
        return None
    if any(layout.place(start).startswith(PLACED_STARTS) for start in PLACED_STARTS):
        return None
    for start in PLACED_STARTS:
        quoted = f'"{start}'.encode()
        placed = f'"{layout.place(start)}'.encode()
        files = files.replace(quoted, placed)
        paths = paths.replace(b'"_path": ' + quoted, b'"_path": ' + placed)
    return files, paths


def _without(
    plan: PackagePlan, commands: Container[str], *, without_installation: bool
) -> PackagePlan:
    """The plan without files that are generated: commands, and a wheel's own records."""

    def stays(target: str, source: str) -> bool:
        described = without_installation and _INSTALLATION.fullmatch(source)
        return target not in commands and not described

    paths = {command.rpartition("/")[0] for command in plan.commands}
    folders = []
    for folder in plan.folders:
        source, target, files = folder
        if target in paths or (without_installation and source.endswith(".dist-info")):
            kept = [
                number
                for number, name in enumerate(files.names)
                if stays(f"{target}/{name}", f"{source}/{name}")
            ]
            if len(kept) < len(files.names):
                folder = FolderPlacement(source, target, files.only(kept))
        if folder.files.names:
            folders.append(folder)
    others = tuple(p for p in plan.others if stays(p.target, p.source))
    if len(others) == len(plan.others) and tuple(folders) == plan.folders:
        return plan
    return PackagePlan(
        plan.record,
        plan.directory,
        tuple(folders),
        others,
        entry_points=plan.entry_points,
        layout=plan.layout,
    )


def moved(entry: PathsEntry, target: str, **changes: Any) -> PathsEntry:
    """The entry with its path in the prefix, and whatever linking made different."""
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


def _check_targets(plan: PackagePlan) -> None:
    """Refuse what would lie outside of the prefix, or where no package may write."""
    names = [name for _, _, files in plan.folders for name in files.names]
    paths = [target for _, target, _ in plan.folders if target]
    paths += [*(target for _, target, _ in plan.others), *plan.commands]
    if _are_safe(names) and _are_safe(paths):
        return
    for target in plan.targets:
        if not _are_safe([target]):
            message = (
                f"{plan.record.dist_name} wants to write {target!r}, which is not its own place"
            )
            hint = "report this to the package's channel"
            raise PackageError("unsafe-path", message, hint=hint)


def _are_safe(paths: Sequence[str]) -> bool:
    if not paths:
        return True
    text = "\n".join(("", *paths, ""))
    is_plain = text.count("\n") == len(paths) + 1 and not any(part in text for part in _UNSAFE)
    return is_plain and not has_reserved_path(paths)
