"""Which file of which package goes where: decided and checked before anything is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from minicon.constants import CONDA_META
from minicon.errors import PackageError, PrefixError
from minicon.models.package_files import PathsEntry
from minicon.prefix.noarch_python import check_entry_point, entry_point_path
from minicon.prefix.relocate import check_fits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from minicon.models.package_files import EntryPoint
    from minicon.models.records import RepodataRecord
    from minicon.package.package_cache import CachedPackage
    from minicon.prefix.noarch_python import PythonLayout

# An empty, "." or ".." component, a backslash or a NUL, on any line of a text of paths.
_UNSAFE = re.compile(r"^/|/$|//|\\|\0|(^|/)\.\.?(/|$)|^$", re.MULTILINE)
_META = re.compile(rf"^{CONDA_META}(/|$)", re.MULTILINE | re.IGNORECASE)

# Files of a dist-info folder that describe an installation, not a distribution (PEP 376, 610).
_INSTALLATION = re.compile(
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
        entry_points: Commands to generate, checked.
        layout: The environment's python; None for packages that have nothing to do with it.
    """

    record: RepodataRecord
    directory: Path
    placements: tuple[Placement, ...]
    entry_points: tuple[EntryPoint, ...] = ()
    layout: PythonLayout | None = None

    @property
    def targets(self) -> list[str]:
        """Every path that linking it creates, but for bytecode and wheel records."""
        paths = [placement.target for placement in self.placements]
        if self.layout:
            paths += [entry_point_path(point, self.layout) for point in self.entry_points]
        return paths


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
    if own_layout and entry_points:
        commands = {entry_point_path(point, own_layout) for point in entry_points}
        placements = [p for p in placements if p.target not in commands]
    _check_targets(record.dist_name, placements)
    for placement in placements:
        if placement.entry.prefix_placeholder:
            check_fits(placement.entry, prefix, record.dist_name)
    return PackagePlan(
        record=record,
        directory=package.directory,
        placements=tuple(placements),
        entry_points=tuple(entry_points),
        layout=own_layout,
    )


def _place(paths: tuple[PathsEntry, ...], layout: PythonLayout | None) -> list[Placement]:
    if layout is None:
        return [Placement(entry.path, entry.path, entry) for entry in paths]
    return [
        Placement(e.path, target, moved(e, target))
        for e in paths
        for target in (layout.place(e.path),)
    ]


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


def _check_targets(package: str, placements: list[Placement]) -> None:
    # One search over all paths at once: a loop over 20,000 paths would cost more than linking.
    text = "\n".join(placement.target for placement in placements)
    if placements and (_UNSAFE.search(text) or _META.search(text)):
        for _, target, _ in placements:
            if _UNSAFE.search(target) or _META.search(target):
                message = f"{package} wants to write {target!r}, which is not its own place"
                hint = "report this to the package's channel"
                raise PackageError("unsafe-path", message, hint=hint)
