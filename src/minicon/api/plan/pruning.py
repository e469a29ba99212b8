"""Pruning: an environment is reduced to what a request needs.

::

    installed ─ what the request needs of it ─> SolveRequest ─> Solution ─ what it needs ─> Solution

Without the first step, packages that will be removed would still hold others back; without the
second, those that the change makes unneeded would stay.
"""

from __future__ import annotations

from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import MatchSpec, parse_dependency
from minicon.models.package_names import normalize_pypi_name
from minicon.pypi.wheels.filenames import parse_version
from minicon.solver.reachability import reachable
from minicon.solver.result.dependencies import in_link_order
from minicon.solver.result.solution import dependencies_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from packaging.requirements import Requirement

    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.solver.request import Solution, SolveRequest


def for_pruning(
    request: SolveRequest,
    installed: Sequence[PrefixRecord],
    *,
    by_pip: Sequence[PipRequirement] = (),
    keep_satisfied: bool = False,
    update: Iterable[str] = (),
) -> SolveRequest:
    """Return the request with only those installed packages that it needs itself.

    Args:
        request: Its specs and requirements are all that the environment shall satisfy.
        installed: Packages in the environment.
        by_pip: What pip builds in it.
        keep_satisfied: Whether an installed package that fits keeps its version.
        update: Names that are updated nevertheless.
    """
    kept = _needed_installed(request, installed, by_pip)
    specs, requirements = request.specs, request.requirements
    history: list[MatchSpec] = []
    if keep_satisfied:
        updated = {normalize_pypi_name(name) for name in update}
        held = {normalize_pypi_name(each.name): each.record for each in kept}
        held = {name: record for name, record in held.items() if name not in updated}
        history = [spec for spec in specs if _is_met(spec, held)]
        specs = tuple(spec for spec in specs if not _is_met(spec, held))
        met = {str(each): _spec_if_met(each, held) for each in requirements}
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
    """Return the solution without packages that nothing requested needs.

    Args:
        request: What was solved.
        solution: Its solution.
    """
    roots = {*solution.requested, *_names(request), *request.held}
    for built in solution.pip_requirements:
        roots.update(parse_dependency(text).exact_name or "" for text in built.depends)
    records = {record.name: record for record in solution.records}
    needed = _needed(request, records, roots)
    return replace(
        solution,
        records=in_link_order({name: records[name] for name in records if name in needed}),
        requested={name: each for name, each in solution.requested.items() if name in needed},
    )


def _needed_installed(
    request: SolveRequest,
    installed: Sequence[PrefixRecord],
    by_pip: Sequence[PipRequirement],
) -> list[PrefixRecord]:
    """Return the installed packages that a request names, with all their dependencies."""
    roots = set(_names(request))
    roots |= {normalize_pypi_name(each.name) for each in by_pip if each.name}
    if any(each.name is None for each in by_pip):
        # The project of a bare URL is unknown: anything that pip installed may be it.
        roots |= {each.name for each in installed if each.record.is_installed_by_pip}
    records = {each.name: each.record for each in installed}
    needed = _needed(request, records, roots)
    return [each for each in installed if each.name in needed]


def _names(request: SolveRequest) -> Iterator[str]:
    """Yield the names of packages that may satisfy a request's specs and requirements."""
    for spec in (*request.specs, *request.history):
        if spec.exact_name is not None:
            yield spec.exact_name
            yield _project(request, spec.exact_name)
    for requirement in (*request.requirements, *request.history_requirements):
        name = requirement.name
        yield name
        yield from request.wheels.conda_names(name) if request.wheels else ()


def _project(request: SolveRequest, name: str) -> str:
    """Return the Python project that a package name stands for."""
    project = request.wheels.pypi_name(name) if request.wheels else name
    return normalize_pypi_name(project)


def _needed(
    request: SolveRequest, records: Mapping[str, RepodataRecord], roots: Iterable[str]
) -> set[str]:
    """Return the names that ``roots`` depend on, with themselves."""
    dependencies = dependencies_in(request, records)

    def following(name: str) -> list[str]:
        others = [other for other, _ in dependencies[name]]
        others += _required_projects(records[name])
        if request.add_pip and name == "python":
            others.append("pip")
        return [other for other in others if other in records]

    return reachable([name for name in roots if name in records], following)


def _required_projects(record: RepodataRecord) -> Iterator[str]:
    """Yield the projects that a distribution which pip installed requires without extras."""
    texts = record.data.get("requires_dist")
    if not texts:
        return
    from minicon.pypi.requirement_syntax import valid_requirements

    for requirement in valid_requirements(texts):
        if "extra" not in str(requirement.marker or ""):
            yield requirement.name


def _is_met(spec: MatchSpec, held: Mapping[str, RepodataRecord]) -> bool:
    record = held.get(normalize_pypi_name(spec.exact_name or ""))
    return record is not None and not spec.extras and spec.matches(record)


def _spec_if_met(requirement: Requirement, held: Mapping[str, RepodataRecord]) -> MatchSpec | None:
    """Return the requirement as a spec if an installed package satisfies it; else None."""
    record = held.get(requirement.name)
    if record is None or requirement.extras or requirement.url:
        return None
    version = parse_version(record.version)
    if version is None or not requirement.specifier.contains(version, prereleases=True):
        return None
    bounds = str(requirement.specifier).replace("===", "==") or None
    return MatchSpec.from_fields(name=record.name, version=bounds)
