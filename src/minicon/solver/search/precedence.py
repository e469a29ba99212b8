"""Precedence: which of two dependencies is decided first, when not both can be the newest.

Dependencies are decided in the order in which they became required, each for its best candidate.
So the first of two may exclude releases of the second::

    tool needs pandas and anndata; anndata 0.12.7 to 0.12.19 need pandas <3

    decide pandas = 3.1.1 ─► anndata 0.12.19 … 0.12.7 are excluded ─► anndata = 0.12.6, years old

A few releases are a fair price; many are not. If one decision leaves :data:`_MANY` newer releases
of a project without something that they need, it is undone, and the project is decided before it.
That happens at most once for each decided package, so it cannot go on forever. Requested packages
are always decided first. uv has the same rule.
"""

from __future__ import annotations

from minicon.solver.candidates.candidate_table import PROJECT, REQUIREMENT
from minicon.solver.candidates.candidates import members
from minicon.solver.search.clauses import Dependency
from minicon.solver.search.conflict_analysis import steps_behind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Incompatibility

#: Number of excluded releases for which a decision is undone.
_MANY = 5


class Precedence:
    """Variables that are decided before others, because these made them too old.

    Args:
        store: The variables.
        requested: Variables that are decided first in any case.

    Attributes:
        waiting: Per variable that was undone, the one that is decided before it, if something
            requires that.
    """

    def __init__(self, store: ClauseStore, requested: Container[int]) -> None:
        self._store = store
        self._requested = requested
        self.waiting: dict[int, int] = {}

    def raise_over_culprit(self, index: int, candidate: int) -> int | None:
        """Give a variable precedence over the decision that excludes many better candidates.

        Args:
            index: The variable that is to be decided.
            candidate: Its best candidate that is left.

        Returns:
            The level to return to, at which that decision is not made yet; None if there is none.
        """
        variable = self._store.variables[index]
        assert variable.candidates is not None
        if candidate < _MANY or variable.candidates.read is None:
            return None
        if index in self._requested or index in (*self.waiting, *self.waiting.values()):
            return None
        versions = variable.candidates.table.versions
        excluded: dict[int, set[str]] = {}
        for level, removed in self._removals(index, (1 << candidate) - 1):
            excluded.setdefault(level, set()).update(versions[each] for each in members(removed))
        for level in sorted(excluded):
            if len(excluded[level]) >= _MANY and self._may_wait(level, index):
                self.waiting[self._decided_at(level)] = index
                return level - 1
        return None

    def following(self) -> int | None:
        """The next variable to decide: one that others wait for, then one that waited for it."""
        for culprit, index in self.waiting.items():
            for each in (index, culprit):
                if self._is_open(each):
                    return each
                if each == index and not self._is_present(index):
                    break
        return None

    def last(self) -> int | None:
        """A variable that waits for one that nothing requires."""
        return next(filter(self._is_open, self.waiting), None)

    def _is_present(self, index: int) -> bool:
        trail = self._store.trail
        return not trail.domains[index] & trail.absents[index]

    def _is_open(self, index: int) -> bool:
        domain = self._store.trail.domains[index]
        return bool(domain & (domain - 1)) and self._is_present(index)

    def _removals(self, index: int, better: int) -> Iterator[tuple[int, int]]:
        """The better candidates whose own requirements are not met, by the decision behind it.

        Those that a requirement of another package excludes do not count: it is right about them.

        Returns:
            The level of the latest decision behind, and the candidates.
        """
        trail = self._store.trail
        history = trail.history[index]
        after = [trail.entries[position][1] for position in history[1:]]
        for position, domain in zip(history, [*after, trail.domains[index]], strict=True):
            _, before, reason, level = trail.entries[position]
            removed = before & ~domain & better
            if level and removed and isinstance(reason, Dependency) and reason.source == index:
                requirement = reason.requirement
                levels = self._levels_behind({requirement.target: requirement.refused})
                if levels:
                    yield max(levels), removed

    def _levels_behind(self, terms: Incompatibility) -> set[int]:
        """The levels of the decisions that terms follow from."""
        entries = self._store.trail.entries
        behind = (entries[each] for each in steps_behind(self._store, terms))
        return {level for _, _, reason, level in behind if reason is None}

    def _decided_at(self, level: int) -> int:
        """The variable that was decided at a level."""
        trail = self._store.trail
        return trail.entries[trail.level_starts[level]][0]

    def _may_wait(self, level: int, index: int) -> bool:
        """Whether the decision of a level is about a version, and is no reason for a variable."""
        culprit = self._decided_at(level)
        if culprit in self._requested or culprit in self.waiting:
            return False
        if self._store.variables[culprit].name.startswith((REQUIREMENT, PROJECT)):
            return False
        candidates = self._store.variables[index].candidates
        assert candidates is not None
        return level not in self._levels_behind({index: candidates.all})
