"""From a resolved model to the Solution that others build on."""

from __future__ import annotations

from minicon.lean_dataclasses import replace
from minicon.models.package_name import normalize_pypi_name
from minicon.solver.candidates.candidate_source import is_same
from minicon.solver.candidates.candidates import best
from minicon.solver.explain.not_newest import NotNewest
from minicon.solver.request import Reason, Solution
from minicon.solver.result.dependencies import active_dependencies, in_link_order
from minicon.solver.search.conda_subproblem import CondaModel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from packaging.requirements import Requirement

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import RepodataRecord
    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.joint.resolved import Resolved
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaSubproblem


def solution_of(request: SolveRequest, resolved: Resolved, side: CondaSubproblem) -> Solution:
    """Put records, reasons and requests together."""
    records = _as_installed(request, {**resolved.model.records(), **resolved.wheels})
    requested = requested_by(request, records, resolved.names)
    needs = needs_in(request, records)
    return Solution(
        records=in_link_order(records, needs),
        reasons=reasons_of(needs, requested, resolved.reasons),
        requested=requested,
        pip_requirements=resolved.pip_requirements,
        hold_backs=NotNewest(request, side, resolved),
    )


def _as_installed(
    request: SolveRequest, records: Mapping[str, RepodataRecord]
) -> dict[str, RepodataRecord]:
    """What is installed already, as the environment has it, not as the channel tells it now."""
    found = dict(records)
    for installed in request.installed:
        chosen = found.get(installed.name)
        if chosen is not None and is_same(chosen, installed.record):
            found[installed.name] = installed.record
    return found


def requested_by(
    request: SolveRequest, records: Mapping[str, RepodataRecord], names: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Per package, what the user asked for, now or earlier.

    Args:
        request: The request.
        records: The packages by name.
        names: Per Python project that was asked for, the package that provides it.
    """
    requested: dict[str, dict[str, None]] = {}
    now = [(name, str(spec)) for spec in request.specs for name in _meant(spec, records)]
    now += [(names.get(each.name, each.name), str(each)) for each in request.requirements]
    earlier = [(spec.exact_name or "", str(spec)) for spec in request.history]
    earlier += [(names.get(e.name, e.name), str(e)) for e in request.history_requirements]
    named = {names.get(name, name) for name, _ in now}
    for name, text in [*now, *(each for each in earlier if each[0] not in named)]:
        provided = name if name in records else names.get(name, name)
        if provided in records:
            requested.setdefault(provided, {})[text] = None
    return {name: tuple(texts) for name, texts in requested.items()}


def _meant(spec: MatchSpec, records: Mapping[str, RepodataRecord]) -> list[str]:
    """The package that a spec names; where it names none but a feature, those that track it."""
    if spec.exact_name is not None:
        return [spec.exact_name]
    return [name for name, record in records.items() if spec.matches(record)]


def needs_in(
    request: SolveRequest, records: Mapping[str, RepodataRecord]
) -> dict[str, list[tuple[str, str]]]:
    """Per package, what it depends on, on the machine and with the extras of a request."""
    asked = (*request.specs, *request.history)
    return active_dependencies(records, facts=request.virtual_packages, asked=asked)


def reasons_of(
    needs: Mapping[str, Sequence[tuple[str, str]]],
    requested: Mapping[str, Sequence[str]],
    more: Mapping[str, Sequence[Reason]] | None = None,
) -> dict[str, tuple[Reason, ...]]:
    """Per package, who needs it: the user first, then packages by name."""
    reasons: dict[str, list[Reason]] = {
        name: [Reason(None, text) for text in requested.get(name, ())] for name in sorted(needs)
    }
    for name in sorted(needs):
        for other, text in needs[name]:
            if other in reasons and other != name:
                reasons[other].append(Reason(name, text))
    for name, others in (more or {}).items():
        if name in reasons:
            reasons[name] += others
    return {name: tuple(each) for name, each in reasons.items()}


def narrowed(request: SolveRequest, solution: Solution) -> Solution:
    """The part of a solution that ``--no-deps`` and ``--only-deps`` leave."""
    if not (request.no_deps or request.only_deps):
        return solution
    named = {spec.exact_name for spec in request.specs} | {
        name for name, texts in solution.requested.items() if _asks_for(request, texts)
    }
    installed = {each.name: each.record for each in request.installed}
    chosen = {record.name: record for record in solution.records}
    if request.no_deps:
        wanted = {name: record for name, record in chosen.items() if name in named}
        return _with_records(request, solution, {**installed, **wanted}, wanted)
    rest = {name: record for name, record in chosen.items() if name not in named}
    before = {name: installed[name] for name in named if name in installed}
    return _with_records(request, solution, {**rest, **before}, rest)


def _asks_for(request: SolveRequest, texts: Sequence[str]) -> bool:
    now = {str(each) for each in (*request.specs, *request.requirements)}
    return any(text in now for text in texts)


def _with_records(
    request: SolveRequest,
    solution: Solution,
    records: Mapping[str, RepodataRecord],
    solved: Collection[str],
) -> Solution:
    requested = {name: texts for name, texts in solution.requested.items() if name in records}
    needs = needs_in(request, records)
    return replace(
        solution,
        records=in_link_order(records, needs),
        requested=requested,
        reasons=reasons_of(needs, requested),
        hold_backs=held.among(solved) if isinstance(held := solution.hold_backs, NotNewest) else {},
    )


def only_named(
    request: SolveRequest, source: CandidateSource, side: CondaSubproblem
) -> Solution | None:
    """For ``--no-deps`` when dependencies cannot be met: the best of each name by itself.

    Returns:
        None if a name has no candidate that its specs allow.
    """
    domains: dict[str, int] = {}
    for root in side.demands.roots:
        if root.name in side.demands.direct:
            domains[root.name] = domains.get(root.name, -1) & root.allowed
    if not all(domain & source.candidates(name).all for name, domain in domains.items()):
        return None
    positions = {
        name: best(domain & source.candidates(name).all) for name, domain in domains.items()
    }
    records = CondaModel(positions, source).records()
    records = {**{each.name: each.record for each in request.installed}, **records}
    return solution_of_records(request, records)


def solution_of_records(request: SolveRequest, records: dict[str, RepodataRecord]) -> Solution:
    """Packages that nobody had to choose, as the answer to a request."""
    requested = requested_by(request, records, {})
    needs = needs_in(request, records)
    return Solution(
        records=in_link_order(records, needs),
        reasons=reasons_of(needs, requested),
        requested=requested,
    )


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
