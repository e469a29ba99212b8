"""Merge the releases of several indexes, filter them, and choose the file that fits a python."""

from __future__ import annotations

from minicon.errors import PackageError
from minicon.models.indexes.wheel_index import Release
from minicon.pypi.wheels.filenames import parse_version, split_wheel_name
from minicon.pypi.wheels.wheel_tags import PYTHON_MINORS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packaging.version import Version

    from minicon.models.indexes.wheel_index import DistributionFile
    from minicon.pypi.index.project_page import ProjectPage
    from minicon.pypi.wheels.wheel_tags import WheelTags


def merged(pages: Sequence[ProjectPage]) -> tuple[Release, ...]:
    """Merge the releases of all pages, newest first; of files with one name the first wins."""
    if len(pages) == 1:
        return pages[0].releases
    files: dict[Version, dict[str, DistributionFile]] = {}
    foreign: dict[Version, dict[str, None]] = {}
    names = {}
    for page in pages:
        for release in page.releases:
            names[release.version] = release.name
            of_version = files.setdefault(release.version, {})
            foreign.setdefault(release.version, {}).update(dict.fromkeys(release.foreign_tags))
            for file in release.files:
                of_version.setdefault(file.filename, file)
    return tuple(
        [
            Release(
                name=names[version],
                version=version,
                files=tuple(files[version].values()),
                foreign_tags=() if files[version] else tuple(foreign[version]),
            )
            for version in sorted(files, reverse=True)
        ]
    )


def newest_final(releases: Sequence[Release]) -> Release | None:
    """Return the newest final release, else the newest pre-release, else None."""
    finals = (release for release in releases if not release.version.is_prerelease)
    return next(finals, releases[0] if releases else None)


def direct_release(file: DistributionFile) -> Release:
    """Return the release of a wheel named by URL or path, its only file. Raises PackageError."""
    wheel = split_wheel_name(file.filename)
    version = parse_version(wheel.version) if wheel else None
    if wheel is None or version is None:
        raise PackageError("wheel-name", f"{file.url} is not named like a wheel")
    return Release(name=wheel.name, version=version, files=(file,))


def best_file(
    files: Iterable[DistributionFile], tags: WheelTags, python_version: str, minor: str
) -> DistributionFile | None:
    """Return the best of some files for a python, or None.

    The order is pip's: best tag, then highest build tag, then a source distribution.
    """
    sdist, best, best_rank = None, None, None
    best_build: tuple[int, str] | tuple[()] = ()
    for file in files:
        if not tags.accepts_python(file.requires_python, python_version):
            continue
        wheel = split_wheel_name(file.filename)
        if wheel is None:
            sdist = sdist or file
            continue
        rank = tags.rank(wheel.tags, minor)
        if rank is None or (best_rank is not None and rank > best_rank):
            continue
        if best_rank is None or rank < best_rank or wheel.build > best_build:
            best, best_rank, best_build = file, rank, wheel.build
    return best or sdist


def wheel_beside(files: Iterable[DistributionFile], tags: WheelTags) -> DistributionFile | None:
    """Return the wheel whose metadata is read for a release: for the newest python that has one.

    All files of a release are taken to require the same, as uv does: what differs between pythons
    is written in markers.
    """
    wheels = [file for file in files if file.is_wheel]
    for minor in PYTHON_MINORS if wheels else ():
        file = best_file(wheels, tags, f"{minor}.0", minor)
        if file is not None:
            return file
    return next(iter(wheels), None)


def fitting_minors(files: Iterable[DistributionFile], tags: WheelTags) -> list[str]:
    """Return the python minors that at least one of some files fits, newest first."""
    fitting: set[str] = set()
    for file in files:
        allowed = tags.minors(file.requires_python) - fitting
        wheel = split_wheel_name(file.filename)
        if wheel is None:
            fitting |= allowed
        else:
            fitting |= {minor for minor in allowed if tags.rank(wheel.tags, minor) is not None}
    return [minor for minor in PYTHON_MINORS if minor in fitting]


def with_python(depends: Sequence[str], minor: str) -> list[str]:
    """Add the python that a file was chosen for, as a MatchSpec."""
    found = list(depends)
    if not any(text.split()[0] == "python" for text in found):
        major, _, number = minor.partition(".")
        found.append(f"python >={minor},<{major}.{int(number) + 1}.0a0")
    return found
