"""From a failed resolution to an error that says why, and what would work."""

from __future__ import annotations

from dataclasses import replace

from minicon.solver.conda_model import CondaSide
from minicon.solver.conflict_analysis import Contradiction
from minicon.solver.conflict_core import contradiction_in, minimal_core
from minicon.solver.explanation import Explanation
from minicon.solver.fixes import find_fixes
from minicon.solver.joint_resolution import Impossible, JointResolution
from minicon.solver.origin import Kind, Origin
from minicon.solver.requirements import ProjectRequirement
from minicon.solver.roots import demands_of
from minicon.solver.search import Search
from minicon.solver.story import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.errors import MiniconError
    from minicon.models.match_spec import MatchSpec
    from minicon.solver.clause import Root
    from minicon.solver.request import SolveRequest
    from minicon.solver.requirements import AnyRequirement

_CAUSES = 8


def explain_contradiction(
    request: SolveRequest, side: CondaSide, contradiction: Contradiction
) -> MiniconError:
    """The error for demands on conda packages that contradict each other."""
    search = Search(side.store)
    core = minimal_core(search, contradiction.roots)
    sentences = tell(side.store, core) or _search_needed(core)
    fixes = find_fixes(request, side, core)
    return Explanation(_demands(core), tuple(sentences), tuple(fixes)).as_error()


def _demands(core: Sequence[Root]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_named(root) for root in core))


def _named(root: Root) -> str:
    origin = root.origin
    if not isinstance(origin, Origin):
        return str(origin)
    prefix = {Kind.PIN: "the pin ", Kind.CONSTRAINT: "the constraint "}.get(origin.kind, "")
    return f"{prefix}{origin.text}"


def _search_needed(core: Sequence[Root]) -> list[str]:
    """When no short chain of reasons exists: say so honestly."""
    names = ", ".join(dict.fromkeys(root.name for root in core))
    return [f"each fits by itself, but no combination of {names} and what they need fits together"]


def explain_impossible(
    request: SolveRequest, side: CondaSide, impossible: Impossible
) -> MiniconError:
    """The error for demands on conda packages and PyPI that contradict each other."""
    smaller, failure = _minimal_request(request, side, impossible)
    core = [str(spec) for spec in smaller.specs] + [str(each) for each in smaller.requirements]
    sentences = dict.fromkeys(_cause(requirement) for requirement, _ in failure.causes[:_CAUSES])
    for contradiction in failure.contradictions[-1:]:
        roots = contradiction.roots
        found = contradiction_in(Search(side.store), roots)
        told = tell(side.store, minimal_core(Search(side.store), roots)) if found else None
        sentences.update(dict.fromkeys(told or [_named(root) for root in roots]))
    return Explanation(tuple(core), tuple(filter(None, sentences)), ()).as_error()


def _cause(requirement: AnyRequirement) -> str:
    if not isinstance(requirement, ProjectRequirement) and not requirement.name:
        return ""
    return requirement.text


def _minimal_request(
    request: SolveRequest, side: CondaSide, impossible: Impossible
) -> tuple[SolveRequest, Impossible]:
    """Leave out what the user asked for, one by one, as long as it stays impossible."""
    failure = impossible
    missing = [
        spec for spec in request.specs if not side.source.candidates(spec.exact_name or "").size
    ]
    for spec in reversed(request.specs):
        trial = replace(request, specs=tuple(each for each in request.specs if each is not spec))
        rest = [each for each in missing if each is not spec]
        found = _fails(trial, side, rest)
        if found is not None:
            request, missing, failure = trial, rest, found
    for requirement in reversed(request.requirements):
        others = tuple(each for each in request.requirements if each is not requirement)
        trial = replace(request, requirements=others)
        found = _fails(trial, side, missing)
        if found is not None:
            request, failure = trial, found
    return request, failure


def _fails(request: SolveRequest, side: CondaSide, missing: list[MatchSpec]) -> Impossible | None:
    specs = [spec for spec in request.specs if spec not in missing]
    smaller = CondaSide(request, side.source, demands_of(request, side.source, specs))
    try:
        smaller.model()
        JointResolution(request, smaller, missing).resolve()
    except Impossible as impossible:
        return impossible
    except Contradiction as contradiction:
        return Impossible([], [contradiction])
    return None
