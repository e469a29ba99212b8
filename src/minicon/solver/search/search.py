"""Conflict-driven search: from demands to one candidate per package.

The loop is that of every CDCL solver and of PubGrub: propagate; after a conflict, learn from it and
jump back; else decide one more package; finish when everything is decided.
"""

from __future__ import annotations

from math import inf
from time import thread_time

from minicon.counted import counted
from minicon.solver.candidates.candidates import best, is_decided
from minicon.solver.search.conflict_analysis import Contradiction, demands_behind, learn
from minicon.solver.search.decisions import Decisions
from minicon.solver.search.propagation import propagate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Demand, Incompatibility


#: Number of steps between two looks at the clock.
_STEPS = 32
#: Number of packages that an undecided search names.
_NAMED = 3


class NotWorthwhileError(Exception):
    """A search was abandoned, since its result cannot be better than a known one."""


class UndecidedError(Exception):
    """A search took longer than allowed.

    Attributes:
        limit: What it reached: ``30 s and 1,200 steps``.
        names: The variables that took part in the most conflicts.
    """

    def __init__(self, limit: str, names: Sequence[str]) -> None:
        super().__init__()
        self.limit = limit
        self.names = names


class Search:
    """Searches over the same records.

    Args:
        store: All variables and clauses.
        seconds: Processor time that all searches together may take.

    Attributes:
        store: All variables and clauses.
        conflicts: Number of conflicts in the last search.
        possible: Per direct name, its domain after propagating the demands alone.
    """

    def __init__(self, store: ClauseStore, seconds: float = inf) -> None:
        self.store = store
        self._seconds = seconds
        self._end = thread_time() + seconds
        self._steps = 0
        self.conflicts = 0
        self.possible: dict[str, int] = {}

    def run(
        self,
        demands: Sequence[Demand],
        direct: Sequence[str] = (),
        preferred: Mapping[str, int] | None = None,
        keep: Sequence[str] = (),
        is_worthwhile: Callable[[], bool] | None = None,
        projects: Sequence[str] = (),
        *,
        builds: bool = True,
    ) -> dict[str, int]:
        """Find the model that the order of decisions prefers.

        Args:
            demands: Demands to meet.
            direct: Names to decide first, in this order.
            preferred: See :class:`Decisions`.
            keep: See :class:`Decisions`.
            is_worthwhile: Called when all of ``direct`` are decided: whether to continue.
            projects: See :class:`Decisions`.
            builds: Whether to read the candidates whose reading was put off, which may build them.

        Returns:
            Per package name in the model, the position of its candidate. Without ``builds``, what
            the candidates that were put off require is missing.

        Raises:
            Contradiction: The demands contradict each other.
            NotWorthwhileError: ``is_worthwhile`` returned False.
            UndecidedError: The search took longer than allowed.
        """
        self._check_time()
        store = self.store
        store.reset()
        self.conflicts = 0
        decisions = Decisions(store, direct, preferred or {}, keep, projects)
        self.assert_demands(demands)
        domains = store.trail.domains
        self.possible = {name: domains[store.by_name[name].index] for name in direct}
        judged = -1
        while True:
            choice = decisions.following()
            if choice is None:
                if not builds or not self._read_deferred():
                    return self._model()
                self._settle(decisions)
                continue
            if is_worthwhile and decisions.are_direct_decided and judged < self.conflicts:
                judged = self.conflicts
                if not is_worthwhile():
                    raise NotWorthwhileError
            self._count()
            earlier = decisions.level_to_return_to(*choice)
            if earlier is None:
                self._decide(*choice)
            else:
                store.backjump(earlier)
            self._settle(decisions)

    def _count(self) -> None:
        """Count a step.

        Raises:
            UndecidedError: The time is over.
        """
        self._steps += 1
        if self._steps % _STEPS == 0:
            self._check_time()

    def _check_time(self) -> None:
        """Raise an UndecidedError if the time is over."""
        if thread_time() > self._end:
            active = sorted(self.store.variables, key=lambda each: each.activity, reverse=True)
            names = [each.name for each in active[:_NAMED] if each.activity]
            raise UndecidedError(f"{self._seconds:g} s and {counted(self._steps, 'step')}", names)

    def _decide(self, index: int, candidate: int) -> None:
        """Choose a candidate; if its dependencies were not read yet, read them first."""
        variable = self.store.variables[index]
        if self.store.readable(variable, 1 << candidate):
            self.store.read(variable, 1 << candidate)
        else:
            self.store.trail.decide(index, candidate)

    def _read_deferred(self) -> bool:
        """Read one chosen candidate whose reading was put off; False if there is none."""
        for index in self.store.trail.required:
            variable = self.store.variables[index]
            chosen = self.store.trail.domains[index] & variable.unread
            if chosen:
                self.store.read(variable, chosen)
                return True
        return False

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
            self._count()
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
