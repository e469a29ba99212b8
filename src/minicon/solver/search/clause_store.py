"""ClauseStore: all variables and clauses of one problem, loaded only when the search needs them."""

from __future__ import annotations

from minicon.solver.search.clauses import Condition, Dependency, Need, Variable, Watcher
from minicon.solver.search.trail import Trail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from minicon.solver.candidates.candidate_table import Conditional
    from minicon.solver.candidates.candidates import Candidates
    from minicon.solver.search.clauses import Incompatibility


class ClauseStore:
    """Variables by name, their clauses, and the trail that runs over them.

    Nothing in here depends on what is asked for: clauses learned in one search stay true in the
    next, so one store serves all searches over the same records (alternative orders, joint
    resolution with wheels, explanations), each quicker than the one before.

    Attributes:
        late: Clauses that came into being while they already had consequences; the next
            propagation applies them first.
        alternatives: For explanations, per source and target, the candidates of the source
            grouped by what they let the target be.
        conditions: All dependencies that hold under conditions, for explanations.
        applied: Late clauses and the levels at which they were applied. They may have
            consequences below that level too, so they are looked at again after going back there.
    """

    def __init__(self, find: Callable[[str], Candidates]) -> None:
        self._find = find
        self._conditional: list[tuple[Variable, Conditional]] = []
        self.alternatives: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self.conditions: list[Condition] = []
        self.variables: list[Variable] = []
        self.by_name: dict[str, Variable] = {}
        self.trail = Trail()
        self.late: list[Dependency | Watcher] = []
        self.applied: list[tuple[int, Dependency | Watcher]] = []

    def variable(self, name: str) -> Variable:
        """The variable of a name, made if new, not necessarily loaded."""
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

        Conditional dependencies need their targets loaded too; those wait in a queue, so that
        long chains of them do not recurse.
        """
        self._load_one(variable)
        while self._conditional:
            source, conditional = self._conditional.pop()
            if all(self._matching(*each) for each in conditional.condition):
                self._add_conditional(source, conditional)

    def backjump(self, level: int) -> None:
        """Undo all decisions above a level; late clauses that still hold will be applied again."""
        self.trail.backjump(level)
        self._look_again(level)

    def reset(self) -> None:
        """Undo everything: as before the first search, but with all that was learned."""
        self.trail.reset()
        self._look_again(-1)

    def _look_again(self, level: int) -> None:
        """What was applied above a level is to be applied again if it still has consequences."""
        undone = [clause for place, clause in self.applied if place > level]
        if undone:
            self.applied = [each for each in self.applied if each[0] <= level]
        self.late = [c for c in (*undone, *self.late) if self._has_consequences(c)]

    def _has_consequences(self, clause: Dependency | Watcher) -> bool:
        domains = self.trail.domains
        if isinstance(clause, Watcher):
            terms = clause.incompatibility.items()
            return sum(1 for index, values in terms if domains[index] & ~values) <= 1
        source, premise, need = clause
        assert need.allowed is not None
        return not domains[source] & ~premise or not domains[need.target] & need.allowed

    def _load_one(self, variable: Variable) -> None:
        candidates = variable.candidates = self._find(variable.name)
        variable.absent = self.trail.absents[variable.index] = 1 << candidates.size
        variable.universe = (variable.absent << 1) - 1
        fixed = candidates.fixed and candidates.size
        variable.initial = variable.universe ^ variable.absent if fixed else variable.universe
        self.trail.domains[variable.index] = variable.initial
        table = candidates.table
        count = len(table.dependencies) + len(table.constrains)
        variable.made = [None] * count
        variable.asleep = candidates.all if count else 0
        for needs in (variable.needs, variable.limits):
            for need in needs.values():
                self._attach(need, variable)
                self._apply_later(need.carriers)
        self._conditional += [(variable, each) for each in table.conditional]

    def wake(self, variable: Variable, domain: int) -> None:
        """Make the clauses of the dependencies that candidates in a domain carry.

        Half of what a table says is of old builds that are out of the question as soon as the
        package is needed at all, so a clause is made when its package is there for sure (not
        ABSENT) and some candidate left carries it.
        """
        assert variable.candidates is not None
        variable.asleep &= ~domain
        table, made = variable.candidates.table, variable.made
        place = 0
        for given, optional in ((table.dependencies, False), (table.constrains, True)):
            for name, text, premise in given:
                if premise & domain and made[place] is None:
                    made[place] = self._made(variable, premise, self._need(name, text, optional))
                place += 1
        variable.clauses = [clause for clause in made if clause is not None]
        variable.triggered.clear()

    def clauses_of(self, variable: Variable) -> list[Dependency]:
        """All dependencies of a variable's candidates."""
        if variable.asleep:
            self.wake(variable, variable.universe)
        return variable.clauses

    def _need(self, name: str, text: str, optional: bool) -> Need:
        target = self.by_name.get(name) or self.variable(name)
        needs = target.limits if optional else target.needs
        need = needs.get(text)
        if need is None:
            need = needs[text] = Need(target.index, text, optional)
            if target.candidates is not None:
                self._attach(need, target)
        return need

    def _made(self, variable: Variable, premise: int, need: Need) -> Dependency:
        clause = Dependency((variable.index, premise, need))
        need.carriers.append(clause)
        allowed = need.allowed
        if allowed is not None and not self.trail.domains[need.target] & allowed:
            self.late.append(clause)
        return clause

    def _attach(self, need: Need, target: Variable) -> None:
        """Find out what a need means, now that its target has candidates."""
        assert target.candidates is not None
        allowed = target.candidates.matching(need.text)
        if need.optional:
            allowed |= target.absent
        need.allowed = allowed
        need.refused = target.universe & ~allowed
        same = target.incoming.get(allowed)
        if same is None:
            target.incoming[allowed] = [need]
        else:
            same.append(need)

    def _apply_later(self, dependencies: Iterable[Dependency]) -> None:
        """Take note of those of some new clauses that have consequences already."""
        self.late += [clause for clause in dependencies if self._has_consequences(clause)]

    def _add_conditional(self, source: Variable, conditional: Conditional) -> None:
        """Add "premise and all specs of the condition → target", as an incompatibility."""
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
            self.conditions.append(Condition(source.index, target.index, conditional, terms))
            watcher = self.watch(terms)
            self.late.append(watcher)

    def _matching(self, name: str, text: str) -> int:
        """The candidates of a name that a MatchSpec means; the name is loaded, no others."""
        variable = self.variable(name)
        if variable.candidates is None:
            self._load_one(variable)
        assert variable.candidates is not None
        return variable.candidates.matching(text)

    def remember(self, learned: Incompatibility) -> None:
        """Keep an incompatibility, as :func:`learn` gives it, for this search and all to come."""
        watcher = self._watched(list(learned.items()), learned)
        if len(learned) == 1:
            self.applied.append((0, watcher))

    def watch(self, incompatibility: Incompatibility) -> Watcher:
        """Watch an incompatibility at the two terms that are the latest to come true."""
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
