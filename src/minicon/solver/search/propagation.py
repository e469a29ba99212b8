"""Propagation: from what is decided to everything that follows from it at once.

Each narrowed variable *x* is looked at once per change, in three ways::

         x ⊆ C                         y ∩ A = ∅                 all terms but one true
    ┌───────────────┐            ┌───────────────┐            ┌────────────────────────┐
    │ forward       │            │ backward      │            │ learned                │
    │ C needs A:    │            │ C needs A:    │            │ {a: S, b: T, c: U}     │
    │   y ⊆ A       │            │   x ∩ C = ∅   │            │   a ⊆ S, b ⊆ T ⇒ c ∩ U = ∅ │
    └───────────────┘            └───────────────┘            └────────────────────────┘

A name is loaded when something first *needs* it (forward). ``constrains`` on a name that nobody
needs never loads it.
"""

from __future__ import annotations

from minicon.solver.search.clauses import Dependency, Watcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Incompatibility, Reason, Variable
    from minicon.solver.search.trail import Trail


def propagate(store: ClauseStore) -> Incompatibility | None:
    """Draw all consequences of the changes since the last call.

    Returns:
        An incompatibility whose terms are all true (a conflict), or None. After a conflict the
        trail must be backjumped before the next call.
    """
    trail = store.trail
    changed = trail.changed
    position = 0
    while True:
        if store.late:
            conflict = _apply_late(store)
            if conflict is not None:
                return conflict
        if position >= len(changed):
            break
        index = changed[position]
        position += 1
        before = trail.before.pop(index)
        variable = store.variables[index]
        conflict = (
            _forward(store, variable)
            or _backward(trail, variable, before)
            or (_learned(store, variable, before) if variable.watchers else None)
        )
        if conflict is not None:
            return conflict
    changed.clear()
    return None


def terms_of(reason: Reason) -> Incompatibility:
    """The incompatibility that a step was derived from."""
    if isinstance(reason, dict):
        return reason
    assert isinstance(reason, Dependency)
    return reason.terms


def conflict_at_last_step(trail: Trail) -> Incompatibility:
    """Undo the step that emptied a domain; what it was derived from is now true in all terms."""
    return terms_of(trail.pop()[2])


def _apply_late(store: ClauseStore) -> Incompatibility | None:
    """Apply clauses that were born with consequences."""
    late, store.late = store.late, []
    level = store.trail.level
    store.applied += [(level, clause) for clause in late]
    for clause in late:
        if isinstance(clause, Watcher):
            conflict = _apply_incompatibility(store.trail, clause.incompatibility)
        else:
            conflict = _apply_dependency(store.trail, clause)
        if conflict is not None:
            return conflict
    return None


def _apply_dependency(trail: Trail, clause: Dependency) -> Incompatibility | None:
    domains = trail.domains
    source, premise, need = clause
    allowed = need.allowed
    assert allowed is not None
    possible = True
    if not domains[need.target] & allowed:
        possible = trail.narrow(source, ~premise, clause)
    elif not domains[source] & ~premise:
        possible = trail.narrow(need.target, allowed, clause)
    return None if possible else conflict_at_last_step(trail)


def _apply_incompatibility(trail: Trail, terms: Incompatibility) -> Incompatibility | None:
    domains = trail.domains
    open_terms = [(index, values) for index, values in terms.items() if domains[index] & ~values]
    if not open_terms:
        return terms
    if len(open_terms) == 1:
        index, values = open_terms[0]
        trail.narrow(index, ~values, terms)
    return None


def _forward(store: ClauseStore, variable: Variable) -> Incompatibility | None:
    """Values that all carry a dependency: narrow its target."""
    trail = store.trail
    domains = trail.domains
    domain = domains[variable.index]
    if domain & variable.absent:
        return None
    if domain & variable.asleep:
        store.wake(variable, domain)
    triggered = variable.triggered.get(domain)
    if triggered is None:
        triggered = [clause for clause in variable.clauses if not domain & ~clause[1]]
        variable.triggered[domain] = triggered
    for clause in triggered:
        need = clause[2]
        allowed = need.allowed
        if allowed is None:
            if need.optional:
                continue
            store.load(store.variables[need.target])
            allowed = need.allowed
            assert allowed is not None
        target = need.target
        if domains[target] & need.refused and not trail.narrow(target, allowed, clause):
            return conflict_at_last_step(trail)
    return None


def _backward(trail: Trail, variable: Variable, before: int) -> Incompatibility | None:
    """Dependencies that this variable can no longer satisfy: nobody may carry them."""
    domains = trail.domains
    domain = domains[variable.index]
    for allowed, needs in variable.incoming.items():
        if domain & allowed or not before & allowed:
            continue
        for need in needs:
            for clause in need.carriers:
                source, premise, _ = clause
                if domains[source] & premise and not trail.narrow(source, ~premise, clause):
                    return conflict_at_last_step(trail)
    return None


def _learned(store: ClauseStore, variable: Variable, before: int) -> Incompatibility | None:
    """Visit the incompatibilities that watch this variable, where the watched term came true.

    A watcher moves to another term that is not true yet; where there is none, the incompatibility
    has only its other watched term left, and that must be false.
    """
    trail, index = store.trail, variable.index
    domains = trail.domains
    domain = domains[index]
    came_true = [
        each for each in variable.watchers.items() if not domain & ~each[0] and before & ~each[0]
    ]
    for values, watchers in came_true:
        staying = 0
        for place, watcher in enumerate(watchers):
            terms = watcher.terms
            if terms[0][0] == index:
                terms[0], terms[1] = terms[1], terms[0]
            other, refused = terms[0]
            left = domains[other]
            if left & refused and _moves(store, watcher):
                continue
            watchers[staying] = watcher
            staying += 1
            if left & refused:
                conflict = _refute(trail, watcher, left)
                if conflict is not None:
                    del watchers[staying : place + 1]
                    return conflict
        del watchers[staying:]
        if not watchers:
            del variable.watchers[values]
    return None


def _refute(trail: Trail, watcher: Watcher, left: int) -> Incompatibility | None:
    """Make the last open term of an incompatibility false."""
    other, refused = watcher.terms[0]
    if not left & ~refused:
        return watcher.incompatibility
    trail.narrow(other, ~refused, watcher.incompatibility)
    return None


def _moves(store: ClauseStore, watcher: Watcher) -> bool:
    """Let a watcher look at another term that is not true yet, if there is one."""
    domains, terms = store.trail.domains, watcher.terms
    for place in range(2, len(terms)):
        term = terms[place]
        if domains[term[0]] & ~term[1]:
            terms[place] = terms[1]
            terms[1] = term
            store.variables[term[0]].watch(term[1], watcher)
            return True
    return False
