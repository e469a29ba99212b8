"""The solution of a request: records in link order, and why each of them is in it."""

from __future__ import annotations

from minicon.lean_dataclasses import replace
from minicon.models.package_names import normalize_pypi_name
from minicon.solver.candidates.candidate_source import is_same
from minicon.solver.candidates.candidates import best
from minicon.solver.explain.not_newest import NotNewest
from minicon.solver.reachability import reachable
from minicon.solver.request import Reason, Solution
from minicon.solver.result.dependencies import active_dependencies, in_link_order
from minicon.solver.search.conda_subproblem import CondaModel
from minicon.solver.search.demands import by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from packaging.requirements import Requirement

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import RepodataRecord
    from minicon.solver.joint.requirements import Resolved
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaSubproblem


#: Most names in a note.
_LISTED = 5


def solution_of(request: SolveRequest, resolved: Resolved, conda: CondaSubproblem) -> Solution:
    """The solution that a successful resolution found."""
    records = _with_installed(request, {**resolved.model.records(), **resolved.wheels})
    requested = _requested_by(request, records, resolved.names)
    dependencies = dependencies_in(request, records)
    return Solution(
        records=in_link_order(records, dependencies),
        reasons=_reasons(dependencies, requested, resolved.reasons),
        requested=requested,
        pip_requirements=resolved.pip_requirements,
        hold_backs=NotNewest(request, conda, resolved),
        notes=(*resolved.notes, *_undated(request, records.values())),
    )


def _undated(request: SolveRequest, records: Iterable[RepodataRecord]) -> Iterator[str]:
    """Name the new packages whose age is unknown, if the request limits it."""
    limits, installed = request.age_limits, {each.record for each in request.installed}
    names = sorted(
        record.name
        for record in records
        if record.source == "conda"
        and not record.available_since
        and record not in installed
        and limits.of(record.name, record.channel) is not None
    )
    if names:
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        yield (
            "exclude_newer does not apply to packages whose index lists no timestamp: "
            f"{', '.join(names[:_LISTED])}{more}"
        )


def solution_of_records(request: SolveRequest, records: dict[str, RepodataRecord]) -> Solution:
    """The solution that consists of given records."""
    requested = _requested_by(request, records, {})
    dependencies = dependencies_in(request, records)
    return Solution(
        records=in_link_order(records, dependencies),
        reasons=_reasons(dependencies, requested),
        requested=requested,
    )


def is_satisfied(request: SolveRequest) -> bool:
    """Whether installed packages meet all specs and requirements of a request.

    Specs with a condition or extras count as not satisfied: they need a resolution.
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
    """The solution that changes nothing: the installed packages."""
    return solution_of_records(request, {each.name: each.record for each in request.installed})


def restricted(request: SolveRequest, solution: Solution) -> Solution:
    """The part of a solution that ``--no-deps`` and ``--only-deps`` install."""
    if not (request.no_deps or request.only_deps):
        return solution
    named = {spec.exact_name for spec in request.specs} | {
        name for name, texts in solution.requested.items() if _is_requested_now(request, texts)
    }
    installed = {each.name: each.record for each in request.installed}
    chosen = {record.name: record for record in solution.records}
    if request.no_deps:
        wanted = {name: record for name, record in chosen.items() if name in named}
        return _with_records(request, solution, {**installed, **wanted}, wanted)
    named -= set(_required_by_others(solution, named))
    rest = {name: record for name, record in chosen.items() if name not in named}
    before = {name: installed[name] for name in named if name in installed}
    return _with_records(request, solution, {**rest, **before}, rest)


def _required_by_others(solution: Solution, names: Iterable[str | None]) -> Iterator[str]:
    """Those of some packages that others require which they do not require themselves."""

    def parents(name: str) -> list[str]:
        return [each.parent for each in solution.reasons.get(name, ()) if each.parent]

    for name in filter(None, names):
        if any(name not in reachable([parent], parents) for parent in parents(name)):
            yield name


def _is_requested_now(request: SolveRequest, texts: Sequence[str]) -> bool:
    now = {str(each) for each in (*request.specs, *request.requirements)}
    return any(text in now for text in texts)


def _with_records(
    request: SolveRequest,
    solution: Solution,
    records: Mapping[str, RepodataRecord],
    solved: Collection[str],
) -> Solution:
    requested = {name: texts for name, texts in solution.requested.items() if name in records}
    dependencies = dependencies_in(request, records)
    not_newest = solution.hold_backs
    return replace(
        solution,
        records=in_link_order(records, dependencies),
        requested=requested,
        reasons=_reasons(dependencies, requested),
        hold_backs=not_newest.among(solved) if isinstance(not_newest, NotNewest) else {},
    )


def without_dependencies(request: SolveRequest, conda: CondaSubproblem) -> Solution | None:
    """For ``--no-deps`` when dependencies cannot be met: the best candidate of each named package.

    Returns:
        None if a package has no candidate that its specs allow.
    """
    source = conda.source
    domains: dict[str, int] = {}
    for demand in conda.goal.demands:
        if demand.name in conda.goal.direct:
            domains[demand.name] = domains.get(demand.name, -1) & demand.allowed
    if not all(domain & source.candidates(name).all for name, domain in domains.items()):
        return None
    positions = {
        name: best(domain & source.candidates(name).all) for name, domain in domains.items()
    }
    records = CondaModel(positions, source).records()
    installed = {each.name: each.record for each in request.installed}
    return solution_of_records(request, {**installed, **records})


def _with_installed(
    request: SolveRequest, records: Mapping[str, RepodataRecord]
) -> dict[str, RepodataRecord]:
    """The records, those of installed packages as the environment has them, not the channel.

    The record of a wheel is that for the python that it was chosen for.
    """
    found = dict(records)
    for installed in request.installed:
        chosen, present = found.get(installed.name), installed.record
        if chosen is None or chosen.data.get("python") != present.data.get("python"):
            continue
        if is_same(chosen, present):
            found[installed.name] = present
    return found


def _requested_by(
    request: SolveRequest, records: Mapping[str, RepodataRecord], names: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Per package, the specs and requirements of the user, now or earlier, that it answers.

    Args:
        request: The request.
        records: The packages by name.
        names: Per requested Python project, the name of the package that provides it.
    """
    requested: dict[str, dict[str, None]] = {}
    now = [(name, str(spec)) for spec in request.specs for name in _named(spec, records)]
    now += [(names.get(each.name, each.name), str(each)) for each in request.requirements]
    earlier = [(spec.exact_name or "", _met_text(spec, records)) for spec in request.history]
    earlier += [(names.get(e.name, e.name), str(e)) for e in request.history_requirements]
    named = {names.get(name, name) for name, _ in now}
    for name, text in [*now, *(each for each in earlier if each[0] not in named)]:
        provided = name if name in records else names.get(name, name)
        if provided in records:
            requested.setdefault(provided, {})[text] = None
    return {name: tuple(texts) for name, texts in requested.items()}


def _met_text(spec: MatchSpec, records: Mapping[str, RepodataRecord]) -> str:
    """An earlier spec; without its versions if its package was updated beyond them."""
    record = records.get(spec.exact_name or "")
    return str(spec if record is None or spec.matches(record) else by_name(spec))


def _named(spec: MatchSpec, records: Mapping[str, RepodataRecord]) -> list[str]:
    """The package that a spec names; if it names only a feature, the packages that track it."""
    if spec.exact_name is not None:
        return [spec.exact_name]
    return [name for name, record in records.items() if spec.matches(record)]


def dependencies_in(
    request: SolveRequest, records: Mapping[str, RepodataRecord]
) -> dict[str, list[tuple[str, str]]]:
    """Per package, its active dependencies by a request's machine and extras."""
    return active_dependencies(
        records,
        virtual_packages=request.virtual_packages,
        requested=(*request.specs, *request.history),
    )


def _reasons(
    dependencies: Mapping[str, Sequence[tuple[str, str]]],
    requested: Mapping[str, Sequence[str]],
    more: Mapping[str, Sequence[Reason]] | None = None,
) -> dict[str, tuple[Reason, ...]]:
    """Per package, its reasons: requests of the user first, then dependent packages by name."""
    reasons: dict[str, list[Reason]] = {
        name: [Reason(None, text) for text in requested.get(name, ())]
        for name in sorted(dependencies)
    }
    for name in sorted(dependencies):
        for other, text in dependencies[name]:
            if other in reasons and other != name:
                reasons[other].append(Reason(name, text))
    for name, others in (more or {}).items():
        if name in reasons:
            reasons[name] += others
    return {name: tuple(each) for name, each in reasons.items()}
