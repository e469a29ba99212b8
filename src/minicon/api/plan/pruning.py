"""Pruning: an environment becomes what is asked for, and nothing else.

::

    installed ─ what the request needs of it ─> SolveRequest ─> Solution ─ what it needs ─> Solution

Without the first step, packages that go would still hold others back; without the second, those
that became unneeded by the change would stay.
"""

from __future__ import annotations

from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.package_names import normalize_pypi_name
from minicon.pypi.wheels.filenames import parse_version
from minicon.solver.reachability import reachable
from minicon.solver.result.dependencies import in_link_order
from minicon.solver.result.solution import dependencies_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packaging.requirements import Requirement

    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.pypi.requirements.requirements import PipRequirement
    from minicon.solver.request import Solution, SolveRequest


def for_pruning(
    request: SolveRequest,
    installed: Sequence[PrefixRecord],
    *,
    by_pip: Sequence[PipRequirement] = (),
    keep_satisfied: bool = False,
    move: Iterable[str] = (),
) -> SolveRequest:
    """The question for an environment that shall hold what a request asks for alone.

    Args:
        request: Its specs and requirements are all that is wanted.
        installed: What the environment holds.
        by_pip: What pip builds in it.
        keep_satisfied: Whether what is installed and fits stays at its version.
        move: Names that go to their newest nevertheless.
    """
    kept = needed_installed(request, installed, by_pip)
    specs, requirements = request.specs, request.requirements
    history: list[MatchSpec] = []
    if keep_satisfied:
        moving = {normalize_pypi_name(name) for name in move}
        held = {normalize_pypi_name(each.name): each.record for each in kept}
        held = {name: record for name, record in held.items() if name not in moving}
        history = [spec for spec in specs if _is_met(spec, held)]
        specs = tuple(spec for spec in specs if spec not in history)
        met = {str(each): _as_spec(each, held) for each in requirements}
        history += [spec for spec in met.values() if spec is not None]
        requirements = tuple(each for each in requirements if met[str(each)] is None)
    return replace(
        request,
        specs=specs,
        requirements=requirements,
        installed=tuple(kept),
        history=tuple(history),
    )


def pruned(request: SolveRequest, solution: Solution) -> Solution:
    """A solution without what nothing needs that was asked for.

    Args:
        request: The question.
        solution: Its answer.
    """
    roots = {*solution.requested, *_names(request)}
    records = {record.name: record for record in solution.records}
    needed = _reachable(request, records, roots)
    return replace(
        solution,
        records=in_link_order({name: records[name] for name in records if name in needed}),
        requested={name: each for name, each in solution.requested.items() if name in needed},
    )


def needed_installed(
    request: SolveRequest,
    installed: Sequence[PrefixRecord],
    by_pip: Sequence[PipRequirement] = (),
) -> list[PrefixRecord]:
    """The installed packages that a request asks for, with all that they depend on."""
    roots = set(_names(request))
    roots |= {normalize_pypi_name(each.name) for each in by_pip if each.name}
    if any(each.name is None for each in by_pip):
        # Nobody knows what pip makes of a bare URL, so whatever it installed may be it.
        roots |= {each.name for each in installed if each.record.is_installed_by_pip}
    records = {each.name: each.record for each in installed}
    needed = _reachable(request, records, roots)
    return [each for each in installed if each.name in needed]


def _names(request: SolveRequest) -> Iterator[str]:
    for spec in (*request.specs, *request.history):
        if spec.exact_name is not None:
            yield spec.exact_name
            yield _project(request, spec.exact_name)
    for requirement in request.requirements:
        name = normalize_pypi_name(requirement.name)
        yield name
        yield from request.wheels.conda_names(name) if request.wheels else ()


def _project(request: SolveRequest, name: str) -> str:
    """The Python project that a package name stands for."""
    project = request.wheels.pypi_name(name) if request.wheels else name
    return normalize_pypi_name(project)


def _reachable(
    request: SolveRequest, records: dict[str, RepodataRecord], roots: Iterable[str]
) -> set[str]:
    needs = dependencies_in(request, records)

    def following(name: str) -> list[str]:
        others = [other for other, _ in needs[name]] + [*_projects(records[name])]
        if request.add_pip and name == "python":
            others.append("pip")
        return [other for other in others if other in records]

    return reachable([name for name in roots if name in records], following)


def _projects(record: RepodataRecord) -> Iterator[str]:
    """What a distribution that pip installed by hand says it requires."""
    for text in record.data.get("requires_dist") or ():
        if "extra" not in text.partition(";")[2]:
            name = text.partition(";")[0].partition("[")[0]
            for mark in " (<>=!~@":
                name = name.partition(mark)[0]
            yield normalize_pypi_name(name)


def _is_met(spec: MatchSpec, held: dict[str, RepodataRecord]) -> bool:
    record = held.get(normalize_pypi_name(spec.exact_name or ""))
    return record is not None and not spec.extras and spec.matches(record)


def _as_spec(requirement: Requirement, held: dict[str, RepodataRecord]) -> MatchSpec | None:
    """What an installed package meets already, as a spec; None if it has to be solved for."""
    record = held.get(normalize_pypi_name(requirement.name))
    if record is None or requirement.extras or requirement.url:
        return None
    version = parse_version(record.version)
    if version is None or not requirement.specifier.contains(version, prereleases=True):
        return None
    bounds = str(requirement.specifier).replace("===", "==") or None
    return MatchSpec.from_fields(name=record.name, version=bounds)
