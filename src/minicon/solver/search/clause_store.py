"""All variables and clauses of one problem, added only when the search gets to them."""

from __future__ import annotations

from minicon.solver.candidates.candidates import members
from minicon.solver.search.clauses import (
    ConditionalDependency,
    Dependency,
    Requirement,
    Variable,
    Watcher,
)
from minicon.solver.search.trail import Trail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from minicon.solver.candidates.candidate_table import Conditional
    from minicon.solver.candidates.candidates import Candidates
    from minicon.solver.search.clauses import Incompatibility


#: This many times clauses are added for the candidates in reach, then for all: each time looks at
#: all dependencies of the package.
_SEPARATELY = 8


class ClauseStore:
    """Variables by name, their clauses, and the trail that runs over them.

    Clauses, learned ones included, follow from the records alone and not from demands, so one store
    serves all searches over the same records (alternative orders, joint resolution with wheels,
    explanations), each faster than the one before.

    Attributes:
        late: Clauses that already had consequences when they were added; the next propagation
            applies them first.
        alternatives: For explanations, per source and target, the candidates of the source
            grouped by the domain that they allow it.
        conditional: All conditional dependencies, for explanations.
        applied: Late clauses and the levels at which they were applied. They may have
            consequences at lower levels too, so they are applied again after a backjump to one.
    """

    def __init__(self, find: Callable[[str], Candidates]) -> None:
        self._find = find
        self._queue: list[tuple[Variable, Conditional]] = []
        self.alternatives: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self.conditional: list[ConditionalDependency] = []
        self.variables: list[Variable] = []
        self.by_name: dict[str, Variable] = {}
        self.trail = Trail()
        self.late: list[Dependency | Watcher] = []
        self.applied: list[tuple[int, Dependency | Watcher]] = []

    def variable(self, name: str) -> Variable:
        """The variable of a name, created if new, not necessarily loaded."""
        found = self.by_name.get(name)
        if found is None:
            found = self.by_name[name] = Variable(name, len(self.variables))
            self.variables.append(found)
            self.trail.domains.append(-1)
            self.trail.absents.append(1)
            self.trail.history.append([])
        return found

    def loaded(self, name: str) -> Variable:
        """The variable of a name with its candidates."""
        variable = self.variable(name)
        if variable.candidates is None:
            self.load(variable)
        return variable

    def load(self, variable: Variable) -> None:
        """Give a variable its candidates and clauses.

        Conditional dependencies are added from a queue, since loading their targets may bring more
        of them: long chains do not recurse.
        """
        self._load_one(variable)
        while self._queue:
            source, conditional = self._queue.pop()
            if all(self._matching(*each) for each in conditional.condition):
                self._add_conditional(source, conditional)

    def backjump(self, level: int) -> None:
        """Undo all decisions above a level; late clauses are applied again where needed."""
        self.trail.backjump(level)
        self._reapply(level)

    def reset(self) -> None:
        """Undo all decisions and demands; learned clauses stay."""
        self.trail.reset()
        self._reapply(-1)

    def _reapply(self, level: int) -> None:
        """Queue late clauses that were applied above a level and still have consequences."""
        undone = [clause for applied_at, clause in self.applied if applied_at > level]
        if undone:
            self.applied = [each for each in self.applied if each[0] <= level]
        self.late = [c for c in (*undone, *self.late) if self._has_consequences(c)]

    def _has_consequences(self, clause: Dependency | Watcher) -> bool:
        domains = self.trail.domains
        if isinstance(clause, Watcher):
            terms = clause.incompatibility.items()
            return sum(1 for index, values in terms if domains[index] & ~values) <= 1
        source, premise, requirement = clause
        assert requirement.allowed is not None
        return (
            not domains[source] & ~premise or not domains[requirement.target] & requirement.allowed
        )

    def _load_one(self, variable: Variable) -> None:
        candidates = variable.candidates = self._find(variable.name)
        variable.absent = self.trail.absents[variable.index] = 1 << candidates.size
        variable.universe = (variable.absent << 1) - 1
        fixed = candidates.fixed and candidates.size
        variable.initial = variable.universe ^ variable.absent if fixed else variable.universe
        self.trail.domains[variable.index] = variable.initial
        table = candidates.table
        count = len(table.dependencies) + len(table.constrains)
        variable.by_position = [None] * count
        variable.unexplored = candidates.all if count else 0
        variable.unread = candidates.all if candidates.read else 0
        for requirements in (variable.requirements, variable.constraints):
            for requirement in requirements.values():
                self._attach(requirement, variable)
                self._apply_later(requirement.carriers)
        self._queue += [(variable, each) for each in table.conditional]
        for name in candidates.carriers:
            self._mirror_all(self.variable(name), variable)

    def _mirror_all(self, carrier: Variable, variable: Variable) -> None:
        """Apply the limits on a conda package to the wheels of its project, now and later."""
        carrier.mirrors.append(variable)
        for requirement in list(carrier.constraints.values()):
            for clause in list(requirement.carriers):
                self._mirror(clause)

    def _mirror(self, clause: Dependency) -> None:
        """Apply one limit on a conda package to the wheels of its project.

        Limits whose text is a domain are those of projects, and mean the package alone.
        """
        source, premise, requirement = clause
        if requirement.text.startswith("#"):
            return
        for target in self.variables[requirement.target].mirrors:
            own = self._requirement(target.name, requirement.text, True)
            self._extend(self.variables[source], premise, own)

    def add_clauses(self, variable: Variable, domain: int) -> None:
        """Add clauses for the dependencies of the candidates in a domain.

        Half of a table's dependencies are those of old builds that are excluded as soon as the
        package is required at all, so a clause is added only when its package must be installed
        (not ABSENT) and a remaining candidate has the dependency.
        """
        assert variable.candidates is not None
        variable.explorations += 1
        if variable.explorations > _SEPARATELY:
            domain = variable.universe
        variable.unexplored &= ~domain
        table, clauses = variable.candidates.table, variable.by_position
        position = 0
        for given, optional in ((table.dependencies, False), (table.constrains, True)):
            for name, text, premise in given:
                if premise & domain and clauses[position] is None:
                    clauses[position] = self._clause(
                        variable, premise, self._requirement(name, text, optional)
                    )
                position += 1
        variable.clauses = [clause for clause in clauses if clause is not None]
        variable.clauses += variable.read.values()
        variable.clauses_changed()

    def readable(self, variable: Variable, domain: int) -> int:
        """Those of a domain's unread candidates that need not be put off."""
        assert variable.candidates is not None
        domain &= variable.unread
        defers = variable.candidates.defers
        if not domain or defers is None:
            return domain
        return sum(1 << position for position in members(domain) if not defers(position))

    def read(self, variable: Variable, domain: int) -> None:
        """Add the dependencies of some candidates that are known only once they are read.

        Candidates that turn out to have the same dependency share one clause.
        """
        assert variable.candidates is not None
        assert variable.candidates.read is not None
        for position in members(domain & variable.unread):
            found = list(variable.candidates.read(position))
            variable.unread &= ~(1 << position)  # not if it could not be read
            for name, text in found:
                self._extend(variable, 1 << position, self._requirement(name, text, False))

    def _extend(self, variable: Variable, premise: int, requirement: Requirement) -> None:
        """Add candidates to those that have a requirement."""
        known = variable.read.get(requirement)
        if known is not None:
            premise |= known.premise
            requirement.carriers.remove(known)
            variable.clauses.remove(known)
        clause = Dependency((variable.index, premise, requirement))
        requirement.carriers.append(clause)
        variable.clauses.append(clause)
        variable.read[requirement] = clause
        variable.clauses_changed()
        if requirement.allowed is None and not self.trail.domains[variable.index] & ~premise:
            self.load(self.variables[requirement.target])
        elif requirement.allowed is not None and self._has_consequences(clause):
            self.late.append(clause)

    def clauses_of(self, variable: Variable) -> list[Dependency]:
        """All dependencies of a variable's candidates."""
        if variable.unexplored:
            self.add_clauses(variable, variable.universe)
        return variable.clauses

    def _requirement(self, name: str, text: str, optional: bool) -> Requirement:
        target = self.by_name.get(name) or self.variable(name)
        requirements = target.constraints if optional else target.requirements
        requirement = requirements.get(text)
        if requirement is None:
            requirement = requirements[text] = Requirement(target.index, text, optional)
            if target.candidates is not None:
                self._attach(requirement, target)
        return requirement

    def _clause(self, variable: Variable, premise: int, requirement: Requirement) -> Dependency:
        clause = Dependency((variable.index, premise, requirement))
        requirement.carriers.append(clause)
        allowed = requirement.allowed
        if allowed is not None and not self.trail.domains[requirement.target] & allowed:
            self.late.append(clause)
        if requirement.optional and self.variables[requirement.target].mirrors:
            self._mirror(clause)
        return clause

    def _attach(self, requirement: Requirement, target: Variable) -> None:
        """Evaluate a requirement, now that its target has candidates."""
        assert target.candidates is not None
        allowed = target.candidates.matching(requirement.text)
        if requirement.optional:
            allowed |= target.absent
        requirement.allowed = allowed
        requirement.universe = target.universe
        same = target.incoming.get(allowed)
        if same is None:
            target.incoming[allowed] = [requirement]
        else:
            same.append(requirement)

    def _apply_later(self, dependencies: Iterable[Dependency]) -> None:
        """Queue those new clauses that already have consequences."""
        self.late += [clause for clause in dependencies if self._has_consequences(clause)]

    def _add_conditional(self, source: Variable, conditional: Conditional) -> None:
        """Add "premise and condition → target" as an incompatibility."""
        allowed = self._matching(conditional.name, conditional.text)
        target = self.by_name[conditional.name]
        if conditional.optional:
            allowed |= target.absent
        terms = {source.index: conditional.premise}
        terms[target.index] = terms.get(target.index, target.universe) & ~allowed
        for name, text in conditional.condition:
            other = self.by_name[name]
            terms[other.index] = terms.get(other.index, other.universe) & self._matching(name, text)
        if all(terms.values()):
            self.conditional.append(
                ConditionalDependency(source.index, target.index, conditional, terms)
            )
            watcher = self.watch(terms)
            self.late.append(watcher)

    def _matching(self, name: str, text: str) -> int:
        """The candidates of a name that match a MatchSpec; loads that name alone."""
        variable = self.variable(name)
        if variable.candidates is None:
            self._load_one(variable)
        assert variable.candidates is not None
        return variable.candidates.matching(text)

    def remember(self, learned: Incompatibility) -> None:
        """Add an incompatibility that :func:`learn` derived, for this search and all later ones."""
        watcher = self._watched(list(learned.items()), learned)
        if len(learned) == 1:
            self.applied.append((0, watcher))

    def watch(self, incompatibility: Incompatibility) -> Watcher:
        """Watch an incompatibility at the two terms that became true last."""
        trail = self.trail

        def lateness(term: tuple[int, int]) -> int:
            index, values = term
            if trail.domains[index] & ~values:
                return len(trail.entries)
            return trail.satisfier(index, values)

        return self._watched(
            sorted(incompatibility.items(), key=lateness, reverse=True), incompatibility
        )

    def _watched(self, terms: list[tuple[int, int]], incompatibility: Incompatibility) -> Watcher:
        watcher = Watcher(terms, incompatibility)
        for index, values in terms[:2] if len(terms) > 1 else ():
            self.variables[index].watch(values, watcher)
        return watcher
