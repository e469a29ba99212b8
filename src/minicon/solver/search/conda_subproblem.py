"""CondaModel: a whole set of conda packages that fit together, and how it is found."""

from __future__ import annotations

from minicon.lean_dataclasses import replace
from minicon.solver.request import UpdatePolicy
from minicon.solver.search.clause_store import ClauseStore
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.portfolio import best_of_orders
from minicon.solver.search.search import Search

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from minicon.models.records import RepodataRecord
    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.clauses import Root
    from minicon.solver.search.demands import Demands

#: How many of the latest models are tried before the search is asked again.
_RECENT = 16


class CondaModel:
    """One candidate per package; a value.

    Attributes:
        positions: Per package name, its candidate's position.
    """

    __slots__ = ("_source", "positions")

    def __init__(self, positions: Mapping[str, int], source: CandidateSource) -> None:
        self.positions = positions
        self._source = source

    def record(self, name: str) -> RepodataRecord | None:
        """The record chosen for a name; None if the package is not in the model."""
        position = self.positions.get(name)
        return None if position is None else self._source.candidates(name).records[position]

    def records(self) -> dict[str, RepodataRecord]:
        """All records by name; extras are no packages of their own."""
        return {
            name: self._source.candidates(name).records[position]
            for name, position in self.positions.items()
            if not name.endswith("]")
        }

    def has(self, name: str, text: str) -> bool:
        """Whether a package, or a fact of the machine, is there that a dependency's text means."""
        candidates = self._source.candidates(name)
        position = 0 if candidates.fixed and candidates.size else self.positions.get(name)
        return position is not None and bool(candidates.matching(text) >> position & 1)

    def meets(self, name: str, allowed: int) -> bool:
        """Whether a package is what a domain allows."""
        size = self._source.candidates(name).size
        return bool(allowed >> self.positions.get(name, size) & 1)


class CondaSubproblem:
    """Answers what conda packages can do, again and again over the same records.

    Models and contradictions are remembered: a joint resolution asks for nearly the same thing
    many times.
    """

    def __init__(self, request: SolveRequest, source: CandidateSource, demands: Demands) -> None:
        self.source = source
        self.demands = demands
        self._policy = request.update_policy
        self._search = Search(ClauseStore(source.candidates))
        for package in request.virtual_packages:
            self._search.store.loaded(package.name)
        self._models: dict[tuple[tuple[str, int], ...], CondaModel] = {}
        self._cores: list[list[Root]] = []

    @property
    def store(self) -> ClauseStore:
        """All that was loaded and learned so far."""
        return self._search.store

    def model(self, added: Sequence[Root] = ()) -> CondaModel:
        """The best model of the demands and some roots more.

        Raises:
            Contradiction: There is none.
        """
        key = domains_of(added)
        known = self._models.get(key)
        if known is None:
            known = self._fitting(added) or self._solve(added)
            self._models[key] = known
        return known

    def possible(self, name: str) -> int:
        """What a package may be, as far as the demands alone tell.

        Raises:
            Contradiction: The demands alone contradict each other.
        """
        variable = self.store.loaded(name)
        self.store.reset()
        self._search.assert_roots(self.demands.roots)
        return self.store.trail.domains[variable.index]

    def without(self, removed: Iterable[Root], added: Sequence[Root] = ()) -> CondaModel:
        """The best model of the demands without some of its roots (for explanations).

        Raises:
            Contradiction: There is none.
        """
        gone = {id(root) for root in removed}
        roots = [root for root in self.demands.roots if id(root) not in gone]
        found = self._search.run([*roots, *added], self.demands.direct, self.demands.preferred)
        return CondaModel(found, self.source)

    def _fitting(self, added: Sequence[Root]) -> CondaModel | None:
        """A model found earlier for fewer demands that meets these too is the best one again."""
        wanted = dict(domains_of(added))
        for key, model in list(self._models.items())[-_RECENT:]:
            is_looser = all(not wanted.get(name, -1) & ~allowed for name, allowed in key)
            if is_looser and all(model.meets(*domain) for domain in wanted.items()):
                return model
        return None

    def _solve(self, added: Sequence[Root]) -> CondaModel:
        narrowed = dict(domains_of(added))
        own = {id(root) for root in self.demands.roots}
        for core in self._cores:
            if all(
                id(root) in own or not narrowed.get(root.name, -1) & ~root.allowed for root in core
            ):
                raise Contradiction(core)
        demands = replace(self.demands, roots=[*self.demands.roots, *added])
        try:
            positions = self._with_policy(demands)
        except Contradiction as contradiction:
            self._cores.append(contradiction.roots)
            raise
        return CondaModel(positions, self.source)

    def _with_policy(self, demands: Demands) -> dict[str, int]:
        positions = best_of_orders(self._search, demands)
        if self._policy is not UpdatePolicy.UPDATE_DEPS:
            return positions
        moving = self._needed_by(demands.direct, positions)
        staying = {name: mask for name, mask in demands.preferred.items() if name not in moving}
        return best_of_orders(self._search, replace(demands, preferred=staying))

    def _needed_by(self, names: Iterable[str], positions: Mapping[str, int]) -> set[str]:
        """All packages that some packages of a model depend on, directly or not."""
        extras: dict[str, list[str]] = {}
        for name in positions:
            if name.endswith("]"):
                extras.setdefault(name.partition("[")[0], []).append(name)
        found: set[str] = set()
        pending = list(names)
        while pending:
            name = pending.pop()
            if name in found or name not in positions:
                continue
            found.add(name)
            bit = 1 << positions[name]
            pending += extras.get(name, ())
            table = self.source.candidates(name).table
            pending += [other for other, _, premise in table.dependencies if premise & bit]
            pending += [each.name for each in table.conditional if each.premise & bit]
        return found


def domains_of(roots: Sequence[Root]) -> tuple[tuple[str, int], ...]:
    """What roots demand together, per name, in a form that can be compared."""
    domains: dict[str, int] = {}
    for root in roots:
        domains[root.name] = domains.get(root.name, -1) & root.allowed
    return tuple(sorted(domains.items()))
