"""Wheels that were chosen although a newer release exists as a source distribution."""

from __future__ import annotations

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from minicon.models.package_names import normalize_pypi_name
from minicon.solver.joint.pypi_constraints import PypiConstraints
from minicon.solver.joint.pythons import pep440_version
from minicon.solver.request import Strategy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.version import Version

    from minicon.models.indexes.wheel_index import Release, WheelIndex
    from minicon.solver.joint.requirements import Resolved
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaSubproblem


def older_wheels(
    request: SolveRequest, conda: CondaSubproblem, resolved: Resolved
) -> Iterator[tuple[str, str]]:
    """Names of newly chosen wheels, each with a sentence about the newer release.

    Its release is a final one that all requirements on the project accept, without a wheel for
    the chosen python.
    """
    python = resolved.model.record("python")
    if request.wheels is None or python is None or request.strategy is Strategy.LOWEST:
        return
    constraints = PypiConstraints(request, conda.source)
    installed = {(each.name, each.record.version) for each in request.installed}
    for record in resolved.wheels.values():
        version = pep440_version(record.version)
        if version is None or (record.name, record.version) in installed:
            continue
        allowed = _required(request, resolved, record.name)
        releases = [
            release
            for release in request.wheels.releases(record.name)
            if constraints.allow(record.name, release.version)
        ]
        newer = _newer_source(request.wheels, releases, version, allowed, python.version)
        if newer is not None:
            head = f"{record.name} {record.version}, not {newer}"
            yield record.name, f"{head}: {newer} has only a source distribution for this python"


def _required(request: SolveRequest, resolved: Resolved, name: str) -> SpecifierSet:
    """What the user and other wheels require of a project's version."""
    allowed = SpecifierSet()
    for requirement in (*request.requirements, *request.history_requirements):
        if normalize_pypi_name(requirement.name) == name:
            allowed &= requirement.specifier
    for record in resolved.wheels.values():
        for text in record.depends:
            needed, _, versions = text.partition(" ")
            if normalize_pypi_name(needed) == name:
                try:
                    allowed &= SpecifierSet(versions)
                except InvalidSpecifier:
                    continue
    return allowed


def _newer_source(
    wheels: WheelIndex,
    releases: Iterable[Release],
    version: Version,
    allowed: SpecifierSet,
    python: str,
) -> Version | None:
    """The newest final release that is newer, if it has only a source distribution."""
    for release in releases:
        if release.version <= version:
            return None
        if release.version.is_prerelease or not allowed.contains(release.version):
            continue
        file = wheels.file_for(release, python)
        return release.version if file is not None and not file.is_wheel else None
    return None
