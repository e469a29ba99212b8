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

from minicon.solver.clause import Root
from minicon.solver.propagation import terms_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.clause import Incompatibility
    from minicon.solver.clause_store import ClauseStore
    from minicon.solver.trail import Trail


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
        The incompatibility, the level to go back to, and the variable that it narrows there.

    Raises:
        Contradiction: The conflict does not depend on any decision.
    """
    trail = store.trail
    terms = dict(conflict)
    while True:
        latest, index, earlier = _latest_terms(trail, terms)
        if latest < 0 or trail.entries[latest][3] == 0:
            raise Contradiction(roots_behind(store, terms))
        level = trail.entries[latest][3]
        if earlier < level:
            return terms, earlier, index
        cause = terms_of(trail.entries[latest][2])
        terms = _resolve(terms, cause, index, store.variables[index].universe)


def _latest_terms(trail: Trail, terms: Incompatibility) -> tuple[int, int, int]:
    """Place and variable of the term that came true last, and the level of all others.

    Terms that were true from the start are removed from ``terms``.
    """
    latest, latest_index, earlier = -1, -1, 0
    always = []
    for index, values in terms.items():
        place = trail.satisfier(index, values)
        if place < 0:
            always.append(index)
        elif place > latest:
            if latest >= 0:
                earlier = max(earlier, trail.entries[latest][3])
            latest, latest_index = place, index
        else:
            earlier = max(earlier, trail.entries[place][3])
    for index in always:
        del terms[index]
    return latest, latest_index, earlier


def _resolve(
    terms: Incompatibility, cause: Incompatibility, index: int, universe: int
) -> Incompatibility:
    """Combine two incompatibilities so that the step at ``index`` is no longer needed."""
    resolvent = {other: values for other, values in terms.items() if other != index}
    for other, values in cause.items():
        if other != index:
            resolvent[other] = resolvent[other] & values if other in resolvent else values
    rest = (terms[index] | cause.get(index, universe)) & universe
    if rest != universe:
        resolvent[index] = rest
    return resolvent


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
