"""Build packages of a channel: convert wheels, as recipes say or as they are.

::

    recipe ─> release ─> wheel ─┐
    pypi:REQUIREMENT ─> plan ───┼─> unpacked (package cache) ─> conda package ─> .conda ─> index
    path of a wheel ────────────┘
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from minicon.api.package_preparation import prepare_packages
from minicon.errors import PackageNotFound, Unsatisfiable
from minicon.models.package_names import NameMap
from minicon.publish.channel_index import index_channel
from minicon.publish.conda_archive import write_conda_archive
from minicon.publish.recipe import read_recipes
from minicon.publish.wheel_conversion import BuildTarget, convert_wheel, select_files
from minicon.publish.wheel_dependencies import Target, dependencies_of
from minicon.publish.wheel_target import targets_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from packaging.requirements import Requirement

    from minicon.api.services import Services
    from minicon.models.indexes.wheel_index import DistributionFile, Release
    from minicon.models.records import RepodataRecord
    from minicon.publish.recipe import Recipe
    from minicon.pypi.index.pypi_index import PypiIndex

#: The python for which a wheel is chosen, unless a recipe or an option names another.
NEWEST_PYTHON = "3.13"


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


def convert_records(
    services: Services, records: Sequence[RepodataRecord], directory: Path
) -> list[Path]:
    """Convert wheels into packages of a channel directory, without indexing it.

    Args:
        services: The package cache.
        records: The wheels, as records of PyPI.
        directory: Of the channel.

    Returns:
        Paths of the package files.

    Raises:
        PackageError: A wheel is broken, or no conda platform can use it.
    """
    conda_name = conda_names()
    prepared = prepare_packages(services, list(records))
    built = []
    for record in records:
        unpacked = prepared[record].directory
        text = _metadata_text(unpacked, record)
        for target in targets_of(record.fn, text, conda_name, record.timestamp):
            built.append(_pack(services, unpacked, directory, target))  # noqa: PERF401
    return built


def conda_names() -> Callable[[str], str]:
    """Return the function that gives the name of the conda package of a project."""
    names = NameMap.built_in()
    return lambda project: (names.conda_names(project) or [project])[0]


def _metadata_text(unpacked: Path, record: RepodataRecord) -> str:
    from minicon.pypi.wheels.filenames import names_release

    for path in (unpacked / "site-packages").glob("*.dist-info/METADATA"):
        stem = path.parent.name.removesuffix(".dist-info")
        if names_release(stem, record.project, record.version):
            return path.read_text("utf-8", "replace")
    return ""


def _pack(
    services: Services,
    unpacked: Path,
    directory: Path,
    target: BuildTarget,
    recipe: Recipe | None = None,
) -> Path:
    """Write the archive of one package; of a tool, if a recipe is given."""
    with tempfile.TemporaryDirectory(dir=_work_folder(services)) as work:
        folder = Path(work) / "package"
        if recipe is None:
            convert_wheel(unpacked, folder, target)
        else:
            select_files(unpacked, folder, recipe, target)
        return write_conda_archive(folder, directory / target.index["subdir"], target.dist_name)


def _build(services: Services, index: PypiIndex, recipe: Recipe, directory: Path) -> Iterator[Path]:
    from packaging.requirements import Requirement

    requirement = Requirement(recipe.wheel)
    for python in recipe.python or (None,):
        release, file = _choose(index, requirement, python or NEWEST_PYTHON)
        record = index.record_for(release, file, f"{python or NEWEST_PYTHON}.0", ())
        unpacked = prepare_packages(services, [record])[record].directory
        target = _target(services, index, recipe, record, file, python)
        tool = recipe if recipe.is_tool else None
        yield _pack(services, unpacked, directory, target, tool)


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
    index: PypiIndex,
    recipe: Recipe,
    record: RepodataRecord,
    file: DistributionFile,
    python: str | None,
) -> BuildTarget:
    """The package of a recipe: markers are evaluated for its python, on this platform."""
    platform = services.settings.platform
    described: dict[str, Any] = {
        "name": recipe.name or record.name,
        "version": record.version,
        "build_number": recipe.build_number,
        "timestamp": record.timestamp or int(time.time() * 1000),
        **({"license": record.license} if record.license else {}),
    }
    about = {"summary": recipe.summary, "source": recipe.wheel}
    if recipe.is_tool:
        own: dict[str, Any] = {"build": str(recipe.build_number), "subdir": platform}
        return BuildTarget({**described, **own, "depends": [*recipe.depends]}, about, record.name)
    from minicon.publish.wheel_builds import builds_of

    builds = builds_of(file.filename, index.requires_python(file))
    build = next((each for each in builds if each.subdir == platform), builds[0])
    found = dependencies_of(
        index.requirements(file), (), Target(platform, python or NEWEST_PYTHON), conda_names()
    )
    own = {
        "build": f"{build.tag}_{recipe.build_number}",
        "subdir": build.subdir,
        "noarch": "python",
        "constrains": list(build.constrains),
        "depends": [*build.depends, *found.depends, *recipe.depends],
    }
    return BuildTarget({**described, **own}, about, record.name)


def _work_folder(services: Services) -> Path:
    """Return a directory in the package cache's file system, so that files can be hard links."""
    from minicon.fs import operations

    folder = services.package_cache.directory / ".work"
    operations.make_directory(folder)
    return folder
