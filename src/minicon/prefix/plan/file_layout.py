"""Plan which file of which package goes where, and how much must be copied; nothing is written."""

from __future__ import annotations

from functools import partial

from minicon.errors import PrefixError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import replace
from minicon.models.package_files import PathType
from minicon.models.prefix_record import LinkType
from minicon.prefix.environment.python_layout import (
    MOVED_FOLDERS,
    PythonLayout,
    entry_point_path,
)
from minicon.prefix.plan.package_plan import (
    PackagePlan,
    PlannedFile,
    PlannedFolder,
    entry_in_prefix,
)
from minicon.prefix.plan.reserved_paths import check_entry_point, check_paths, check_prefix_fits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from minicon.models.package_files import EntryPoint, PathsEntry
    from minicon.models.records import RepodataRecord
    from minicon.package.cache.package_cache import CachedPackage
    from minicon.package.manifest import Manifest, PlainFolder
    from minicon.prefix.plan.transaction import Transaction

# Files of a dist-info directory that describe an installation, not a distribution (PEP 376, 610).
_INSTALLATION = lazy_pattern(
    r"site-packages/[^/]+\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)"
)

#: Commands of which pip makes others, named after the version of python.
_VERSIONED = lazy_pattern(r"(pip)(?:\d+(?:\.\d+)?)?|(easy_install)(?:-\d+\.\d+)?")


def plan_packages(
    transaction: Transaction, packages: Mapping[RepodataRecord, CachedPackage]
) -> list[PackagePlan]:
    """Plan the target path of every file that a transaction links.

    Args:
        transaction: What changes.
        packages: The extracted package of every record in ``transaction.link``.

    Raises:
        PackageError: A package has a path that it must not write.
        PrefixError: The prefix is too long for a package, or python is missing.
    """
    records = [*transaction.link, *(record.record for record in transaction.unchanged)]
    python = next((record for record in records if record.name == "python"), None)
    layout = PythonLayout.from_record(python, transaction.platform) if python else None
    prefix = str(transaction.prefix)
    return [plan_package(record, packages[record], layout, prefix) for record in transaction.link]


def plan_package(
    record: RepodataRecord, package: CachedPackage, layout: PythonLayout | None, prefix: str
) -> PackagePlan:
    """Plan the target path of every file of a package.

    Args:
        record: As the solution has it; it may differ from the package's own metadata.
        package: The extracted package.
        layout: The environment's python after the transaction, or None.
        prefix: Final absolute path of the environment.

    Raises:
        PackageError: A path or an entry point leaves the prefix, or belongs to python or another
            project.
        PrefixError: The prefix is too long for the package, or python is missing.
    """
    manifest = package.manifest
    is_python = "python" in (record.noarch, manifest.noarch) or record.is_wheel
    if is_python and layout is None:
        message = f"{record.dist_name} is a Python package, and the environment has no python"
        raise PrefixError("no-python", message, hint="add python to the request")
    own_layout = layout if is_python else None
    entry_points = manifest.entry_points if own_layout else ()
    if own_layout and record.is_wheel:
        entry_points = tuple(_for_python(entry_points, own_layout))
    for entry_point in entry_points:
        check_entry_point(entry_point, record.dist_name)
    commands = {entry_point_path(p, own_layout): p for p in entry_points} if own_layout else {}
    plan = PackagePlan(
        record,
        package.directory,
        tuple(_plan_folder(folder, own_layout) for folder in manifest.folders),
        tuple(_plan_file(entry, own_layout) for entry in manifest.others),
        entry_points=tuple(commands.values()),
        layout=own_layout,
        texts=partial(_texts_in_prefix, manifest, own_layout),
    )
    # Checked before generated files are left out: all that the package has must be acceptable.
    check_paths(plan)
    plan = _without_generated(plan, commands, without_installation=record.is_wheel)
    for _, _, entry in plan.others:
        if entry.prefix_placeholder:
            check_prefix_fits(entry, prefix, record.dist_name)
    return plan


def _for_python(points: Sequence[EntryPoint], layout: PythonLayout) -> Iterator[EntryPoint]:
    """Commands of a wheel; those named after the python that built it, after this one, as in pip.

    The wheel of pip fits every python, and pip makes ``pip3.11`` of its ``pip``.
    """
    version = layout.version
    commands = {point.command for point in points}
    for point in points:
        match = _VERSIONED.fullmatch(point.command)
        if match is None or (match[1] or match[2]) not in commands:
            yield point
        elif point.command == "pip":
            yield from (replace(point, command=f"pip{v}") for v in ("", version[0], version))
        elif point.command == "easy_install":
            yield from (point, replace(point, command=f"easy_install-{version}"))


def _plan_folder(files: PlainFolder, layout: PythonLayout | None) -> PlannedFolder:
    """Files of one directory of a package go into one directory of the environment."""
    if layout is None:
        return PlannedFolder(files.path, files.path, files)
    inside = layout.target(f"{files.path}/x" if files.path else "x")
    return PlannedFolder(files.path, inside.rpartition("/")[0], files)


def _plan_file(entry: PathsEntry, layout: PythonLayout | None) -> PlannedFile:
    target = layout.target(entry.path) if layout else entry.path
    return PlannedFile(entry.path, target, entry_in_prefix(entry, target) if layout else entry)


def _texts_in_prefix(
    manifest: Manifest, layout: PythonLayout | None
) -> tuple[bytes, Iterable[bytes]] | None:
    """The manifest's texts with target paths; None where they must be serialized again."""
    files = manifest.files_text()
    if layout is None:
        return files, manifest.paths_text()
    if b"\\" in files:  # an escaped quote could make part of a path look like its beginning
        return None
    if any(layout.target(start).startswith(MOVED_FOLDERS) for start in MOVED_FOLDERS):
        return None
    paths = b"".join(manifest.paths_text())
    for start in MOVED_FOLDERS:
        source = f'"{start}'.encode()
        target = f'"{layout.target(start)}'.encode()
        files = files.replace(source, target)
        paths = paths.replace(b'"_path": ' + source, b'"_path": ' + target)
    return files, (paths,)


def _without_generated(
    plan: PackagePlan, commands: Container[str], *, without_installation: bool
) -> PackagePlan:
    """The plan without files that are generated: commands, and a wheel's installation files."""

    def stays(target: str, source: str) -> bool:
        is_generated = without_installation and _INSTALLATION.fullmatch(source)
        return target not in commands and not is_generated

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
                folder = PlannedFolder(source, target, files.only(kept))
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


def copied_size(
    plans: Iterable[PackagePlan], folder: Path, link_type: int, *, allow_softlinks: bool = False
) -> int:
    """Lower bound of the bytes that linking packages writes: files that must be copied.

    Args:
        plans: The packages.
        folder: An existing directory on the environment's file system.
        link_type: A value of :class:`LinkType`, as configured.
        allow_softlinks: Whether symbolic links replace impossible hard links.
    """
    device = folder.stat().st_dev
    if allow_softlinks and link_type == LinkType.HARDLINK:
        link_type = LinkType.SOFTLINK
    return sum(_copied_size(plan, device, link_type) for plan in plans if plan.file_count)


def _copied_size(plan: PackagePlan, device: int, link_type: int) -> int:
    copies_all = link_type == LinkType.COPY or (
        link_type != LinkType.SOFTLINK and plan.directory.stat().st_dev != device
    )
    size = sum(
        entry.size_in_bytes or 0
        for _, _, entry in plan.others
        if entry.prefix_placeholder is not None
        or entry.no_link
        or (copies_all and entry.path_type == PathType.HARDLINK)
    )
    if copies_all:
        size += sum(max(0, one) for _, _, files in plan.folders for one in files.sizes)
    return size
