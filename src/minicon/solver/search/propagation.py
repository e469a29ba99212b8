"""Propagation: narrow all domains to what the clauses still allow.

Each changed variable *x* is processed once per change, in three directions::

         x ⊆ C                         y ∩ A = ∅                 all terms but one true
    ┌───────────────┐            ┌───────────────┐            ┌────────────────────────┐
    │ forward       │            │ backward      │            │ learned                │
    │ C needs A:    │            │ C needs A:    │            │ {a: S, b: T, c: U}     │
    │   y ⊆ A       │            │   x ∩ C = ∅   │            │   a ⊆ S, b ⊆ T ⇒ c ∩ U = ∅ │
    └───────────────┘            └───────────────┘            └────────────────────────┘

A name is loaded when a candidate first *requires* it (forward). ``constrains`` alone never loads
one.
"""

from __future__ import annotations

from minicon.solver.candidates.candidates import members
from minicon.solver.search.clauses import Dependency, Watcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Incompatibility, Reason, Variable
    from minicon.solver.search.trail import Trail

#: Up to this many candidates of one version are read as soon as no other version is left.
_FEW = 16


def propagate(store: ClauseStore) -> Incompatibility | None:
    """Propagate all changes since the last call.

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
    """The incompatibility that a step of the trail was derived from."""
    if isinstance(reason, dict):
        return reason
    assert isinstance(reason, Dependency)
    return reason.terms


def _conflict_at_last_step(trail: Trail) -> Incompatibility:
    """Undo the step that emptied a domain, and return the incompatibility it was derived from."""
    return terms_of(trail.pop()[2])


def _apply_late(store: ClauseStore) -> Incompatibility | None:
    """Apply clauses that already had consequences when they were added."""
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
    source, premise, requirement = clause
    allowed = requirement.allowed
    assert allowed is not None
    possible = True
    if not domains[requirement.target] & allowed:
        possible = trail.narrow(source, ~premise, clause)
    elif not domains[source] & ~premise:
        possible = trail.narrow(requirement.target, allowed, clause)
    return None if possible else _conflict_at_last_step(trail)


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
    """All remaining candidates have a dependency: narrow its target."""
    trail = store.trail
    domains = trail.domains
    domain = domains[variable.index]
    if domain & variable.absent:
        return None
    if domain & variable.unexplored:
        store.add_clauses(variable, domain)
        if variable.unread:
            trail.revisit(variable.index)  # the new clauses may exclude what would be read
    elif domain & variable.unread and _is_one_version(variable, domain):
        store.read(variable, store.readable(variable, domain))
    for clause in variable.shared_by(domain):
        requirement = clause[2]
        allowed = requirement.allowed
        if allowed is None:
            if requirement.optional:
                continue
            store.load(store.variables[requirement.target])
            allowed = requirement.allowed
            assert allowed is not None
        target = requirement.target
        before = domains[target]
        if before & allowed != before and not trail.narrow(target, allowed, clause):
            return _conflict_at_last_step(trail)
    return None


def _is_one_version(variable: Variable, domain: int) -> bool:
    """Whether the remaining candidates are few and of one version."""
    if domain.bit_count() > _FEW:
        return False
    assert variable.candidates is not None
    versions = variable.candidates.table.versions
    return len({versions[position] for position in members(domain)}) == 1


def _backward(trail: Trail, variable: Variable, before: int) -> Incompatibility | None:
    """A requirement on this variable can no longer be met: remove the candidates that have it."""
    domains = trail.domains
    domain = domains[variable.index]
    for allowed, requirements in variable.incoming.items():
        if domain & allowed or not before & allowed:
            continue
        for requirement in requirements:
            for clause in requirement.carriers:
                source, premise, _ = clause
                if domains[source] & premise and not trail.narrow(source, ~premise, clause):
                    return _conflict_at_last_step(trail)
    return None


def _learned(store: ClauseStore, variable: Variable, before: int) -> Incompatibility | None:
    """Visit the incompatibilities that watch this variable and whose watched term became true.

    A watcher moves to another term that is not true yet; if there is none, the other watched term
    must be false.
    """
    trail, index = store.trail, variable.index
    domains = trail.domains
    domain = domains[index]
    came_true = [
        each for each in variable.watchers.items() if not domain & ~each[0] and before & ~each[0]
    ]
    for values, watchers in came_true:
        staying = 0
        for position, watcher in enumerate(watchers):
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
                    del watchers[staying : position + 1]
                    return conflict
        del watchers[staying:]
        if not watchers:
            del variable.watchers[values]
    return None


def _refute(trail: Trail, watcher: Watcher, left: int) -> Incompatibility | None:
    """Make the last undecided term of an incompatibility false."""
    other, refused = watcher.terms[0]
    if not left & ~refused:
        return watcher.incompatibility
    trail.narrow(other, ~refused, watcher.incompatibility)
    return None


def _moves(store: ClauseStore, watcher: Watcher) -> bool:
    """Move a watcher to another term that is not true yet; False if there is none."""
    domains, terms = store.trail.domains, watcher.terms
    for position in range(2, len(terms)):
        term = terms[position]
        if domains[term[0]] & ~term[1]:
            terms[position] = terms[1]
            terms[1] = term
            store.variables[term[0]].watch(term[1], watcher)
            return True
    return False
