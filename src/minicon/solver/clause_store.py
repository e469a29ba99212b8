"""ClauseStore: all variables and clauses of one problem, loaded only when the search needs them."""

from __future__ import annotations

from minicon.solver.clause import Dependency, Watcher
from minicon.solver.trail import Trail
from minicon.solver.variable import Variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from minicon.solver.candidate_table import Conditional
    from minicon.solver.candidates import Candidates
    from minicon.solver.clause import Incompatibility


class ClauseStore:
    """Variables by name, their clauses, and the trail that runs over them.

    Nothing in here depends on what is asked for: clauses learned in one search stay true in the
    next, so one store serves all searches over the same records (alternative orders, joint
    resolution with wheels, explanations), each quicker than the one before.

    Attributes:
        late: Clauses that came into being while they already had consequences; the next
            propagation applies them first.
        recheck: Late clauses that may have consequences at a level below the one where they were
            applied, so that they must be looked at again after every backjump.
    """

    def __init__(self, find: Callable[[str], Candidates]) -> None:
        self._find = find
        self._conditional: list[tuple[Variable, Conditional]] = []
        self.variables: list[Variable] = []
        self.by_name: dict[str, Variable] = {}
        self.trail = Trail(self.variables)
        self.late: list[Dependency | Watcher] = []
        self.recheck: list[Dependency | Watcher] = []

    def variable(self, name: str) -> Variable:
        """The variable of a name, made if new, not necessarily loaded."""
        found = self.by_name.get(name)
        if found is None:
            found = self.by_name[name] = Variable(name, len(self.variables))
            self.variables.append(found)
            self.trail.domains.append(-1)
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

        Conditional dependencies need their targets loaded too; those wait in a queue, so that
        long chains of them do not recurse.
        """
        self._load_one(variable)
        while self._conditional:
            source, conditional = self._conditional.pop()
            for name in (conditional.name, *(name for name, _ in conditional.condition)):
                needed = self.variable(name)
                if needed.candidates is None:
                    self._load_one(needed)
            self._add_conditional(source, conditional)

    def backjump(self, level: int) -> None:
        """Undo all decisions above a level; late clauses that still hold will be applied again."""
        self.trail.backjump(level)
        self._look_again()

    def reset(self) -> None:
        """Undo everything: as before the first search, but with all that was learned."""
        self.trail.reset()
        self._look_again()

    def _look_again(self) -> None:
        self.recheck = [clause for clause in self.recheck if self._has_consequences(clause)]
        self.late = list(self.recheck)

    def _has_consequences(self, clause: Dependency | Watcher) -> bool:
        domains = self.trail.domains
        if isinstance(clause, Watcher):
            terms = clause.incompatibility.items()
            return sum(1 for index, values in terms if domains[index] & ~values) <= 1
        assert clause.allowed is not None
        source_holds = not domains[clause.source] & ~clause.premise
        return source_holds or not domains[clause.target] & clause.allowed

    def _load_one(self, variable: Variable) -> None:
        candidates = variable.candidates = self._find(variable.name)
        variable.absent = 1 << candidates.size
        variable.universe = (variable.absent << 1) - 1
        fixed = candidates.fixed and candidates.size
        variable.initial = variable.universe ^ variable.absent if fixed else variable.universe
        self.trail.domains[variable.index] = variable.initial
        self._add_clauses(variable, candidates)
        waiting, variable.waiting = variable.waiting, []
        for dependency in waiting:
            self._attach(dependency, variable)
        self._conditional += [(variable, each) for each in candidates.table.conditional]

    def _add_clauses(self, variable: Variable, candidates: Candidates) -> None:
        table = candidates.table
        by_name, index, clauses = self.by_name, variable.index, variable.clauses
        for given, optional in ((table.dependencies, False), (table.constrains, True)):
            for name, text, premise in given:
                target = by_name.get(name) or self.variable(name)
                dependency = Dependency(index, premise, target.index, text, optional)
                clauses.append(dependency)
                if target.candidates is None:
                    target.waiting.append(dependency)
                else:
                    self._attach(dependency, target)

    def _attach(self, dependency: Dependency, target: Variable) -> None:
        """Make a dependency work, now that its target has candidates."""
        assert target.candidates is not None
        allowed = target.candidates.matching(dependency.text)
        if dependency.optional:
            allowed |= target.absent
        dependency.allowed = allowed
        dependency.refused = target.universe & ~allowed
        same = target.incoming.get(allowed)
        if same is None:
            target.incoming[allowed] = [dependency]
        else:
            same.append(dependency)
        domains = self.trail.domains
        source_holds = not domains[dependency.source] & ~dependency.premise
        if source_holds or not domains[target.index] & allowed:
            self.late.append(dependency)
            self.recheck.append(dependency)

    def _add_conditional(self, source: Variable, conditional: Conditional) -> None:
        """Add "premise and all specs of the condition → target", as an incompatibility."""
        target = self.by_name[conditional.name]
        assert target.candidates is not None
        refused = target.universe & ~target.candidates.matching(conditional.text)
        terms = {source.index: conditional.premise}
        terms[target.index] = terms.get(target.index, target.universe) & refused
        for name, text in conditional.condition:
            other = self.by_name[name]
            assert other.candidates is not None
            values = other.candidates.matching(text)
            terms[other.index] = terms.get(other.index, other.universe) & values
        if all(terms.values()):
            watcher = self.watch(terms)
            self.late.append(watcher)
            self.recheck.append(watcher)

    def remember(self, learned: Incompatibility) -> None:
        """Keep a learned incompatibility for this search and all that follow."""
        watcher = self.watch(learned)
        if len(learned) == 1:
            self.recheck.append(watcher)

    def watch(self, incompatibility: Incompatibility) -> Watcher:
        """Watch an incompatibility at the two terms that are the latest to come true."""
        trail = self.trail

        def lateness(term: tuple[int, int]) -> int:
            index, values = term
            if trail.domains[index] & ~values:
                return len(trail.entries)
            return trail.satisfier(index, values)

        terms = sorted(incompatibility.items(), key=lateness, reverse=True)
        watcher = Watcher(terms, incompatibility)
        for index, values in terms[:2] if len(terms) > 1 else ():
            self.variables[index].watchers.append((values, watcher))
        return watcher
