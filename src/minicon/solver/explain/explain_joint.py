"""Why wheels and conda packages cannot be had together, and what would work.

The request is cut down to what is impossible by itself, then resolved once more for one python
only, so that the reasons are not told over for every python there is.
"""

from __future__ import annotations

from packaging.requirements import Requirement

from minicon.errors import MiniconError
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import MatchSpec
from minicon.solver.candidates.missing_names import is_for_pypi
from minicon.solver.explain.derivation import contradiction_in, minimal_core, tell
from minicon.solver.explain.explain import named
from minicon.solver.explain.explanation import Explanation, Fix
from minicon.solver.explain.fixes import WITHOUT
from minicon.solver.explain.report_text import what_there_is
from minicon.solver.joint.joint_resolution import JointResolution
from minicon.solver.joint.pypi_constraints import Limits
from minicon.solver.joint.requirements import CondaRequirement, ProjectRequirement, Wheel
from minicon.solver.joint.resolved import Impossible
from minicon.solver.search.conda_subproblem import CondaSubproblem
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import Kind, demands_of
from minicon.solver.search.search import Search

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from packaging.version import Version

    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.joint.resolved import Resolved
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.clauses import Root

#: What a request demands, in the order in which an explanation names it.
_PARTS = ("specs", "requirements", "history", "history_requirements", "pins", "constraints")

#: What the headline calls limits, as elsewhere (see :func:`minicon.solver.explain.explain.named`).
_NAMED = {"pins": "the pin ", "constraints": "the constraint "}


def explain_impossible(
    request: SolveRequest, side: CondaSubproblem, impossible: Impossible
) -> MiniconError:
    """The error for demands on conda packages and PyPI that contradict each other."""
    trials = _Trials(side.source)
    smaller = _minimal(request, trials)
    failure = _for_one_python(smaller, side, trials) or trials.fails(smaller) or impossible
    core = [f"{_NAMED.get(part, '')}{each}" for part in _PARTS for each in getattr(smaller, part)]
    sentences = tuple(dict.fromkeys(_sentences(smaller, side, failure)))
    fixes = tuple(_fixes(request, smaller, trials)) or tuple(_left_out(request, smaller, trials))
    nothing = _no_release(request, side, smaller)
    if nothing is not None:
        return Explanation(tuple(core), nothing[1:], fixes, nothing[0]).as_error()
    return Explanation(tuple(core), sentences, fixes).as_error()


def _no_release(
    request: SolveRequest, side: CondaSubproblem, smaller: SolveRequest
) -> tuple[str, str] | None:
    """Headline and sentence for a single requirement that no release of a project meets."""
    if smaller.specs or len(smaller.requirements) != 1 or request.wheels is None:
        return None
    requirement = smaller.requirements[0]
    name = request.wheels.pypi_name(requirement.name)
    if not requirement.specifier or side.source.candidates(requirement.name).size:
        return None
    versions = [each.version for each in request.wheels.releases(name)]
    if not versions or any(requirement.specifier.contains(v, prereleases=True) for v in versions):
        return None
    finals = [v for v in versions if not v.is_prerelease] or versions
    headline = f"no release of {requirement.name} matches {requirement.specifier}"
    return headline, what_there_is(requirement.name, [str(version) for version in finals])


def _left_out(request: SolveRequest, smaller: SolveRequest, trials: _Trials) -> Iterator[Fix]:
    """The same request without one of the demands, solved; as long as something is left."""
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

    def __init__(self, source: CandidateSource) -> None:
        self._source = source

    def solve(self, request: SolveRequest) -> Resolved:
        """Solve it. Raises Impossible, Contradiction or a MiniconError."""
        missing = [spec for spec in request.specs if is_for_pypi(request, self._source, spec)]
        specs = [spec for spec in request.specs if spec not in missing]
        side = CondaSubproblem(request, self._source, demands_of(request, self._source, specs))
        side.model()
        return JointResolution(request, side, missing).resolve()

    def fails(self, request: SolveRequest) -> Impossible | None:
        """How a request fails; None if it has a solution, or fails for another reason."""
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
    """Leave out demand after demand, the oldest first, as long as it stays impossible."""
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


def _with(request: SolveRequest, part: str, demands: tuple[Any, ...]) -> SolveRequest:
    changes: dict[str, Any] = {part: demands}
    return replace(request, **changes)


def _for_one_python(
    request: SolveRequest, side: CondaSubproblem, trials: _Trials
) -> Impossible | None:
    """How a request fails with the python that it would get by itself."""
    python = side.model().record("python")
    if python is None:
        candidates = side.source.candidates("python")
        if not candidates.size:
            return None
        python = candidates.records[0]
    minor = ".".join(python.version.split(".")[:2])
    limit = MatchSpec.from_fields(name="python", version=f"{minor}.*")
    return trials.fails(replace(request, constraints=(*request.constraints, limit)))


def _sentences(request: SolveRequest, side: CondaSubproblem, failure: Impossible) -> Iterator[str]:
    for text, needed in _projects_needed(failure):
        yield f"{text}{_what_is_wrong(request, side, needed)}"
    for requirement, _ in failure.causes:
        if isinstance(requirement, CondaRequirement) and requirement.name not in ("", "python"):
            yield requirement.text
    for contradiction in failure.contradictions[-1:]:
        yield from _conda_sentences(side, contradiction.roots)


def _projects_needed(failure: Impossible) -> Iterator[tuple[str, ProjectRequirement]]:
    """Requirements on projects, told once for all versions of a wheel that have the same."""
    versions: dict[tuple[str, str], list[Version]] = {}
    requirements: dict[tuple[str, str], ProjectRequirement] = {}
    for requirement, parent in failure.causes:
        if isinstance(requirement, ProjectRequirement):
            need = requirement.text.partition(" needs ")[2]
            key = (parent.name, need) if isinstance(parent, Wheel) else ("", requirement.text)
            versions.setdefault(key, []).extend(
                [parent.version, *failure.stands_for.get((parent.name, parent.version), ())]
                if isinstance(parent, Wheel)
                else []
            )
            requirements.setdefault(key, requirement)
    for (name, need), found in versions.items():
        lowest, highest = min(found, default=None), max(found, default=None)
        several = f"{name} {lowest} to {highest} needs {need}"
        text = several if lowest != highest else requirements[name, need].text
        yield text, requirements[name, need]


def _conda_sentences(side: CondaSubproblem, roots: Sequence[Root]) -> list[str]:
    search = Search(side.store)
    found = contradiction_in(search, roots)
    told = tell(side.store, minimal_core(search, found)) if found else None
    return told or [named(root) for root in roots]


def _what_is_wrong(
    request: SolveRequest, side: CondaSubproblem, requirement: ProjectRequirement
) -> str:
    """What the index has of a project that nothing fits, if that is the reason."""
    if request.wheels is None or side.source.candidates(requirement.name).size:
        return ""
    releases = request.wheels.releases(requirement.name)
    accepted = [each for each in releases if requirement.accepts(each.version)]
    if not releases:
        return ", which no source has"
    limits = Limits(request, side.source)
    if accepted and not any(limits.admit(requirement.name, each.version) for each in accepted):
        return f", but {' and '.join(limits.sentences(requirement.name))}"
    if not accepted:
        return f", of which there are only {releases[-1].version} to {releases[0].version}"
    minors = request.wheels.python_versions(accepted[0])
    return f" (its wheels are for python {', '.join(minors)})" if 0 < len(minors) < 3 else ""


def _fixes(request: SolveRequest, smaller: SolveRequest, trials: _Trials) -> Iterator[Fix]:
    """The same request with one demand loosened, solved."""
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
    """The version that a package has in the solution of a request, if there is one."""
    try:
        resolved = trials.solve(request)
    except (Impossible, Contradiction, MiniconError):
        return None
    provider = resolved.names.get(name, name)
    record = resolved.wheels.get(provider) or resolved.model.record(provider)
    return None if record is None else record.version
