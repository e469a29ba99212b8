"""Removal: what leaves an environment together with the packages that were named.

No search is needed: what depends on something removed goes too, and so does what was only there
for something removed. What the user asked for earlier, and what nothing needed before either,
stays. With ``keep_unneeded`` so does what is needed no more.
"""

from __future__ import annotations

from contextlib import suppress

from minicon.errors import PackageNotFound, SpecError
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import parse_dependency
from minicon.models.package_name import normalize_pypi_name
from minicon.solver.request import Solution
from minicon.solver.result.dependencies import active_dependencies, in_link_order
from minicon.solver.result.solution import needs_in, reasons_of, requested_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import RepodataRecord
    from minicon.solver.request import SolveRequest


def remove(request: SolveRequest) -> Solution:
    """Answer a request that only removes.

    Raises:
        PackageNotFound: Nothing that is installed matches one of the removals.
    """
    stay = _staying(request)
    requested = requested_by(request, stay, {})
    needs = needs_in(request, stay)
    return Solution(
        records=in_link_order(stay, needs),
        reasons=reasons_of(needs, requested),
        requested=requested,
    )


def before_installing(request: SolveRequest) -> SolveRequest:
    """The same request over what the removals leave.

    The removals stay in it, so that nothing brings the removed packages back.
    """
    stay = _staying(request)
    gone = {normalize_pypi_name(e.name) for e in request.installed if e.name not in stay}
    return replace(
        request,
        installed=tuple(each for each in request.installed if each.name in stay),
        history=tuple(spec for spec in request.history if spec.exact_name in stay),
        history_requirements=tuple(
            each
            for each in request.history_requirements
            if normalize_pypi_name(each.name) not in gone
        ),
    )


def _staying(request: SolveRequest) -> dict[str, RepodataRecord]:
    records = {each.name: each.record for each in request.installed}
    named = _named(request, records)
    gone = set(named)
    if not request.no_deps:
        needs = _needs(request, records)
        gone = _with_dependents(needs, named)
        gone |= set() if request.keep_unneeded else _orphans(request, needs, gone)
    return {name: record for name, record in records.items() if name not in gone}


def _named(request: SolveRequest, records: Mapping[str, RepodataRecord]) -> list[str]:
    named = []
    for spec in request.removals:
        found = [name for name, record in records.items() if spec.matches(record)]
        if not found and not request.specs:
            raise PackageNotFound(
                "package-not-installed",
                f"{spec} is not in the environment",
                hint="'minicon list' shows what is there",
            )
        named += found
    return named


def _with_dependents(needs: Mapping[str, list[str]], named: Iterable[str]) -> set[str]:
    needed_by: dict[str, list[str]] = {}
    for name, others in needs.items():
        for other in others:
            needed_by.setdefault(other, []).append(name)
    return _reachable(named, needed_by)


def _orphans(request: SolveRequest, needs: Mapping[str, list[str]], gone: set[str]) -> set[str]:
    """Packages that only what goes had needed, and that nobody asked for."""
    needed = {other for others in needs.values() for other in others}
    asked = {spec.exact_name for spec in request.history}
    asked |= _projects_asked(request)
    roots = [name for name in needs if name not in gone and (name in asked or name not in needed)]
    kept = _reachable(roots, needs)
    below_gone = _reachable(gone, needs)
    return {name for name in needs if name in below_gone and name not in kept}


def _projects_asked(request: SolveRequest) -> set[str]:
    """The installed packages that Python projects asked for earlier can be."""
    projects = {normalize_pypi_name(each.name) for each in request.history_requirements}
    if request.wheels is not None:
        projects |= {name for each in projects for name in request.wheels.conda_names(each)}
    names = [each.name for each in request.installed]
    return {name for name in names if name in projects or normalize_pypi_name(name) in projects}


def _needs(request: SolveRequest, records: Mapping[str, RepodataRecord]) -> dict[str, list[str]]:
    """Per package, what it depends on; python's own dependency on pip binds nobody."""
    return {
        name: [other for other, _ in needs if (name, other) != ("python", "pip")]
        for name, needs in active_dependencies(
            records, facts=request.virtual_packages, asked=_asked_with_extras(request)
        ).items()
    }


def _asked_with_extras(request: SolveRequest) -> Iterator[MatchSpec]:
    """Earlier requests that may name extras; what goes now is known by its record alone."""
    yield from request.history
    for installed in request.installed:
        for text in installed.requested_specs:
            if "[" in text:
                with suppress(SpecError):
                    yield parse_dependency(text)


def _reachable(starts: Iterable[str], edges: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    pending = list(starts)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += edges.get(name, [])
    return found
