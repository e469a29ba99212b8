"""CondaSolver: the solver of minicon."""

from __future__ import annotations

from minicon.solver.candidates.candidate_source import CandidateSource
from minicon.solver.candidates.missing_names import split_by_source
from minicon.solver.joint.resolved import Impossible, Resolved
from minicon.solver.request import UpdatePolicy
from minicon.solver.result.removal import before_installing, remove
from minicon.solver.result.solution import narrowed, only_named, solution_of
from minicon.solver.search.conda_subproblem import CondaSubproblem
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import demands_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.errors import MiniconError
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.solver.request import Solution, SolveRequest
    from minicon.solver.search.conda_subproblem import CondaModel


class CondaSolver:
    """Solves conda and PyPI requests in one resolution (see docs/internals/solver.md).

    Holds no state: one instance may serve any number of requests.
    """

    def solve(self, request: SolveRequest) -> Solution:
        """The best solution by conda's preferences.

        Raises:
            PackageNotFound: A requested name is in no source.
            Unsatisfiable: The message holds a minimal set of requests that contradict each
                other, and the hint the fixes that were found to work; its attribute
                ``explanation`` holds all of it as data.
            ChannelError: Records had to be fetched and could not be.
            SpecError: A spec does not name one package.
        """
        if request.removals:
            if not request.specs and not request.requirements:
                return remove(request)
            request = before_installing(request)
        if request.update_policy is UpdatePolicy.SATISFIED_SKIP_SOLVE:
            from minicon.solver.result.solution import as_installed, is_satisfied

            if is_satisfied(request):
                return as_installed(request)
        source = CandidateSource(request)
        source.announce()
        specs, missing = split_by_source(request, source)
        side = CondaSubproblem(request, source, demands_of(request, source, specs))
        try:
            resolved = _resolve(request, side, missing)
        except (Contradiction, Impossible) as failure:
            source.save({})
            fallback = only_named(request, source, side) if request.no_deps else None
            if fallback is None:
                raise _explained(request, side, failure) from None
            return fallback
        solution = solution_of(request, resolved, side)
        source.save(resolved.model.positions)
        return narrowed(request, solution)


def _resolve(request: SolveRequest, side: CondaSubproblem, missing: list[MatchSpec]) -> Resolved:
    """Resolve across sources.

    Where channels alone are concerned, resolvelib would have one identifier with one candidate,
    the conda side's best model: then that is the answer, and nobody pays for importing more.
    """
    model = side.model()
    if not _concerns_pypi(request, side, model, missing):
        return Resolved(model)
    from minicon.solver.joint.joint_resolution import JointResolution

    return JointResolution(request, side, missing).resolve()


def _concerns_pypi(
    request: SolveRequest, side: CondaSubproblem, model: CondaModel, missing: list[MatchSpec]
) -> bool:
    if request.requirements or request.history_requirements or missing:
        return True
    if any(each.record.source == "pypi" for each in request.installed):
        return True
    brings_pip = request.add_pip and request.wheels is not None and "python" in model.positions
    return brings_pip and not side.source.candidates("pip").size


def _explained(
    request: SolveRequest, side: CondaSubproblem, failure: Contradiction | Impossible
) -> MiniconError:
    if isinstance(failure, Contradiction):
        from minicon.solver.explain.explain import explain_contradiction

        return explain_contradiction(request, side, failure)
    from minicon.solver.explain.explain_joint import explain_impossible

    return explain_impossible(request, side, failure)
