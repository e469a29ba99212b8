"""CondaSolver: the solver of minicon."""

from __future__ import annotations

from minicon.solver.candidate_source import CandidateSource
from minicon.solver.conda_model import CondaSide
from minicon.solver.conflict_analysis import Contradiction
from minicon.solver.explain import explain_contradiction
from minicon.solver.explain_joint import explain_impossible
from minicon.solver.hold_backs import HoldBacks
from minicon.solver.joint_resolution import Impossible, JointResolution
from minicon.solver.missing_names import split_by_source
from minicon.solver.removal import before_installing, remove
from minicon.solver.roots import demands_of
from minicon.solver.solution import narrowed, only_named, solution_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.request import Solution, SolveRequest


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
        source = CandidateSource(request)
        specs, missing = split_by_source(request, source)
        side = CondaSide(request, source, demands_of(request, source, specs))
        try:
            side.model()
            resolved = JointResolution(request, side, missing).resolve()
        except Contradiction as contradiction:
            fallback = only_named(request, source, side) if request.no_deps else None
            if fallback is None:
                raise explain_contradiction(request, side, contradiction) from None
            return fallback
        except Impossible as impossible:
            raise explain_impossible(request, side, impossible) from None
        solution = solution_of(request, resolved, HoldBacks(request, side, resolved.model))
        return narrowed(request, solution)
