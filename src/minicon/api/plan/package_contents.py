"""Contents: what is in a package, as far as a plan tells of it, fetched or looked into."""

from __future__ import annotations

import os

from minicon.lean_dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from minicon.models.package_files import PackageFiles
    from minicon.models.records import RepodataRecord
    from minicon.package.cache.package_cache import CachedPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class Previews:
    """What packages say of themselves that are not in the cache, or were not before.

    Attributes:
        files: What is in them.
        fetched: Packages that had to be fetched for it: they are in the cache now.
        unknown: Packages that could not be looked into.
    """

    files: Mapping[RepodataRecord, PackageFiles] = field(default_factory=dict)
    fetched: frozenset[RepodataRecord] = frozenset()
    unknown: tuple[RepodataRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """One package.

    Attributes:
        has: Whether it has a file at a path.
        noarch: Tells its kind of noarch package, when that is asked.
        has_menu: Whether it brings entries for the desktop's menu.
        directory: Where it lies extracted, or None.
    """

    has: Callable[[str], bool]
    noarch: Callable[[], str | None]
    has_menu: bool
    directory: Path | None = None

    @classmethod
    def of_package(cls, package: CachedPackage) -> Contents:
        """Of a package in the cache. Costs one look for its menu, and one for each question."""
        start = f"{package.directory}/"
        menu = package.directory / "Menu"
        return cls(
            has=lambda path: os.path.isfile(start + path) or os.path.islink(start + path),
            noarch=lambda: package.manifest.noarch,
            has_menu=menu.is_dir() and any(menu.glob("*.json")),
            directory=package.directory,
        )

    @classmethod
    def of_files(cls, files: PackageFiles) -> Contents:
        """Of a package that says so."""
        paths = {entry.path for entry in files.paths}
        return cls(
            has=paths.__contains__,
            noarch=lambda: files.noarch,
            has_menu=any(
                path.startswith("Menu/") and path.count("/") == 1 and path.endswith(".json")
                for path in paths
            ),
        )

    def source_of(self, target: str, record: RepodataRecord) -> str | None:
        """The path in the package of the file that linking puts at TARGET, a folder of commands.

        Noarch python packages have a second place for commands (CEP 20).
        """
        if self.has(target):
            return target
        from minicon.prefix.environment.python_layout import SCRIPTS

        moved = SCRIPTS + target.rpartition("/")[2]
        if self.has(moved) and "python" in (record.noarch, self.noarch()):
            return moved
        return None
