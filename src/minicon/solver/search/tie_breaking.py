"""Tie breaking between builds that are equal in version and build number.

Conda's rule: of such builds the one is better whose dependencies may have the higher versions,
compared dependency by dependency in the order of their names, over those that all builds share;
then the newer timestamp, which is the order that candidates have anyway. It costs a look at the
dependencies' candidates, so it is applied only to what is still possible when a choice is made.
"""

from __future__ import annotations

from minicon.solver.candidates.domain import best, members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.search.clause import Dependency
    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.variable import Variable


def break_tie(store: ClauseStore, variable: Variable, domain: int) -> int:
    """The best candidate of a domain that is not empty."""
    candidates = variable.candidates
    assert candidates is not None
    first = best(domain)
    tied = domain & candidates.tied_with(first)
    if not tied & (tied - 1):
        return first
    known = candidates.decided_ties.get(tied)
    if known is None:
        known = candidates.decided_ties[tied] = _best_of(store, variable, tied)
    return known


def _best_of(store: ClauseStore, variable: Variable, tied: int) -> int:
    by_target: dict[int, list[Dependency]] = {}
    if tied & variable.asleep:
        store.wake(variable, tied)
    for clause in variable.clauses:
        if clause.premise & tied and not clause.need.optional:
            by_target.setdefault(clause.need.target, []).append(clause)
    for target in sorted(by_target, key=lambda index: store.variables[index].name):
        clauses = by_target[target]
        shared = 0
        for clause in clauses:
            shared |= clause.premise
        if tied & ~shared or all(not tied & ~clause.premise for clause in clauses):
            continue
        tied = _with_highest(store, clauses, tied) or tied
        if not tied & (tied - 1):
            break
    return best(tied)


def _with_highest(store: ClauseStore, clauses: list[Dependency], tied: int) -> int:
    """Those of the tied candidates whose dependency on one target reaches highest."""
    target = store.variables[clauses[0].need.target]
    if target.candidates is None:
        store.load(target)
    assert target.candidates is not None
    reach: dict[int, int] = {}
    for clause in clauses:
        allowed = clause.need.allowed
        assert allowed is not None
        rank = target.candidates.highest_version(allowed)
        for member in members(clause.premise & tied):
            reach[member] = min(rank, reach.get(member, rank))
    highest = max(reach.values())
    return sum(1 << member for member, rank in reach.items() if rank == highest)
