"""Which file of which package goes where: decided and checked before anything is written."""

from __future__ import annotations

from typing import NamedTuple

from minicon.constants import CONDA_META
from minicon.errors import PackageError, PrefixError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.models.package_files import PathsEntry
from minicon.prefix.noarch_python import check_entry_point, entry_point_path
from minicon.prefix.relocate import check_fits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.models.package_files import EntryPoint
    from minicon.models.records import RepodataRecord
    from minicon.package.package_cache import CachedPackage
    from minicon.prefix.noarch_python import PythonLayout

# What no path may hold, looked for in all paths at once, each on a line of its own: a loop over
# 20,000 paths would cost more than linking them. Empty, "." and ".." components, absolute paths,
# backslashes, NULs, and the folder of records, which no package writes to (CEP 32).
_UNSAFE = (
    *("\n/", "/\n", "//", "\n\n", "\\", "\0", "\r"),
    *("\n./", "/./", "/.\n", "\n.\n", "\n../", "/../", "/..\n", "\n..\n"),
    *(f"\n{CONDA_META}/", f"\n{CONDA_META}\n"),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePlan:
    """One package of a transaction, with the final place of each of its files.

    Attributes:
        record: The package.
        directory: Its extracted folder in the package cache.
        placements: Its files.
        targets: Every path that linking it creates, but for bytecode and wheel records.
        entry_points: Commands to generate, checked.
        layout: The environment's python; None for packages that have nothing to do with it.
    """

    record: RepodataRecord
    directory: Path
    placements: tuple[Placement, ...]
    targets: tuple[str, ...]
    entry_points: tuple[EntryPoint, ...] = ()
    layout: PythonLayout | None = None


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
        PackageError: A path or an entry point would lead out of the prefix.
        PrefixError: The prefix is too long for the package, or python is missing.
    """
    files = package.files
    is_python = "python" in (record.noarch, files.noarch) or record.source == "pypi"
    if is_python and layout is None:
        message = f"{record.dist_name} is a Python package, and the environment has no python"
        raise PrefixError("no-python", message, hint="add python to the request")
    own_layout = layout if is_python else None
    entry_points = files.entry_points if own_layout else ()
    for entry_point in entry_points:
        check_entry_point(entry_point, record.dist_name)
    placements = _place(files.paths, own_layout)
    if record.source == "pypi":
        placements = [p for p in placements if not _INSTALLATION.fullmatch(p.source)]
    commands = {entry_point_path(p, own_layout): p for p in entry_points} if own_layout else {}
    if commands:
        placements = [p for p in placements if p.target not in commands]
    targets = (*[target for _, target, _ in placements], *commands)
    _check_targets(record.dist_name, targets)
    for _, _, entry in placements:
        if entry.prefix_placeholder:
            check_fits(entry, prefix, record.dist_name)
    return PackagePlan(
        record=record,
        directory=package.directory,
        placements=tuple(placements),
        targets=targets,
        entry_points=tuple(commands.values()),
        layout=own_layout,
    )


def _place(paths: tuple[PathsEntry, ...], layout: PythonLayout | None) -> list[Placement]:
    if layout is None:
        own = [entry.path for entry in paths]
        return list(map(Placement, own, own, paths))
    targets = [layout.place(entry.path) for entry in paths]
    return [
        Placement(entry.path, target, _placed(entry, target))
        for entry, target in zip(paths, targets, strict=True)
    ]


def _placed(entry: PathsEntry, target: str) -> PathsEntry:
    """The entry with its path in the prefix."""
    if (
        entry.prefix_placeholder is not None
        or entry.file_mode is not None
        or entry.sha256_in_prefix is not None
        or entry.no_link
    ):
        return moved(entry, target)
    return PathsEntry(
        target, entry.path_type, sha256=entry.sha256, size_in_bytes=entry.size_in_bytes
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


def _check_targets(package: str, targets: Sequence[str]) -> None:
    if targets and _is_unsafe("\n".join(targets)):
        target = next(target for target in targets if _is_unsafe(target) or "\n" in target)
        message = f"{package} wants to write {target!r}, which is not its own place"
        hint = "report this to the package's channel"
        raise PackageError("unsafe-path", message, hint=hint)


def _is_unsafe(paths: str) -> bool:
    text = f"\n{paths.lower()}\n"
    return any(part in text for part in _UNSAFE)
