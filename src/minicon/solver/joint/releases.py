"""Releases of a Python project: which a requirement may accept, which are yanked or too new."""

from __future__ import annotations

from bisect import bisect_left
from functools import partial

from minicon.solver.joint.pythons import pep440_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packaging.specifiers import Specifier, SpecifierSet
    from packaging.version import Version

    from minicon.models.indexes.wheel_index import Release
    from minicon.solver.joint.requirements import ProjectRequirement


def before(release: Release, limit: int) -> Release:
    """A release with the files that are old enough."""
    times = ((file, file.upload_time) for file in release.files)
    files = tuple([file for file, time in times if time is not None and time <= limit])
    return release._replace(files=files)


def versions_named(requirement: ProjectRequirement) -> list[Version]:
    """The exact versions that a requirement names, as ``==1.2`` does."""
    texts = (
        each.version
        for each in requirement.specifier or ()
        if each.operator in ("==", "===") and not each.version.endswith(".*")
    )
    return [version for text in texts if (version := pep440_version(text)) is not None]


def around(releases: Sequence[Release], version: Version) -> Iterator[Release]:
    """Those of some releases, newest first, that ``==`` may accept: a version, its local ones."""
    first = bisect_left(releases, True, key=lambda each: each.version <= version)
    while first and releases[first - 1].version.public == version.public:
        first -= 1
    for position in range(first, len(releases)):
        if releases[position].version < version:
            return
        yield releases[position]


def within(releases: Sequence[Release], specifiers: SpecifierSet) -> Sequence[Release]:
    """Those of some releases, newest first, that specifiers accept, pre-releases included.

    Bounds are found by bisection: a project may have thousands of releases.
    """
    first, last = 0, len(releases)
    others = []
    for each in specifiers:
        accepts = partial(_accepts, each)
        if each.operator == ">=":
            last = bisect_left(releases, True, first, last, key=lambda r: not accepts(r))
        elif each.operator == "<=" or (each.operator == "<" and _is_final(each.version)):
            first = bisect_left(releases, True, first, last, key=accepts)
        else:
            others.append(accepts)
    found = releases[first:last]
    return [each for each in found if all(accepts(each) for accepts in others)] if others else found


def _accepts(specifier: Specifier, release: Release) -> bool:
    return specifier.contains(release.version, True)


def _is_final(text: str) -> bool:
    """Whether a version is final: ``<1.0.post1`` accepts 1.0, but not 1.0rc1 before it."""
    version = pep440_version(text)
    return version is not None and str(version) == version.base_version


def with_yanked_files(release: Release) -> Release:
    """A yanked release can be installed by requirements that name its version (PEP 592)."""
    if not release.is_yanked:
        return release
    return release._replace(files=tuple(file._replace(yanked=False) for file in release.files))
