"""Conflict analysis: what to learn when a choice turns out to be impossible.

A conflict is an incompatibility whose terms are all true. Its latest term was made true by some
step of the trail, and that step was derived from another incompatibility; *resolving* the two
gives a new one without that step::

    {a: S, x: P}      latest term: x, made true by a step derived from
    {b: T, x: Q}
    ──────────────────
    {a: S, b: T, x: P + Q}      (x falls away if P + Q is everything that x can be)

This is repeated until only one term belongs to the last decision level (the first unique
implication point): then that term must be false at an earlier level, which is where the search
goes back to. Terms that were true from the very start are left out.
"""

from __future__ import annotations

from minicon.solver.search.clauses import Root
from minicon.solver.search.propagation import terms_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Incompatibility
    from minicon.solver.search.trail import Trail


class Contradiction(Exception):
    """The roots cannot all be met.

    Attributes:
        roots: Those that took part in the last derivation; often few, not always minimal.
    """

    def __init__(self, roots: list[Root]) -> None:
        super().__init__()
        self.roots = roots


def learn(store: ClauseStore, conflict: Incompatibility) -> tuple[Incompatibility, int, int]:
    """Derive an incompatibility that would have prevented the conflict.

    Returns:
        The incompatibility, the terms that came true last first; the level to go back to; and the
        variable that it narrows there, which is that of the first term.

    Raises:
        Contradiction: The conflict does not depend on any decision.
    """
    entries = store.trail.entries
    terms = _Terms(store.trail, conflict)
    while True:
        latest, earlier, index = terms.latest()
        level = entries[latest][3] if latest >= 0 else 0
        if not level:
            raise Contradiction(roots_behind(store, terms.values))
        if earlier < 0 or entries[earlier][3] < level:
            return terms.learned(index)
        terms.resolve(terms_of(entries[latest][2]), index, store.variables[index].universe)


class _Terms:
    """An incompatibility that is true, and where on the trail each of its terms became so.

    Attributes:
        values: The incompatibility. Terms that were true from the start are left out; of those
            that the roots made true (level 0) no places are kept.
    """

    __slots__ = ("_first", "_places", "_trail", "values")

    def __init__(self, trail: Trail, conflict: Incompatibility) -> None:
        self._trail = trail
        self._first = (*trail.level_starts, len(trail.entries))[1]
        self._places: dict[int, int] = {}
        self.values: Incompatibility = {}
        for index, values in conflict.items():
            self._put(index, values)

    def latest(self) -> tuple[int, int, int]:
        """Place of the term that came true last, of the one before it, variable of the last."""
        latest = earlier = index = -1
        for other, place in self._places.items():
            if place > latest:
                latest, earlier, index = place, latest, other
            elif place > earlier:
                earlier = place
        return latest, earlier, index

    def resolve(self, cause: Incompatibility, index: int, universe: int) -> None:
        """Combine with what a step was derived from, so that the step is no longer needed."""
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
            del own[index], self._places[index]
        else:
            self._put(index, rest)

    def learned(self, asserting: int) -> tuple[Incompatibility, int, int]:
        """The incompatibility as it is now; see :func:`learn` for what is returned."""
        places, values = self._places, self.values
        order = sorted(places, key=places.__getitem__, reverse=True)
        level = self._trail.entries[places[order[1]]][3] if len(order) > 1 else 0
        ordered = {index: values[index] for index in order}
        return {**ordered, **values}, level, asserting

    def _put(self, index: int, values: int) -> None:
        place = self._trail.satisfier(index, values)
        if place >= self._first:
            self.values[index] = values
            self._places[index] = place
        else:
            self._places.pop(index, None)
            if place >= 0:
                self.values[index] = values
            else:
                self.values.pop(index, None)


def roots_behind(store: ClauseStore, terms: Incompatibility) -> list[Root]:
    """The roots that a true incompatibility was derived from, in the order they were asserted."""
    trail = store.trail
    pending = list(terms.items())
    seen: set[tuple[int, int]] = set()
    roots: dict[int, Root] = {}
    while pending:
        term = pending.pop()
        index, values = term
        place = trail.satisfier(index, values)
        if place < 0 or term in seen:
            continue
        seen.add(term)
        reason = trail.entries[place][2]
        if isinstance(reason, Root):
            roots[place] = reason
            cause = {index: store.variables[index].universe & ~reason.allowed}
        else:
            cause = terms_of(reason)
        # The step removed cause[index]; what else is missing from the domain went earlier.
        pending.append((index, values | cause.get(index, 0)))
        pending += [other for other in cause.items() if other[0] != index]
    return [roots[place] for place in sorted(roots)]
