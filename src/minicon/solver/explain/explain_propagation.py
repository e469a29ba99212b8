"""Narrowing: step by step, what demands leave possible, with the cause of every step.

The search proper is made for speed; explanations are made from this slower and more far-sighted
reasoning, which looks at a package's candidates as a whole: *every* numpy that is left needs some
python of this set; *no* scipy of that version goes with what python may be. Most contradictions
show themselves by it without any trial and error, and each step is a sentence.
"""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Condition, Root, Variable


@dataclass(frozen=True, slots=True)
class Needs:
    """All that is left of ``source`` needs the variable to be in the step's ``keep``."""

    source: int


@dataclass(frozen=True, slots=True)
class Excluded:
    """Candidates that do not go with what is left of ``other`` are out."""

    other: int


@dataclass(frozen=True, slots=True)
class Conditioned:
    """A dependency whose condition holds, or whose condition must not hold."""

    by: Condition


@dataclass(frozen=True, slots=True)
class Step:
    """One narrowing of one variable.

    Attributes:
        variable: Which.
        keep: What it must be in.
        cause: Why.
    """

    variable: int
    keep: int
    cause: Root | Needs | Excluded | Conditioned


class Narrowing:
    """Narrows from roots to a fixpoint, or until nothing is left of some package.

    Args:
        store: The clauses.
        roots: Where to start.
        thorough: Look also at packages that only some candidates need.

    Attributes:
        steps: In order of time.
        emptied: The variable that nothing is left of, or None.
    """

    def __init__(
        self, store: ClauseStore, roots: Iterable[Root], *, thorough: bool = False
    ) -> None:
        self.store = store
        self._thorough = thorough
        self.steps: list[Step] = []
        self.emptied: int | None = None
        self._domains: dict[int, int] = {}
        self._changed: dict[int, None] = {}
        self._dependents: dict[int, dict[int, None]] = {}
        for root in roots:
            variable = store.loaded(root.name)
            self._narrow(Step(variable.index, root.allowed, root))
        while self._changed and self.emptied is None:
            index = next(iter(self._changed))
            del self._changed[index]
            self._look_at(store.variables[index])
            if not self._changed:
                self._look_at_conditions()

    def domain(self, index: int) -> int:
        """What is left of a variable."""
        known = self._domains.get(index)
        return self.store.variables[index].initial if known is None else known

    def alternatives(self, source: int, target: int) -> list[tuple[int, int]]:
        """Candidates of one variable, grouped by what they let another one be."""
        known = self.store.alternatives.get((source, target))
        if known is None:
            known = self._grouped(source, target)
            if self.store.variables[target].candidates is not None:
                self.store.alternatives[source, target] = known
        return known

    def _grouped(self, source: int, target: int) -> list[tuple[int, int]]:
        variable, other = self.store.variables[source], self.store.variables[target]
        free = variable.universe  # candidates that no dependency looked at so far speaks of
        groups: dict[int, int] = {}
        for clause in self.store.clauses_of(variable):
            if clause.need.target != target:
                continue
            if clause.need.allowed is None:
                self.store.load(other)
            premise, allowed = clause.premise, clause.need.allowed
            assert allowed is not None
            if premise & ~free:  # rare: builds that name a package twice
                groups = _split(groups, premise, allowed)
            groups[allowed] = groups.get(allowed, 0) | premise & free
            free &= ~premise
        groups[other.universe] = groups.get(other.universe, 0) | free
        return [(members, possible & other.universe) for possible, members in groups.items()]

    def _narrow(self, step: Step) -> None:
        if self.emptied is not None:
            return
        before = self.domain(step.variable)
        after = before & step.keep
        if after == before:
            return
        self.steps.append(step)
        self._domains[step.variable] = after
        self._changed[step.variable] = None
        if not after:
            self.emptied = step.variable

    def _look_at(self, variable: Variable) -> None:
        """Draw what follows from a variable's domain, for what it needs and for what needs it."""
        if not self.domain(variable.index) & variable.absent:
            clauses = self.store.clauses_of(variable)
            for target in dict.fromkeys(clause.need.target for clause in clauses):
                self._dependents.setdefault(target, {})[variable.index] = None
                self._compare(variable, target)
        for source in list(self._dependents.get(variable.index, ())):
            self._compare(self.store.variables[source], variable.index)

    def _look_at_conditions(self) -> None:
        """Where all of a conditional dependency holds but one part, that part must not."""
        for condition in list(self.store.conditions):
            still_open = [
                index for index, values in condition.terms.items() if self.domain(index) & ~values
            ]
            if len(still_open) < 2:
                index = still_open[0] if still_open else condition.target
                keep = self.store.variables[index].universe & ~condition.terms[index]
                self._narrow(Step(index, keep, Conditioned(condition)))

    def _compare(self, source: Variable, target: int) -> None:
        """Narrow a variable and one that it depends on by each other."""
        domain = self.domain(source.index)
        if self.emptied is not None or domain & source.absent:
            return
        unknown = self.store.variables[target].candidates is None
        if unknown and not self._thorough and not self._all_need(source, target, domain):
            return
        reachable = possible = 0
        there = self._domain_of(target)
        for members, allowed in self.alternatives(source.index, target):
            if members & domain:
                reachable |= allowed
            if allowed & there:
                possible |= members
        if domain & ~possible:
            self._narrow(Step(source.index, possible, Excluded(target)))
        if there & ~reachable:
            self._narrow(Step(target, reachable, Needs(source.index)))

    def _domain_of(self, target: int) -> int:
        variable = self.store.variables[target]
        if variable.candidates is None:
            self.store.load(variable)
        return self.domain(target)

    def _all_need(self, source: Variable, target: int, domain: int) -> bool:
        covered = 0
        for clause in self.store.clauses_of(source):
            if clause.need.target == target and not clause.need.optional:
                covered |= clause.premise
        return not domain & ~covered


def _split(groups: Mapping[int, int], premise: int, allowed: int) -> dict[int, int]:
    """Groups of candidates by what they let a target be, when some of them let it be less."""
    found: dict[int, int] = {}
    for possible, members in groups.items():
        parts = ((possible & allowed, members & premise), (possible, members & ~premise))
        for left, part in parts:
            if part:
                found[left] = found.get(left, 0) | part
    return found
