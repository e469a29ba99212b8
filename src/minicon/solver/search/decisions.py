"""Decisions: which variable is settled next, and as which candidate.

The order is that of resolvo: what the user asked for, in the user's order; then packages that
took part in recent conflicts; then packages in the order in which they became required; last,
installed packages that nothing needs any more but that may stay.
"""

from __future__ import annotations

from minicon.solver.candidates.candidates import best, is_decided, members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Dependency, Incompatibility, Variable


#: Activities of one conflict weigh this much less than those of the next (as in MiniSat).
_DECAY = 0.95
_TOO_LARGE = 1e100
#: After so many conflicts the packages asked for are settled fewest choices first, not in the
#: user's order: real requests never get there, and puzzles are solved many times faster.
_PUZZLE = 40


class Decisions:
    """Chooses; remembers nothing that outlives one search.

    Args:
        store: The variables.
        direct: Names that were asked for, to be settled first.
        preferred: Per name, candidates to take whenever one is possible (installed ones).
        keep: Names to keep, at their preferred candidates, where that is possible.
    """

    def __init__(
        self,
        store: ClauseStore,
        direct: Sequence[str],
        preferred: Mapping[str, int],
        keep: Sequence[str] = (),
    ) -> None:
        self._store = store
        self._direct = [store.loaded(name).index for name in direct]
        self._preferred = {store.loaded(name).index: mask for name, mask in preferred.items()}
        self._keep = [store.loaded(name).index for name in keep]
        self._active: dict[int, None] = {}
        self._increment = 1.0
        self._conflicts = 0
        self._scanned = 0
        self._scanned_direct = 0
        for variable in store.variables:
            variable.activity = 0.0

    @property
    def are_direct_settled(self) -> bool:
        """Whether the last choice was none of what was asked for."""
        return self._scanned_direct == len(self._direct)

    def following(self) -> tuple[int, int] | None:
        """The next variable and its candidate; None when all is settled."""
        index = self._open_direct()
        if index is None:
            index = self._open_active()
        if index is None:
            index = self._open_required()
        if index is not None:
            return index, self._candidate(index)
        return self._open_kept()

    def learned(self, incompatibility: Incompatibility) -> None:
        """Take note of a conflict; what it mentions is settled earlier from now on."""
        self._conflicts += 1
        variables = self._store.variables
        for index in incompatibility:
            variables[index].activity += self._increment
            self._active[index] = None
        self._increment /= _DECAY
        if self._increment > _TOO_LARGE:
            for variable in variables:
                variable.activity /= _TOO_LARGE
            self._increment /= _TOO_LARGE
        self._scanned = self._scanned_direct = 0

    def _open_direct(self) -> int | None:
        domains, direct = self._store.trail.domains, self._direct
        for place in range(self._scanned_direct, len(direct)):
            domain = domains[direct[place]]
            if domain & (domain - 1):
                self._scanned_direct = place
                break
        else:
            self._scanned_direct = len(direct)
            return None
        if self._conflicts < _PUZZLE:
            return direct[place]
        pending = [index for index in direct[place:] if not is_decided(domains[index])]
        return min(pending, key=lambda index: domains[index].bit_count())

    def _open_active(self) -> int | None:
        domains, variables = self._store.trail.domains, self._store.variables
        chosen, activity = None, 0.0
        for index in self._active:
            domain = domains[index]
            if is_decided(domain) or domain & variables[index].absent:
                continue
            own = variables[index].activity
            if own > activity or (own == activity and chosen is not None and index < chosen):
                chosen, activity = index, own
        return chosen

    def _open_required(self) -> int | None:
        domains, required = self._store.trail.domains, self._store.trail.required
        for place in range(min(self._scanned, len(required)), len(required)):
            domain = domains[required[place]]
            if domain & (domain - 1):
                self._scanned = place
                return required[place]
        self._scanned = len(required)
        return None

    def _open_kept(self) -> tuple[int, int] | None:
        domains, variables = self._store.trail.domains, self._store.variables
        for index in self._keep:
            if not is_decided(domains[index]):
                there = domains[index] & ~variables[index].absent
                return index, best(there & self._preferred.get(index, 0) or there)
        return None

    def _candidate(self, index: int) -> int:
        domain = self._store.trail.domains[index]
        preferred = domain & self._preferred.get(index, 0)
        return break_tie(self._store, self._store.variables[index], preferred or domain)


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
