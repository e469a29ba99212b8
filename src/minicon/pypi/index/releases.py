"""Releases of a project: merged from several places, filtered, chosen among."""

from __future__ import annotations

from minicon.errors import PackageError
from minicon.lean_dataclasses import replace
from minicon.models.wheel_index import Release
from minicon.pypi.wheels.filenames import parse_version, split_wheel_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packaging.version import Version

    from minicon.models.wheel_index import DistributionFile
    from minicon.pypi.index.project_page import ProjectPage


def merged(pages: Sequence[ProjectPage]) -> tuple[Release, ...]:
    """Releases of all pages, newest first; of files with one name the first page's."""
    if len(pages) == 1:
        return pages[0].releases
    files: dict[Version, dict[str, DistributionFile]] = {}
    names = {}
    for page in pages:
        for release in page.releases:
            names[release.version] = release.name
            of_version = files.setdefault(release.version, {})
            for file in release.files:
                of_version.setdefault(file.filename, file)
    return tuple(
        [
            Release(name=names[version], version=version, files=tuple(files[version].values()))
            for version in sorted(files, reverse=True)
        ]
    )


def filtered(release: Release, is_allowed: Callable[[str, DistributionFile], bool]) -> Release:
    """The release with only those files that may be used; perhaps none."""
    files = tuple([file for file in release.files if is_allowed(release.name, file)])
    return replace(release, files=files)


def newest_final(releases: Sequence[Release]) -> Release | None:
    """The newest release that is no pre-release, else the newest of all, else None."""
    finals = (release for release in releases if not release.version.is_prerelease)
    return next(finals, releases[0] if releases else None)


def direct_release(file: DistributionFile) -> Release:
    """The release that a wheel named by URL or path is all by itself. Raises PackageError."""
    wheel = split_wheel_name(file.filename)
    version = parse_version(wheel.version) if wheel else None
    if wheel is None or version is None:
        raise PackageError("wheel-name", f"{file.url} does not have a wheel's name")
    return Release(name=wheel.name, version=version, files=(file,))
