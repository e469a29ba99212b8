"""Conflict analysis: derive an incompatibility from a conflict, so that it is not met again.

A conflict is an incompatibility whose terms are all true. Its latest term was made true by some
step of the trail, and that step was derived from another incompatibility; *resolving* the two
gives a new one without that step::

    {a: S, x: P}      latest term: x, made true by a step derived from
    {b: T, x: Q}
    ──────────────────
    {a: S, b: T, x: P + Q}      (without x if P + Q is all of x's universe)

This is repeated until only one term belongs to the last decision level (the first unique
implication point). That term must be false at an earlier level, to which the search jumps back.
Terms that were true from the start are left out.
"""

from __future__ import annotations

from minicon.solver.search.clauses import Demand
from minicon.solver.search.propagation import terms_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Incompatibility
    from minicon.solver.search.trail import Trail


class Contradiction(Exception):
    """Demands contradict each other.

    Attributes:
        demands: Those that took part in the last derivation; often few, not always minimal.
    """

    def __init__(self, demands: list[Demand]) -> None:
        super().__init__()
        self.demands = demands


def learn(store: ClauseStore, conflict: Incompatibility) -> tuple[Incompatibility, int, int]:
    """Derive an incompatibility that would have prevented the conflict.

    Returns:
        The incompatibility, its latest term first; the level to jump back to; and the variable
        that it narrows there, which is that of the first term.

    Raises:
        Contradiction: The conflict does not depend on any decision.
    """
    entries = store.trail.entries
    terms = _Terms(store.trail, conflict)
    while True:
        latest, earlier, index = terms.latest()
        level = entries[latest][3] if latest >= 0 else 0
        if not level:
            raise Contradiction(demands_behind(store, terms.values))
        if earlier < 0 or entries[earlier][3] < level:
            return terms.learned(index)
        terms.resolve(terms_of(entries[latest][2]), index, store.variables[index].universe)


class _Terms:
    """An incompatibility whose terms are all true, and the trail positions where they became true.

    Attributes:
        values: The incompatibility. Terms that were true from the start are left out; no
            positions are recorded for those that demands made true (level 0).
    """

    __slots__ = ("_first", "_positions", "_trail", "values")

    def __init__(self, trail: Trail, conflict: Incompatibility) -> None:
        self._trail = trail
        self._first = (*trail.level_starts, len(trail.entries))[1]
        self._positions: dict[int, int] = {}
        self.values: Incompatibility = {}
        for index, values in conflict.items():
            self._put(index, values)

    def latest(self) -> tuple[int, int, int]:
        """Position of the latest term, position of the one before it, variable of the latest."""
        latest = earlier = index = -1
        for other, position in self._positions.items():
            if position > latest:
                latest, earlier, index = position, latest, other
            elif position > earlier:
                earlier = position
        return latest, earlier, index

    def resolve(self, cause: Incompatibility, index: int, universe: int) -> None:
        """Eliminate a step by resolving with the incompatibility that it was derived from."""
        own = self.values
        rest = (own[index] | cause.get(index, universe)) & universe
        for other, values in cause.items():
            if other == index:
                continue
            before = own.get(other)
            both = values if before is None else before & values
            if both != before:
                self._put(other, both)
        if rest == universe:
            del own[index], self._positions[index]
        else:
            self._put(index, rest)

    def learned(self, asserting: int) -> tuple[Incompatibility, int, int]:
        """The derived incompatibility; for the result see :func:`learn`."""
        positions, values = self._positions, self.values
        order = sorted(positions, key=positions.__getitem__, reverse=True)
        level = self._trail.entries[positions[order[1]]][3] if len(order) > 1 else 0
        ordered = {index: values[index] for index in order}
        return {**ordered, **values}, level, asserting

    def _put(self, index: int, values: int) -> None:
        position = self._trail.satisfier(index, values)
        if position >= self._first:
            self.values[index] = values
            self._positions[index] = position
        else:
            self._positions.pop(index, None)
            if position >= 0:
                self.values[index] = values
            else:
                self.values.pop(index, None)


def demands_behind(store: ClauseStore, terms: Incompatibility) -> list[Demand]:
    """The demands that an incompatibility of true terms follows from, in order of assertion."""
    entries = store.trail.entries
    reasons = [entries[position][2] for position in sorted(steps_behind(store, terms))]
    return [reason for reason in reasons if isinstance(reason, Demand)]


def steps_behind(store: ClauseStore, terms: Incompatibility) -> set[int]:
    """The positions in the trail of all steps that an incompatibility of true terms follows from.

    Decisions are among them: their reason is None, and they follow from nothing.
    """
    trail = store.trail
    pending = list(terms.items())
    seen: set[tuple[int, int]] = set()
    found: set[int] = set()
    while pending:
        term = pending.pop()
        index, values = term
        position = trail.satisfier(index, values)
        if position < 0 or term in seen:
            continue
        seen.add(term)
        found.add(position)
        reason = trail.entries[position][2]
        if reason is None:
            continue
        if isinstance(reason, Demand):
            cause = {index: store.variables[index].universe & ~reason.allowed}
        else:
            cause = terms_of(reason)
        # The step removed cause[index]; other missing values were removed earlier.
        pending.append((index, values | cause.get(index, 0)))
        pending += [other for other in cause.items() if other[0] != index]
    return found
