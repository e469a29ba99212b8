"""Removal: requests that remove packages, from the installed records alone.

All packages that depend on a removed package are removed too, and so are the dependencies that
nothing else needs, unless the request keeps them.
"""

from __future__ import annotations

from contextlib import suppress

from minicon.errors import PackageNotFound, SpecError
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import parse_dependency
from minicon.models.package_names import normalize_pypi_name
from minicon.solver.reachability import reachable
from minicon.solver.result.dependencies import active_dependencies
from minicon.solver.result.solution import solution_of_records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import RepodataRecord
    from minicon.solver.request import Solution, SolveRequest


def remove(request: SolveRequest) -> Solution:
    """The solution of a request that only removes.

    Raises:
        PackageNotFound: ``package-not-installed``: no installed package matches a removal.
    """
    return solution_of_records(request, _remaining(request))


def before_installing(request: SolveRequest) -> SolveRequest:
    """The same request over the installed packages that its removals leave.

    The removals stay in it, so that no dependency brings the removed packages back.
    """
    remaining = _remaining(request)
    removed = {normalize_pypi_name(e.name) for e in request.installed if e.name not in remaining}
    return replace(
        request,
        installed=tuple(each for each in request.installed if each.name in remaining),
        history=tuple(spec for spec in request.history if spec.exact_name in remaining),
        history_requirements=tuple(
            each
            for each in request.history_requirements
            if normalize_pypi_name(each.name) not in removed
        ),
    )


def _remaining(request: SolveRequest) -> dict[str, RepodataRecord]:
    records = {each.name: each.record for each in request.installed}
    matched = _matched(request, records)
    removed = set(matched)
    if not request.no_deps:
        needs = _dependencies(request, records)
        dependents = _dependents(needs)
        removed = reachable(matched, lambda name: dependents.get(name, ()))
        removed |= set() if request.keep_unneeded else _orphans(request, needs, removed)
    return {name: record for name, record in records.items() if name not in removed}


def _matched(request: SolveRequest, records: Mapping[str, RepodataRecord]) -> list[str]:
    """The installed packages that the removals match."""
    matched = []
    for spec in request.removals:
        found = [name for name, record in records.items() if spec.matches(record)]
        if not found and not request.specs:
            from minicon.models.near_names import meant

            hint = meant(
                spec.exact_name or "", records, "'minicon list' shows the installed packages"
            )
            missing = PackageNotFound(
                "package-not-installed", f"{spec} is not in the environment", hint=hint
            )
            missing.packages = (str(spec),)
            raise missing
        matched += found
    return matched


def _dependents(needs: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Per package, those that depend on it."""
    dependents: dict[str, list[str]] = {}
    for name, others in needs.items():
        for other in others:
            dependents.setdefault(other, []).append(name)
    return dependents


def _orphans(request: SolveRequest, needs: Mapping[str, list[str]], removed: set[str]) -> set[str]:
    """Packages that only removed packages needed, and that the user did not request."""

    def following(name: str) -> list[str]:
        return needs.get(name, [])

    needed = {other for others in needs.values() for other in others}
    requested = {spec.exact_name for spec in request.history} | _requested_projects(request)
    starts = [n for n in needs if n not in removed and (n in requested or n not in needed)]
    kept = reachable(starts, following)
    below_removed = reachable(removed, following)
    return {name for name in needs if name in below_removed and name not in kept}


def _requested_projects(request: SolveRequest) -> set[str]:
    """The installed packages that can provide Python projects requested earlier."""
    projects = {normalize_pypi_name(each.name) for each in request.history_requirements}
    if request.wheels is not None:
        projects |= {name for each in projects for name in request.wheels.conda_names(each)}
    names = [each.name for each in request.installed]
    return {name for name in names if name in projects or normalize_pypi_name(name) in projects}


def _dependencies(
    request: SolveRequest, records: Mapping[str, RepodataRecord]
) -> dict[str, list[str]]:
    """Per package, the names it depends on, without python's own dependency on pip."""
    return {
        name: [other for other, _ in needs if (name, other) != ("python", "pip")]
        for name, needs in active_dependencies(
            records,
            virtual_packages=request.virtual_packages,
            requested=_requested_with_extras(request),
        ).items()
    }


def _requested_with_extras(request: SolveRequest) -> Iterator[MatchSpec]:
    """Earlier requests that may name extras; of removed packages only the records have them."""
    yield from request.history
    for installed in request.installed:
        for text in installed.requested_specs:
            if "[" in text:
                with suppress(SpecError):
                    yield parse_dependency(text)
