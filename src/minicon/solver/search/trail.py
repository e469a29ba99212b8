"""The current domains and every step that led to them, so that steps can be undone."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.search.clauses import Reason


class Trail:
    """The partial solution.

    ::

        level 0                      level 1 (first decision)        level 2
        python ⊆ 3.11.*  (demand)    numpy = 2.1.0   (decision)        …
        numpy  ⊆ >=1.20  (demand)    libblas ⊆ 3.*   (numpy needs it)

    Attributes:
        domains: Per variable, its current domain.
        absents: Per variable, the bit that stands for ABSENT.
        entries: (variable, domain before, reason, level) oldest first. A reason of None is
            a decision.
        history: Per variable, the positions of its entries.
        level: Number of decisions.
        level_starts: Per level, the position of its first entry.
        required: Variables that cannot be absent, in the order in which that was derived.
        changed: Variables narrowed since the last propagation, in order.
        before: For each of those, its domain at the last propagation.
    """

    __slots__ = (
        "absents",
        "before",
        "changed",
        "domains",
        "entries",
        "history",
        "level",
        "level_starts",
        "required",
    )

    def __init__(self) -> None:
        self.domains: list[int] = []
        self.absents: list[int] = []
        self.entries: list[tuple[int, int, Reason, int]] = []
        self.history: list[list[int]] = []
        self.level = 0
        self.level_starts = [0]
        self.required: list[int] = []
        self.changed: list[int] = []
        self.before: dict[int, int] = {}

    def narrow(self, index: int, keep: int, reason: Reason) -> bool:
        """Remove from a domain all values outside ``keep``; False if none is left."""
        domains, entries = self.domains, self.entries
        domain = domains[index]
        narrowed = domain & keep
        if narrowed == domain:
            return True
        domains[index] = narrowed
        self.history[index].append(len(entries))
        entries.append((index, domain, reason, self.level))
        absent = self.absents[index]
        if domain & absent and not narrowed & absent:
            self.required.append(index)
        if not narrowed:
            return False
        if index not in self.before:
            self.before[index] = domain
            self.changed.append(index)
        return True

    def revisit(self, index: int) -> None:
        """Propagate a variable once more, though it was not narrowed."""
        if index not in self.before:
            self.before[index] = self.domains[index]
            self.changed.append(index)

    def decide(self, index: int, candidate: int) -> None:
        """Open a new level by choosing a candidate for a variable."""
        self.level += 1
        self.level_starts.append(len(self.entries))
        self.narrow(index, 1 << candidate, None)

    def pop(self) -> tuple[int, int, Reason, int]:
        """Undo the last entry and return it."""
        entry = self.entries.pop()
        index, domain = entry[0], entry[1]
        self.history[index].pop()
        absent = self.absents[index]
        if domain & absent and not self.domains[index] & absent:
            if self.required[-1] == index:
                self.required.pop()
            else:
                self.required.remove(index)
        self.domains[index] = domain
        return entry

    def backjump(self, level: int) -> None:
        """Undo all levels above this one."""
        start = self.level_starts[level + 1]
        while len(self.entries) > start:
            self.pop()
        del self.level_starts[level + 1 :]
        self.level = level
        self.changed.clear()
        self.before.clear()

    def reset(self) -> None:
        """Undo all entries, those of demands included."""
        for index, domain, _, _ in reversed(self.entries):
            self.domains[index] = domain
            self.history[index].clear()
        self.entries.clear()
        self.required.clear()
        self.level_starts = [0]
        self.level = 0
        self.changed.clear()
        self.before.clear()

    def satisfier(self, index: int, values: int) -> int:
        """Position of the entry that made a variable's domain a subset of ``values``.

        The domain must be one now. -1 if it was so from the start.
        """
        positions = self.history[index]
        entries = self.entries
        outside = ~values
        # Domains only shrink, so the entry can be found by bisection; it is often the last one.
        low, high = 0, len(positions)
        middle = high - 1
        while low < high:
            if entries[positions[middle]][1] & outside:
                low = middle + 1
            else:
                high = middle
            middle = (low + high) // 2
        return positions[low - 1] if low else -1
