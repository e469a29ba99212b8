"""Conflict-driven search: from demands to one candidate per package.

The loop is that of every CDCL solver and of PubGrub: propagate; after a conflict, learn from it and
jump back; else decide one more package; finish when everything is decided.
"""

from __future__ import annotations

from minicon.solver.candidates.candidates import best, is_decided
from minicon.solver.search.conflict_analysis import Contradiction, demands_behind, learn
from minicon.solver.search.decisions import Decisions
from minicon.solver.search.propagation import propagate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Demand, Incompatibility


class NotWorthwhileError(Exception):
    """A search was abandoned, since its result cannot be better than a known one."""


class Search:
    """Searches over the same records.

    Attributes:
        store: All variables and clauses.
        conflicts: Number of conflicts in the last search.
        possible: Per direct name, its domain after propagating the demands alone.
    """

    def __init__(self, store: ClauseStore) -> None:
        self.store = store
        self.conflicts = 0
        self.possible: dict[str, int] = {}

    def run(
        self,
        demands: Sequence[Demand],
        direct: Sequence[str] = (),
        preferred: Mapping[str, int] | None = None,
        keep: Sequence[str] = (),
        is_worthwhile: Callable[[], bool] | None = None,
    ) -> dict[str, int]:
        """Find the model that the order of decisions prefers.

        Args:
            demands: Demands to meet.
            direct: Names to decide first, in this order.
            preferred: See :class:`Decisions`.
            keep: See :class:`Decisions`.
            is_worthwhile: Called when all of ``direct`` are decided: whether to continue.

        Returns:
            Per package name in the model, the position of its candidate.

        Raises:
            Contradiction: The demands contradict each other.
            NotWorthwhileError: ``is_worthwhile`` returned False.
        """
        store = self.store
        store.reset()
        self.conflicts = 0
        decisions = Decisions(store, direct, preferred or {}, keep)
        self.assert_demands(demands)
        domains = store.trail.domains
        self.possible = {name: domains[store.by_name[name].index] for name in direct}
        judged = -1
        while True:
            choice = decisions.following()
            if choice is None:
                return self._model()
            if is_worthwhile and decisions.are_direct_decided and judged < self.conflicts:
                judged = self.conflicts
                if not is_worthwhile():
                    raise NotWorthwhileError
            store.trail.decide(*choice)
            self._settle(decisions)

    def assert_demands(self, demands: Sequence[Demand]) -> None:
        """Narrow domains to the demands and propagate.

        Raises:
            Contradiction: They contradict each other without any decision.
        """
        trail = self.store.trail
        for demand in demands:
            variable = self.store.loaded(demand.name)
            if not trail.narrow(variable.index, demand.allowed, demand):
                trail.pop()
                refused = {variable.index: variable.universe & ~demand.allowed}
                raise Contradiction([*demands_behind(self.store, refused), demand])
        conflict = propagate(self.store)
        if conflict is not None:
            raise Contradiction(demands_behind(self.store, conflict))

    def _settle(self, decisions: Decisions) -> None:
        """Propagate; learn from conflicts until there are none."""
        store = self.store
        while True:
            conflict = propagate(store)
            if conflict is None:
                return
            self.conflicts += 1
            self._learn_from(conflict, decisions)

    def _learn_from(self, conflict: Incompatibility, decisions: Decisions) -> None:
        store = self.store
        learned, level, index = learn(store, conflict)
        decisions.learned(learned)
        store.backjump(level)
        store.remember(learned)
        store.trail.narrow(index, ~learned[index], learned)

    def decided(self, names: Sequence[str]) -> dict[str, int]:
        """The chosen candidates of some packages, as far as decided."""
        variables, domains = self.store.by_name, self.store.trail.domains
        found = {}
        for name in names:
            variable = variables[name]
            domain = domains[variable.index]
            if is_decided(domain) and not domain & variable.absent:
                found[name] = best(domain)
        return found

    def _model(self) -> dict[str, int]:
        trail, variables = self.store.trail, self.store.variables
        return {
            variables[index].name: trail.domains[index].bit_length() - 1 for index in trail.required
        }
