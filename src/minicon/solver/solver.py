"""The solver: from a request to the packages of an environment. Start reading here.

1. **Removals.** A request that only removes is answered from the installed records
   (:mod:`.result.removal`); so is one whose specs are all met already (:mod:`.result.solution`).
2. **Candidates.** :mod:`.candidates` finds the records of each package name in the channels,
   sorts them best first, and compiles them into bitsets. Specs whose names no channel has are left
   to PyPI, if it is a source.
3. **Demands.** Specs, history, pins, constraints and installed packages become demands: "this
   package must be one of these candidates" (:mod:`.search.demands`).
4. **Resolution.** resolvelib drives it (:func:`resolve`). All conda packages are one identifier,
   ``@conda``; its candidate is the best set of packages for all demands, which a conflict-driven
   search over bitsets finds (:mod:`.search`). Python projects from PyPI are identifiers beside it
   (:mod:`.joint`): a wheel adds demands to ``@conda``, and a new set of packages is searched for.
5. **Result.** The chosen records in link order, each with the reasons for it (:mod:`.result`);
   or an error that shows the conflicting demands, why they conflict, and which changes of the
   request were found to work (:mod:`.explain`).

docs/internals/solver.md explains the terms and the algorithms.
"""

from __future__ import annotations

from minicon.errors import MiniconError, Unsatisfiable
from minicon.solver.candidates.candidate_source import CandidateSource
from minicon.solver.candidates.missing_names import split_by_source
from minicon.solver.joint.requirements import (
    CONDA,
    CondaCandidate,
    CondaRequirement,
    Resolved,
)
from minicon.solver.request import UpdatePolicy
from minicon.solver.result.solution import (
    as_installed,
    is_satisfied,
    restricted,
    solution_of,
    without_dependencies,
)
from minicon.solver.search.conda_subproblem import CondaSubproblem
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import goal_of
from minicon.solver.search.search import UndecidedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.solver.joint.conda_provider import CondaProvider
    from minicon.solver.joint.requirements import AnyCandidate
    from minicon.solver.request import Solution, SolveRequest
    from minicon.solver.search.conda_subproblem import CondaModel


#: More than resolvelib ever needs, since it never goes back: one for each package from PyPI.
_ROUNDS = 100_000


class CondaSolver:
    """Solves requests for conda packages and Python projects in one resolution.

    Has no state: one instance can serve any number of requests.
    """

    def solve(self, request: SolveRequest) -> Solution:
        """Find the best solution by conda's preferences; equal requests have equal solutions.

        Raises:
            PackageNotFound: A requested name is in no source.
            Unsatisfiable: The message names a minimal set of demands that contradict each other,
                and the hint the changes that were found to work; the attribute ``explanation``
                has all of it as data.
            ChannelError: Records could not be fetched.
            SpecError: A spec does not name one package.
        """
        if request.removals:
            from minicon.solver.result.removal import before_installing, remove

            if not request.specs and not request.requirements:
                return remove(request)
            request = before_installing(request)
        if request.update_policy is UpdatePolicy.SATISFIED_SKIP_SOLVE and is_satisfied(request):
            return as_installed(request)
        source = CandidateSource(request)
        source.prefetch()
        specs, for_pypi = split_by_source(request, source)
        conda = CondaSubproblem(request, source, goal_of(request, source, specs))
        try:
            resolved = resolve(request, conda, for_pypi)
        except UndecidedError as undecided:
            source.save({})
            raise _undecided(undecided) from None
        except Contradiction as conflict:
            source.save({})
            fallback = without_dependencies(request, conda) if request.no_deps else None
            if fallback is None:
                raise _explained(request, conda, conflict) from None
            return fallback
        solution = solution_of(request, resolved, conda)
        source.save(resolved.model.positions)
        return restricted(request, solution)


def resolve(
    request: SolveRequest, conda: CondaSubproblem, for_pypi: Sequence[MatchSpec]
) -> Resolved:
    """Resolve a request's conda packages and, if it concerns PyPI, its Python projects.

    Args:
        request: The request.
        conda: Its conda packages.
        for_pypi: Specs whose names no channel has, to be met by PyPI.

    Raises:
        Contradiction: The demands contradict each other.
        UndecidedError: The search took too long.
        MiniconError: A project is in no source.
    """
    from minicon.solver.joint.conda_provider import CondaProvider

    if not _requires_projects(request, for_pypi):
        model = _conda_model(_run_resolvelib(CondaProvider(conda)))
        if not _concerns_wheels(request, conda, model):
            return Resolved(model)
    from minicon.solver.joint.joint_problem import JointProblem

    problem = JointProblem(request, conda, for_pypi)
    provider = problem.provider()
    return problem.outcome(provider, _run_resolvelib(provider))


def _run_resolvelib(provider: CondaProvider) -> Mapping[str, AnyCandidate]:
    """Let resolvelib find one candidate per identifier, so that all requirements are met.

    It begins with the conda packages; the chosen ones require everything else.

    Returns:
        The candidates by identifier.

    Raises:
        Contradiction: There are none.
        UndecidedError: The search took too long.
    """
    from resolvelib import BaseReporter

    from minicon.solver.joint.conda_provider import DecidedResolution

    # Not Resolver: it builds a graph of the result by recursion, which cycles make endless.
    resolution = DecidedResolution(provider, BaseReporter())
    return resolution.resolve([CondaRequirement()], max_rounds=_ROUNDS).mapping


def _conda_model(chosen: Mapping[str, AnyCandidate]) -> CondaModel:
    candidate = chosen[CONDA]
    assert isinstance(candidate, CondaCandidate)
    return candidate.model


def _requires_projects(request: SolveRequest, for_pypi: Sequence[MatchSpec]) -> bool:
    """Whether the user requests Python projects, or wheels are installed."""
    if request.requirements or request.history_requirements or for_pypi:
        return True
    return any(each.record.source == "pypi" for each in request.installed)


def _concerns_wheels(request: SolveRequest, conda: CondaSubproblem, model: CondaModel) -> bool:
    """Whether python needs pip as a wheel, because no channel has it."""
    adds_pip = request.add_pip and request.wheels is not None and "python" in model.positions
    return adds_pip and not conda.source.candidates("pip").size


def _explained(
    request: SolveRequest, conda: CondaSubproblem, conflict: Contradiction
) -> MiniconError:
    from minicon.solver.explain.explain import explain_contradiction

    return explain_contradiction(request, conda, conflict, _is_solvable)


def _is_solvable(request: SolveRequest) -> bool:
    source = CandidateSource(request)
    try:
        specs, for_pypi = split_by_source(request, source)
        resolve(
            request, CondaSubproblem(request, source, goal_of(request, source, specs)), for_pypi
        )
    except (Contradiction, UndecidedError, MiniconError):
        return False
    return True


def _undecided(undecided: UndecidedError) -> Unsatisfiable:
    from minicon.solver.explain.report_text import variable_text

    names = list(dict.fromkeys(map(variable_text, undecided.names)))
    return Unsatisfiable(
        "undecided",
        f"not decided after {undecided.limit}"
        + (f"; most in the way: {', '.join(names)}" if names else ""),
        hint="request narrower versions of these packages" if names else None,
    )
