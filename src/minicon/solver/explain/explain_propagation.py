"""Propagation for explanations: narrow domains step by step and record the cause of every step.

The search's propagation is made for speed. This one is slower and infers more, since it treats a
package's candidates as a whole: *every* remaining numpy needs a python of this set; *no* scipy of
that version is compatible with the remaining pythons. It finds most contradictions without trial
and error, and each step is a sentence.
"""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass
from minicon.solver.candidates.candidate_table import REQUIREMENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import ConditionalDependency, Demand, Variable


@dataclass(frozen=True, slots=True)
class RequiredBy:
    """All remaining candidates of ``source`` require the variable to be in the step's ``keep``."""

    source: int


@dataclass(frozen=True, slots=True)
class IncompatibleWith:
    """The removed candidates are incompatible with all remaining candidates of ``other``."""

    other: int


@dataclass(frozen=True, slots=True)
class ByCondition:
    """A conditional dependency applies, or its condition must not be met."""

    by: ConditionalDependency


@dataclass(frozen=True, slots=True)
class Step:
    """One narrowing of one domain.

    Attributes:
        variable: Index of the variable.
        keep: Values that it may keep.
        cause: The reason.
    """

    variable: int
    keep: int
    cause: Demand | RequiredBy | IncompatibleWith | ByCondition


class ExplainedPropagation:
    """Propagates demands to a fixpoint, or until a domain is empty.

    Args:
        store: The clauses.
        demands: The demands.
        thorough: Also consider packages that only some remaining candidates require, and whether
            requirements of wheels that only some of them have can be met.

    Attributes:
        steps: All steps, oldest first.
        emptied: Index of the variable whose domain is empty; None if there is none.
    """

    def __init__(
        self, store: ClauseStore, demands: Iterable[Demand], *, thorough: bool = False
    ) -> None:
        self.store = store
        self._thorough = thorough
        self.steps: list[Step] = []
        self.emptied: int | None = None
        self._domains: dict[int, int] = {}
        self._changed: dict[int, None] = {}
        self._dependents: dict[int, dict[int, None]] = {}
        for demand in demands:
            variable = store.loaded(demand.name)
            self._narrow(Step(variable.index, demand.allowed, demand))
        while self._changed and self.emptied is None:
            index = next(iter(self._changed))
            del self._changed[index]
            self._propagate(store.variables[index])
            if not self._changed:
                self._propagate_conditions()

    def domain(self, index: int) -> int:
        """The current domain of a variable."""
        known = self._domains.get(index)
        return self.store.variables[index].initial if known is None else known

    def alternatives(self, source: int, target: int) -> list[tuple[int, int]]:
        """Candidates of one variable, grouped by the domain that they allow another one."""
        known = self.store.alternatives.get((source, target))
        if known is None:
            known = self._grouped(source, target)
            if self.store.variables[target].candidates is not None:
                self.store.alternatives[source, target] = known
        return known

    def _grouped(self, source: int, target: int) -> list[tuple[int, int]]:
        variable, other = self.store.variables[source], self.store.variables[target]
        free = variable.universe  # candidates without a dependency among those seen so far
        groups: dict[int, int] = {}
        for clause in self.store.clauses_of(variable):
            if clause.requirement.target != target:
                continue
            if clause.requirement.allowed is None:
                self.store.load(other)
            premise, allowed = clause.premise, clause.requirement.allowed
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

    def _propagate(self, variable: Variable) -> None:
        """Propagate a variable's domain to its dependencies and to its dependents."""
        if not self.domain(variable.index) & variable.absent or self._is_examined(variable):
            clauses = self.store.clauses_of(variable)
            for target in dict.fromkeys(clause.requirement.target for clause in clauses):
                self._dependents.setdefault(target, {})[variable.index] = None
                self._compare(variable, target)
        for source in list(self._dependents.get(variable.index, ())):
            self._compare(self.store.variables[source], variable.index)

    def _propagate_conditions(self) -> None:
        """If all terms of a conditional dependency but one are true, that one must be false."""
        for condition in list(self.store.conditional):
            still_open = [
                index for index, values in condition.terms.items() if self.domain(index) & ~values
            ]
            if len(still_open) < 2:
                index = still_open[0] if still_open else condition.target
                keep = self.store.variables[index].universe & ~condition.terms[index]
                self._narrow(Step(index, keep, ByCondition(condition)))

    def _compare(self, source: Variable, target: int) -> None:
        """Narrow a variable and one of its dependencies by each other."""
        domain = self.domain(source.index)
        unknown = self.store.variables[target].candidates is None
        if self.emptied is not None:
            return
        if domain & source.absent and (unknown or not self._is_examined(source)):
            return
        if unknown and not self._thorough and not self._all_require(source, target, domain):
            return
        reachable = possible = 0
        present = self._domain_of(target)
        for members, allowed in self.alternatives(source.index, target):
            if members & domain:
                reachable |= allowed
            if allowed & present:
                possible |= members
        if domain & ~possible:
            self._narrow(Step(source.index, possible, IncompatibleWith(target)))
        if present & ~reachable:
            self._narrow(Step(target, reachable, RequiredBy(source.index)))

    def _is_examined(self, variable: Variable) -> bool:
        """Whether a variable that may be absent could be present is worth finding out."""
        return self._thorough and variable.name.startswith(REQUIREMENT)

    def _domain_of(self, target: int) -> int:
        variable = self.store.variables[target]
        if variable.candidates is None:
            self.store.load(variable)
        if target not in self._domains and self._is_examined(variable):
            self._domains[target] = variable.initial
            self._changed[target] = None
        return self.domain(target)

    def _all_require(self, source: Variable, target: int, domain: int) -> bool:
        covered = 0
        for clause in self.store.clauses_of(source):
            if clause.requirement.target == target and not clause.requirement.optional:
                covered |= clause.premise
        return not domain & ~covered


def _split(groups: Mapping[int, int], premise: int, allowed: int) -> dict[int, int]:
    """Groups of candidates by the domain they allow, after some of them allow less."""
    found: dict[int, int] = {}
    for possible, members in groups.items():
        parts = ((possible & allowed, members & premise), (possible, members & ~premise))
        for left, part in parts:
            if part:
                found[left] = found.get(left, 0) | part
    return found
