"""Search: conflict-driven, from roots to a model.

The loop is that of every CDCL solver and of PubGrub: propagate; on a conflict learn from it and go
back; else decide one more package; done when nothing is left to decide.
"""

from __future__ import annotations

from minicon.solver.candidates.candidates import best, is_decided
from minicon.solver.search.conflict_analysis import Contradiction, learn, roots_behind
from minicon.solver.search.decisions import Decisions
from minicon.solver.search.propagation import propagate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Incompatibility, Root


class NotWorthwhileError(Exception):
    """A search was given up, since it cannot become what was hoped for."""


class Search:
    """One or more searches over the same records.

    Attributes:
        conflicts: Conflicts met in the last search.
        possible: Per direct name, its best candidate as far as the roots alone tell.
    """

    def __init__(self, store: ClauseStore) -> None:
        self.store = store
        self.conflicts = 0
        self.possible: dict[str, int] = {}

    def run(
        self,
        roots: Sequence[Root],
        direct: Sequence[str] = (),
        preferred: Mapping[str, int] | None = None,
        keep: Sequence[str] = (),
        is_worthwhile: Callable[[], bool] | None = None,
    ) -> dict[str, int]:
        """Find the model that the order of decisions prefers.

        Args:
            roots: What must hold.
            direct: Names to settle first, in this order.
            preferred: See :class:`Decisions`.
            keep: See :class:`Decisions`.
            is_worthwhile: Asked whenever all of ``direct`` is settled, whether to go on.

        Returns:
            Per package name in the model, the position of its candidate.

        Raises:
            Contradiction: There is no model.
            NotWorthwhileError: ``is_worthwhile`` said no.
        """
        store = self.store
        store.reset()
        self.conflicts = 0
        decisions = Decisions(store, direct, preferred or {}, keep)
        self.assert_roots(roots)
        domains = store.trail.domains
        self.possible = {name: domains[store.by_name[name].index] for name in direct}
        judged = -1
        while True:
            choice = decisions.following()
            if choice is None:
                return self._model()
            if is_worthwhile and decisions.are_direct_settled and judged < self.conflicts:
                judged = self.conflicts
                if not is_worthwhile():
                    raise NotWorthwhileError
            store.trail.decide(*choice)
            self._settle(decisions)

    def assert_roots(self, roots: Sequence[Root]) -> None:
        """Narrow domains to the roots and propagate.

        Raises:
            Contradiction: That alone leads to a conflict.
        """
        trail = self.store.trail
        for root in roots:
            variable = self.store.loaded(root.name)
            if not trail.narrow(variable.index, root.allowed, root):
                trail.pop()
                refused = {variable.index: variable.universe & ~root.allowed}
                raise Contradiction([*roots_behind(self.store, refused), root])
        conflict = propagate(self.store)
        if conflict is not None:
            raise Contradiction(roots_behind(self.store, conflict))

    def _settle(self, decisions: Decisions) -> None:
        """Propagate, and learn from conflicts until there are none."""
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

    def settled(self, names: Sequence[str]) -> dict[str, int]:
        """What some packages are, as far as they are decided and there."""
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
