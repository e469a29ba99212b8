"""Build a channel from recipes: convert wheels of PyPI into conda packages.

::

    recipe ─> release ─> wheel ─> unpacked (package cache) ─> conda package ─> .conda ─> index
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from minicon.api.package_preparation import prepare_packages
from minicon.errors import PackageNotFound, Unsatisfiable
from minicon.models.subdir import NOARCH
from minicon.publish.channel_index import index_channel
from minicon.publish.conda_archive import write_conda_archive
from minicon.publish.recipe import read_recipes
from minicon.publish.wheel_conversion import BuildTarget, convert_wheel
from minicon.solver.joint.markers import applies, marker_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.requirements import Requirement

    from minicon.api.services import Services
    from minicon.models.indexes import DistributionFile, Release
    from minicon.models.records import RepodataRecord
    from minicon.publish.recipe import Recipe
    from minicon.pypi.index.pypi_index import PypiIndex

#: The python whose markers decide the dependencies of a wheel that fits all pythons.
_NEWEST_PYTHON = "3.13"


def build_channel(services: Services, recipes: Path, directory: Path) -> list[Path]:
    """Build every recipe's packages in a channel directory and index it.

    Args:
        services: The package index and the package cache.
        recipes: A recipe file, or a directory of them.
        directory: Of the channel.

    Returns:
        Paths of the package files.

    Raises:
        SpecError: A recipe cannot be read.
        PackageNotFound: PyPI has no such project.
        Unsatisfiable: None of a project's wheels fits.
    """
    index = services.wheel_index()
    built = [
        path
        for recipe in read_recipes(recipes)
        for path in _build(services, index, recipe, directory)
    ]
    index_channel(directory)
    return built


def _build(services: Services, index: PypiIndex, recipe: Recipe, directory: Path) -> Iterator[Path]:
    from packaging.requirements import Requirement

    requirement = Requirement(recipe.wheel)
    for python in recipe.python or (None,):
        release, file = _choose(index, requirement, python or _NEWEST_PYTHON)
        record = index.record_for(release, file, f"{python or _NEWEST_PYTHON}.0", ())
        (cached,) = prepare_packages(services, [record]).values()
        depends = _depends(services, index, file, recipe, python)
        target = _target(services, recipe, record, python, depends)
        with tempfile.TemporaryDirectory(dir=_work_folder(services)) as work:
            folder = Path(work) / "package"
            dist_name = convert_wheel(cached.directory, folder, recipe, target)
            yield write_conda_archive(folder, directory / target.subdir, dist_name)


def _choose(
    index: PypiIndex, requirement: Requirement, python: str
) -> tuple[Release, DistributionFile]:
    releases = index.releases(requirement.name)
    if not releases:
        message = f"the package index has no project {requirement.name!r}"
        raise PackageNotFound("project-not-found", message)
    for release in releases:
        if requirement.specifier.contains(release.version):
            file = index.file_for(release, f"{python}.0")
            if file is not None and file.is_wheel:
                return release, file
    raise Unsatisfiable(
        "no-wheel",
        f"no wheel of {requirement} fits python {python} on this platform",
        hint="loosen the recipe's 'wheel:', or build on another platform",
    )


def _target(
    services: Services,
    recipe: Recipe,
    record: RepodataRecord,
    python: str | None,
    depends: list[str],
) -> BuildTarget:
    pure = record.subdir == NOARCH and not recipe.is_tool
    return BuildTarget(
        name=recipe.name or record.name,
        version=record.version,
        subdir=NOARCH if pure else services.settings.platform,
        python=None if pure or recipe.is_tool else python or _NEWEST_PYTHON,
        depends=depends,
        license=record.license,
        timestamp=record.timestamp or int(time.time() * 1000),
    )


def _depends(
    services: Services, index: PypiIndex, file: DistributionFile, recipe: Recipe, python: str | None
) -> list[str]:
    """Return the wheel's requirements as conda specs; none for a tool, which needs no python."""
    if recipe.is_tool:
        return []
    minor = python or _NEWEST_PYTHON
    environment = marker_environment(f"{minor}.0", services.settings.platform)
    specs = [
        f"{name} {requirement.specifier}".strip()
        for requirement in index.requirements(file)
        if applies(requirement, environment)
        for name in [(index.conda_names(requirement.name) or [requirement.name])[0]]
    ]
    if python is not None:
        major, number = python.split(".")
        return [f"python >={python},<{major}.{int(number) + 1}.0a0", *specs]
    return [f"python {file.requires_python or '>=3.8'}", *specs]


def _work_folder(services: Services) -> Path:
    """Return a directory in the package cache's file system, so that files can be hard links."""
    from minicon.fs import operations

    folder = services.package_cache.directory / ".work"
    operations.make_directory(folder)
    return folder
