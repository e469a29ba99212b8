"""Decisions: which variable is decided next, and for which candidate.

The order is that of resolvo: requested packages, in the user's order, then requested projects of
PyPI; packages that took part in recent conflicts; packages in the order in which they became
required; last, installed packages that nothing requires any more but that may stay.

Of builds with equal version and build number, conda prefers the one whose dependencies can have
the higher versions, compared dependency by dependency in the order of their names, over those that
all builds share; then the newer timestamp, which is the order that candidates have anyway. This
needs the dependencies' candidates, so only builds that are still possible are compared.
"""

from __future__ import annotations

from minicon.solver.candidates.candidates import best, is_decided, members
from minicon.solver.search.precedence import Precedence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Dependency, Incompatibility, Variable

#: The activity added by one conflict is this much less than that of the next (as in MiniSat).
_DECAY = 0.95
_TOO_LARGE = 1e100
#: After this many conflicts requested packages are decided fewest candidates first instead of in
#: the user's order: real requests never get there, and puzzles are solved many times faster.
_PUZZLE = 40


class Decisions:
    """Chooses the next decision of one search.

    Args:
        store: The variables.
        direct: Requested names, to be decided first.
        preferred: Per name, candidates to choose whenever one is possible (installed ones).
        keep: Names to keep, at their preferred candidates, where possible.
        projects: Names to decide after these, in this order, where something requires them.
    """

    def __init__(
        self,
        store: ClauseStore,
        direct: Sequence[str],
        preferred: Mapping[str, int],
        keep: Sequence[str] = (),
        projects: Sequence[str] = (),
    ) -> None:
        self._store = store
        self._direct = [store.loaded(name).index for name in direct]
        self._preferred = {store.loaded(name).index: mask for name, mask in preferred.items()}
        self._keep = [store.loaded(name).index for name in keep]
        self._projects = [store.variable(name).index for name in projects]
        self._active: dict[int, None] = {}
        self._increment = 1.0
        self._conflicts = 0
        self._scanned = 0
        self._scanned_direct = 0
        self._scanned_projects = 0
        self._precedence = Precedence(store, {*self._direct, *self._projects})
        for variable in store.variables:
            variable.activity = 0.0

    @property
    def are_direct_decided(self) -> bool:
        """Whether the last decision was not about a requested package."""
        return self._scanned_direct == len(self._direct)

    def following(self) -> tuple[int, int] | None:
        """The next variable and its candidate; None when everything is decided."""
        index = self._open_direct()
        if index is None:
            index = self._open_project()
        if index is None:
            index = self._precedence.following()
        if index is None:
            index = self._open_active()
        if index is None:
            index = self._open_required()
        if index is None:
            index = self._precedence.last()
        if index is not None:
            return index, self._candidate(index)
        return self._open_kept()

    def learned(self, incompatibility: Incompatibility) -> None:
        """Decide the variables of a learned incompatibility earlier from now on."""
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
        self._scan_again()

    def level_to_return_to(self, index: int, candidate: int) -> int | None:
        """The level to return to, since an earlier decision makes the next one a bad one.

        See :mod:`minicon.solver.search.precedence`.
        """
        level = self._precedence.raise_over_culprit(index, candidate)
        if level is not None:
            self._scan_again()
        return level

    def _scan_again(self) -> None:
        self._scanned = self._scanned_direct = self._scanned_projects = 0

    def _open_direct(self) -> int | None:
        domains, direct = self._store.trail.domains, self._direct
        for position in range(self._scanned_direct, len(direct)):
            domain = domains[direct[position]]
            if domain & (domain - 1):
                self._scanned_direct = position
                break
        else:
            self._scanned_direct = len(direct)
            return None
        if self._conflicts < _PUZZLE:
            return direct[position]
        pending = [index for index in direct[position:] if not is_decided(domains[index])]
        return min(pending, key=lambda index: domains[index].bit_count())

    def _open_project(self) -> int | None:
        domains, absents = self._store.trail.domains, self._store.trail.absents
        for position in range(self._scanned_projects, len(self._projects)):
            index = self._projects[position]
            domain = domains[index]
            if domain & (domain - 1) and not domain & absents[index]:
                self._scanned_projects = position
                return index
        self._scanned_projects = len(self._projects)
        return None

    def _open_active(self) -> int | None:
        domains, variables = self._store.trail.domains, self._store.variables
        waiting = self._precedence.waiting
        chosen, activity = None, 0.0
        for index in self._active:
            domain = domains[index]
            if is_decided(domain) or domain & variables[index].absent or index in waiting:
                continue
            own = variables[index].activity
            if own > activity or (own == activity and chosen is not None and index < chosen):
                chosen, activity = index, own
        return chosen

    def _open_required(self) -> int | None:
        domains, required = self._store.trail.domains, self._store.trail.required
        waiting = self._precedence.waiting
        for position in range(min(self._scanned, len(required)), len(required)):
            domain = domains[required[position]]
            if domain & (domain - 1) and required[position] not in waiting:
                self._scanned = position
                return required[position]
        self._scanned = len(required)
        return None

    def _open_kept(self) -> tuple[int, int] | None:
        domains, variables = self._store.trail.domains, self._store.variables
        for index in self._keep:
            if not is_decided(domains[index]):
                present = domains[index] & ~variables[index].absent
                return index, best(present & self._preferred.get(index, 0) or present)
        return None

    def _candidate(self, index: int) -> int:
        domain = self._store.trail.domains[index]
        preferred = domain & self._preferred.get(index, 0)
        return _best_candidate(self._store, self._store.variables[index], preferred or domain)


def _best_candidate(store: ClauseStore, variable: Variable, domain: int) -> int:
    """The best candidate of a domain that is not empty; ties between builds are broken."""
    candidates = variable.candidates
    assert candidates is not None
    first = best(domain)
    tied = domain & candidates.tied_with(first)
    if not tied & (tied - 1):
        return first
    known = candidates.decided_ties.get(tied)
    if known is None:
        known = candidates.decided_ties[tied] = _break_tie(store, variable, tied)
    return known


def _break_tie(store: ClauseStore, variable: Variable, tied: int) -> int:
    by_target: dict[int, list[Dependency]] = {}
    if tied & variable.unexplored:
        store.add_clauses(variable, tied)
    for clause in variable.clauses:
        if clause.premise & tied and not clause.requirement.optional:
            by_target.setdefault(clause.requirement.target, []).append(clause)
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
    """The tied candidates whose dependency on one target allows the highest version."""
    target = store.variables[clauses[0].requirement.target]
    if target.candidates is None:
        store.load(target)
    assert target.candidates is not None
    reach: dict[int, int] = {}
    for clause in clauses:
        allowed = clause.requirement.allowed
        assert allowed is not None
        rank = target.candidates.highest_version(allowed)
        for member in members(clause.premise & tied):
            reach[member] = min(rank, reach.get(member, rank))
    highest = max(reach.values())
    return sum(1 << member for member, rank in reach.items() if rank == highest)
