"""Satisfied: is everything there already that was asked for? Then nothing need be solved."""

from __future__ import annotations

from minicon.models.package_name import normalize_pypi_name
from minicon.solver.result.solution import solution_of_records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from minicon.models.records import RepodataRecord
    from minicon.solver.request import Solution, SolveRequest


def is_satisfied(request: SolveRequest) -> bool:
    """Whether what is installed is what every spec and requirement of a request means.

    Specs with a condition or extras need a solver to tell, so they never count as satisfied.
    """
    if request.force_reinstall or request.removals:
        return False
    records = {each.name: each.record for each in request.installed}
    projects = {normalize_pypi_name(each.name): each.record for each in request.installed}
    return all(
        spec.when is None
        and not spec.extras
        and spec.exact_name in records
        and spec.matches(records[spec.exact_name])
        for spec in request.specs
    ) and all(_is_met(each, projects) for each in request.requirements)


def _is_met(requirement: Requirement, projects: dict[str, RepodataRecord]) -> bool:
    record = projects.get(normalize_pypi_name(requirement.name))
    if record is None or requirement.extras or requirement.url:
        return False
    return requirement.specifier.contains(record.version, prereleases=True)


def as_installed(request: SolveRequest) -> Solution:
    """The environment as it is, as the answer to a request."""
    return solution_of_records(request, {each.name: each.record for each in request.installed})
