"""Builds that a solution does not need: projects that pip would have to build, and need not.

A project without a wheel for the best python may have one for another. A wheel is preferred, but it
makes no requested package older, nor any other package for the same python, and it is no reason to
build something else.
"""

from __future__ import annotations

from minicon.models.version import version_key
from minicon.solver.joint.wheel_offers import wheels_of
from minicon.solver.request import Strategy
from minicon.solver.search.clauses import Demand
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import Kind, Origin
from minicon.solver.search.search import UndecidedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.solver.joint.wheel_offers import WheelOffers
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaModel, CondaSubproblem


class AvoidableBuilds:
    """Finds models of a request that leave less to pip.

    Args:
        request: The request.
        conda: Finds models.
        wheels: The wheels of projects.
        requested: The projects that the request names.
    """

    def __init__(
        self,
        request: SolveRequest,
        conda: CondaSubproblem,
        wheels: WheelOffers,
        requested: Sequence[str],
    ) -> None:
        self._conda = conda
        self._wheels = wheels
        self._requested = {*requested, *conda.goal.direct} - {"python"}
        self._is_lowest = request.strategy is Strategy.LOWEST

    def avoided(self, demands: Sequence[Demand]) -> CondaModel:
        """The best model for some further demands, without the builds that can be avoided.

        Raises:
            Contradiction: There is no model.
        """
        known = [*demands]
        model = self._conda.model(known)
        tried: set[str] = set()
        while left := [name for name in self._wheels.built(model) if name not in tried]:
            name = left[0]
            tried.add(name)
            origin = Origin(Kind.WHEEL, f"{name} has no wheel")
            wheel = Demand(wheels_of(name), self._wheels.not_built(name), origin)
            other = self._better([*known, wheel], model, name)
            if other is not None:
                model = other
                known.append(wheel)
        return model

    def _better(self, demands: Sequence[Demand], model: CondaModel, name: str) -> CondaModel | None:
        """The best model for some demands, if it has only advantages over one with a build.

        It is searched for without builds first: otherwise old releases would be built in vain.
        """
        for builds in (False, True):
            try:
                other = self._conda.model(demands, builds=builds)
            except (Contradiction, UndecidedError):
                return None
            if self._builds_more(other, model) or self._is_older(other, model, name):
                return None
            if not other.is_built:
                return other
        return other

    def _builds_more(self, model: CondaModel, than: CondaModel) -> bool:
        """Whether a model builds a release that another does not build."""
        built, others = self._wheels.built(model), self._wheels.built(than)
        return any(
            name not in others or model.version_of(name) != than.version_of(name) for name in built
        )

    def _is_older(self, model: CondaModel, than: CondaModel, built: str) -> bool:
        """Whether a package is older than in another model, in which one project is built."""
        names = self._requested
        if model.positions["python"] == than.positions["python"]:
            names = {*names, *than.provided()}
        before, after = (_versions(each, names - {built}) for each in (than, model))
        if self._is_lowest:
            before, after = after, before
        return any(after[name] < before[name] for name in before.keys() & after)


def _versions(model: CondaModel, names: Iterable[str]) -> dict[str, bytes]:
    """Per project or package in a model, a key of its version."""
    texts = ((name, model.version_of(name)) for name in names)
    return {name: version_key(text) for name, text in texts if text is not None}
