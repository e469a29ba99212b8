"""Why wheels and conda packages cannot be installed together, and which changes work.

The request is reduced to a minimal one that is impossible, then resolved once more for one minor
version of python, so that the reasons are not repeated for every python.
"""

from __future__ import annotations

from packaging.requirements import Requirement

from minicon.errors import MiniconError
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.version import python_minor
from minicon.solver.candidates.missing_names import is_for_pypi
from minicon.solver.explain.derivation import contradiction_in, derivation_of, minimal_core
from minicon.solver.explain.explain import demand_text
from minicon.solver.explain.explanation import Explanation, Fix
from minicon.solver.explain.fixes import WITHOUT
from minicon.solver.explain.report_text import available_text
from minicon.solver.joint.pypi_constraints import PypiConstraints
from minicon.solver.joint.requirements import (
    CondaRequirement,
    Impossible,
    ProjectRequirement,
    Wheel,
)
from minicon.solver.search.conda_subproblem import CondaSubproblem
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import Kind, goal_of
from minicon.solver.search.search import Search

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from packaging.version import Version

    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.joint.requirements import Resolved
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.clauses import Demand

    Resolve = Callable[[SolveRequest, CondaSubproblem, Sequence[MatchSpec]], Resolved]

#: The demands of a request, in the order in which an explanation names them.
_PARTS = ("specs", "requirements", "history", "history_requirements", "pins", "constraints")

#: What the headline calls constraints (see :func:`minicon.solver.explain.explain.demand_text`).
_PREFIXES = {"pins": "the pin ", "constraints": "the constraint "}


def explain_impossible(
    request: SolveRequest, conda: CondaSubproblem, impossible: Impossible, resolve: Resolve
) -> MiniconError:
    """The error for conda packages and Python projects that cannot be installed together.

    Args:
        request: The request.
        conda: Its conda packages.
        impossible: How its resolution failed.
        resolve: Resolves variants of it (:func:`minicon.solver.solver.resolve`).
    """
    trials = _Trials(conda.source, resolve)
    smaller = _minimal(request, trials)
    failure = _for_one_python(smaller, conda, trials) or trials.fails(smaller) or impossible
    core = [
        f"{_PREFIXES.get(part, '')}{each}" for part in _PARTS for each in getattr(smaller, part)
    ]
    sentences = tuple(dict.fromkeys(_sentences(smaller, conda, failure)))
    fixes = tuple(_fixes(request, smaller, trials)) or tuple(_left_out(request, smaller, trials))
    nothing = _no_release(request, conda, smaller)
    if nothing is not None:
        return Explanation(tuple(core), nothing[1:], fixes, nothing[0]).as_error()
    return Explanation(tuple(core), sentences, fixes).as_error()


def _no_release(
    request: SolveRequest, conda: CondaSubproblem, smaller: SolveRequest
) -> tuple[str, str] | None:
    """Headline and sentence for a single requirement that no release of a project meets."""
    if smaller.specs or len(smaller.requirements) != 1 or request.wheels is None:
        return None
    requirement = smaller.requirements[0]
    name = request.wheels.pypi_name(requirement.name)
    if not requirement.specifier or conda.source.candidates(requirement.name).size:
        return None
    versions = [each.version for each in request.wheels.releases(name)]
    if not versions or any(requirement.specifier.contains(v, prereleases=True) for v in versions):
        return None
    finals = [v for v in versions if not v.is_prerelease] or versions
    headline = f"no release of {requirement.name} matches {requirement.specifier}"
    return headline, available_text(requirement.name, [str(version) for version in finals])


def _left_out(request: SolveRequest, smaller: SolveRequest, trials: _Trials) -> Iterator[Fix]:
    """The same request without one of its demands, solved, unless that leaves an empty request."""
    for part, kind in (("pins", Kind.PIN), ("constraints", Kind.CONSTRAINT)):
        for limit in getattr(smaller, part):
            others = tuple(each for each in getattr(request, part) if each is not limit)
            if trials.solves(_with(request, part, others)):
                yield Fix(WITHOUT[kind].format(limit), None, str(limit))
    if len(request.specs) + len(request.requirements) + len(request.history) < 2:
        return
    for requirement in smaller.requirements:
        others = tuple(each for each in request.requirements if each is not requirement)
        if trials.solves(replace(request, requirements=others)):
            yield Fix(f"leave {requirement} out", None, str(requirement))
    for spec in smaller.specs:
        rest = tuple(each for each in request.specs if each is not spec)
        if trials.solves(replace(request, specs=rest)):
            yield Fix(f"leave {spec} out", None, str(spec))


class _Trials:
    """Solves variants of a request over the same records."""

    def __init__(self, source: CandidateSource, resolve: Resolve) -> None:
        self._source = source
        self._resolve = resolve

    def solve(self, request: SolveRequest) -> Resolved:
        """Resolve a request.

        Raises:
            Impossible, Contradiction, MiniconError: See :func:`minicon.solver.solver.resolve`.
        """
        missing = [spec for spec in request.specs if is_for_pypi(request, self._source, spec)]
        specs = [spec for spec in request.specs if spec not in missing]
        conda = CondaSubproblem(request, self._source, goal_of(request, self._source, specs))
        return self._resolve(request, conda, missing)

    def fails(self, request: SolveRequest) -> Impossible | None:
        """How a request fails; None if it has a solution or fails for another reason."""
        try:
            self.solve(request)
        except Impossible as impossible:
            return impossible
        except Contradiction as contradiction:
            return Impossible([], [contradiction])
        except MiniconError:
            return None
        return None

    def solves(self, request: SolveRequest) -> bool:
        """Whether a request has a solution."""
        try:
            self.solve(request)
        except (Impossible, Contradiction, MiniconError):
            return False
        return True


def _minimal(request: SolveRequest, trials: _Trials) -> SolveRequest:
    """Leave out each demand without which the request stays impossible, the last one first."""
    for part in reversed(_PARTS):
        without = _with(request, part, ())
        if trials.fails(without) is not None:
            request = without
            continue
        for demand in reversed(getattr(request, part)):
            others = tuple(each for each in getattr(request, part) if each is not demand)
            trial = _with(request, part, others)
            if trials.fails(trial) is not None:
                request = trial
    return request


def _with(request: SolveRequest, part: str, goal: tuple[Any, ...]) -> SolveRequest:
    changes: dict[str, Any] = {part: goal}
    return replace(request, **changes)


def _for_one_python(
    request: SolveRequest, conda: CondaSubproblem, trials: _Trials
) -> Impossible | None:
    """How a request fails with the python that its conda packages alone would have."""
    python = conda.model().record("python")
    if python is None:
        candidates = conda.source.candidates("python")
        if not candidates.size:
            return None
        python = candidates.records[0]
    minor = python_minor(python.version)
    limit = MatchSpec.from_fields(name="python", version=f"{minor}.*")
    return trials.fails(replace(request, constraints=(*request.constraints, limit)))


def _sentences(request: SolveRequest, conda: CondaSubproblem, failure: Impossible) -> Iterator[str]:
    for text, needed in _projects_needed(failure):
        yield f"{text}{_reason(request, conda, needed)}"
    for requirement, _ in failure.causes:
        if isinstance(requirement, CondaRequirement) and requirement.name not in ("", "python"):
            yield requirement.text
    for contradiction in failure.contradictions[-1:]:
        yield from _conda_sentences(conda, contradiction.demands)


def _projects_needed(failure: Impossible) -> Iterator[tuple[str, ProjectRequirement]]:
    """Requirements on projects, once for all versions of a wheel that have the same."""
    versions: dict[tuple[str, str], list[Version]] = {}
    requirements: dict[tuple[str, str], ProjectRequirement] = {}
    for requirement, parent in failure.causes:
        if not isinstance(requirement, ProjectRequirement):
            continue
        key: tuple[str, str] = ("", requirement.text)
        same: list[Version] = []
        if isinstance(parent, Wheel):
            key = (parent.name, requirement.text.partition(" needs ")[2])
            same = [parent.version, *failure.skipped.get((parent.name, parent.version), ())]
        versions.setdefault(key, []).extend(same)
        requirements.setdefault(key, requirement)
    for (name, needed), found in versions.items():
        text = requirements[name, needed].text
        if len(set(found)) > 1:
            text = f"{name} {min(found)} to {max(found)} needs {needed}"
        yield text, requirements[name, needed]


def _conda_sentences(conda: CondaSubproblem, demands: Sequence[Demand]) -> list[str]:
    search = Search(conda.store)
    found = contradiction_in(search, demands)
    derivation = derivation_of(conda.store, minimal_core(search, found)) if found else None
    return derivation or [demand_text(demand) for demand in demands]


def _reason(request: SolveRequest, conda: CondaSubproblem, requirement: ProjectRequirement) -> str:
    """Why no release of a project meets a requirement, if none does."""
    if request.wheels is None or conda.source.candidates(requirement.name).size:
        return ""
    releases = request.wheels.releases(requirement.name)
    accepted = [each for each in releases if requirement.accepts(each.version)]
    if not releases:
        return ", which no source has"
    constraints = PypiConstraints(request, conda.source)
    if accepted and not any(constraints.allow(requirement.name, each.version) for each in accepted):
        return f", but {' and '.join(constraints.sentences(requirement.name))}"
    if not accepted:
        return f", but only {releases[-1].version} to {releases[0].version} are available"
    minors = request.wheels.python_versions(accepted[0])
    return f" (its wheels are for python {', '.join(minors)})" if 0 < len(minors) < 3 else ""


def _fixes(request: SolveRequest, smaller: SolveRequest, trials: _Trials) -> Iterator[Fix]:
    """The same request without the versions of one demand, solved."""
    for requirement in smaller.requirements:
        if requirement.specifier:
            yield from _loosened_requirement(request, requirement, trials)
    for spec in smaller.specs:
        if not spec.is_name_only:
            yield from _loosened_spec(request, spec, trials)


def _loosened_requirement(
    request: SolveRequest, requirement: Requirement, trials: _Trials
) -> Iterator[Fix]:
    loose = Requirement(requirement.name)
    loose.extras = requirement.extras
    others = tuple(loose if each is requirement else each for each in request.requirements)
    version = _version_in(replace(request, requirements=others), requirement.name, trials)
    if version:
        spec = f"pypi:{requirement.name}=={version}"
        yield Fix(f'"{spec}" instead of {requirement}', spec, str(requirement))


def _loosened_spec(request: SolveRequest, spec: MatchSpec, trials: _Trials) -> Iterator[Fix]:
    name = spec.exact_name or ""
    loose = MatchSpec.from_fields(name=name)
    specs = tuple(loose if each is spec else each for each in request.specs)
    version = _version_in(replace(request, specs=specs), name, trials)
    if version:
        text = f"{name}={version}"
        yield Fix(f'"{text}" instead of {spec}', text, str(spec))


def _version_in(request: SolveRequest, name: str, trials: _Trials) -> str | None:
    """The version of a package in the solution of a request; None if there is none."""
    try:
        resolved = trials.solve(request)
    except (Impossible, Contradiction, MiniconError):
        return None
    provider = resolved.names.get(name, name)
    record = resolved.wheels.get(provider) or resolved.model.record(provider)
    return None if record is None else record.version
