"""The conda part of a request: compatible sets of packages for the request and further demands."""

from __future__ import annotations

from minicon.lean_dataclasses import replace
from minicon.solver.candidates.candidate_table import INSTALLED_WHEEL, PROJECT, WHEELS
from minicon.solver.reachability import reachable
from minicon.solver.request import UpdatePolicy
from minicon.solver.search.clause_store import ClauseStore
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import with_updated
from minicon.solver.search.portfolio import best_of_orders
from minicon.solver.search.search import Search

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from minicon.models.records import RepodataRecord
    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.clauses import Demand
    from minicon.solver.search.demands import Goal

#: Number of latest models that are checked before a new search.
_RECENT = 16


class CondaModel:
    """A compatible set of packages: one candidate per package.

    Attributes:
        positions: Per package name, the position of the chosen candidate.
    """

    __slots__ = ("_source", "positions")

    def __init__(self, positions: Mapping[str, int], source: CandidateSource) -> None:
        self.positions = positions
        self._source = source

    def record(self, name: str) -> RepodataRecord | None:
        """The chosen record of a name; None if the package is not in the set."""
        position = self.positions.get(name)
        return None if position is None else self._source.candidates(name).records[position]

    def records(self) -> dict[str, RepodataRecord]:
        """All records by name, without the variables that stand for no package."""
        return {
            name: self._source.candidates(name).records[position]
            for name, position in self.positions.items()
            if not name.endswith("]")
        }

    def version_of(self, name: str) -> str | None:
        """The version of a Python project, from whichever source, or else of a conda package."""
        position = self.positions.get(f"{PROJECT}[{name}]")
        if position is not None:
            provider = self._source.candidates(f"{PROJECT}[{name}]").table.builds[position]
            possible = (provider, f"{WHEELS}[{name}]", f"{INSTALLED_WHEEL}[{name}]")
            name = next(each for each in possible if each in self.positions)
        position = self.positions.get(name)
        return None if position is None else self._source.candidates(name).table.versions[position]

    def provided(self) -> Iterator[str]:
        """The names of all Python projects and packages in the set."""
        for name in self.positions:
            if name.startswith(PROJECT):
                yield name.removeprefix(f"{PROJECT}[").removesuffix("]")
            elif not name.endswith("]"):
                yield name

    @property
    def is_built(self) -> bool:
        """Whether pip has to build a project, for which no wheel was chosen."""
        return any(
            name.startswith(WHEELS) and position >= self._source.candidates(name).size // 2
            for name, position in self.positions.items()
        )

    def has(self, name: str, text: str) -> bool:
        """Whether a package in the set, or a virtual package, matches a MatchSpec."""
        candidates = self._source.candidates(name)
        position = 0 if candidates.fixed and candidates.size else self.positions.get(name)
        return position is not None and bool(candidates.matching(text) >> position & 1)

    def meets(self, name: str, allowed: int) -> bool:
        """Whether a package's candidate, or its absence, is in a domain."""
        size = self._source.candidates(name).size
        return bool(allowed >> self.positions.get(name, size) & 1)


class CondaSubproblem:
    """Finds sets of packages for one request, over the same records.

    Sets and contradictions are cached: a joint resolution has nearly the same demands many times.

    Attributes:
        source: The candidates.
        goal: The demands of the request.
    """

    def __init__(self, request: SolveRequest, source: CandidateSource, goal: Goal) -> None:
        self.source = source
        self.goal = goal
        self._request = request
        self._policy = request.update_policy
        self.restart()

    def restart(self) -> None:
        """Forget all clauses, because candidates changed."""
        self._search = Search(ClauseStore(self.source.candidates), self._request.max_seconds)
        for package in self._request.virtual_packages:
            self._search.store.loaded(package.name)
        self._models: dict[tuple[tuple[str, int], ...], CondaModel] = {}
        self._cores: list[list[Demand]] = []

    def limit(self, seconds: float) -> None:
        """Allow the searches from now on some processor time in all (for explanations)."""
        self._search = Search(self.store, seconds)

    @property
    def store(self) -> ClauseStore:
        """All variables and clauses loaded and learned so far."""
        return self._search.store

    def extend(self, demands: Iterable[Demand], projects: Iterable[str]) -> None:
        """Add demands to the request, and names to decide after the direct ones."""
        self.goal.demands += demands
        self.goal.projects += projects
        self._models.clear()

    def model(self, added: Sequence[Demand] = (), *, builds: bool = True) -> CondaModel:
        """The best packages for the request and some further demands.

        Args:
            added: The further demands.
            builds: Whether to build what has to be built to know what it requires. If not, what it
                requires may be missing.

        Raises:
            Contradiction: The demands contradict each other.
        """
        if not builds:
            return self._solve(added, builds=False)
        key = domains_of(added)
        known = self._models.get(key)
        if known is None:
            known = self._known_model(added) or self._solve(added)
            self._models[key] = known
        return known

    def possible(self, name: str) -> int:
        """The domain of a package after propagating the request's demands.

        Raises:
            Contradiction: They contradict each other.
        """
        variable = self.store.loaded(name)
        self.store.reset()
        self._search.assert_demands(self.goal.demands)
        return self.store.trail.domains[variable.index]

    def without(self, removed: Iterable[Demand], added: Sequence[Demand] = ()) -> CondaModel:
        """The best packages for the request without some of its demands (for explanations).

        Nothing is built for it: what a project that pip has to build requires may be missing.

        Raises:
            Contradiction: The others contradict each other.
        """
        gone = {id(demand) for demand in removed}
        demands = [demand for demand in self.goal.demands if id(demand) not in gone]
        goal = self.goal
        found = self._search.run(
            [*demands, *added], goal.direct, goal.preferred, projects=goal.projects, builds=False
        )
        return CondaModel(found, self.source)

    def _known_model(self, added: Sequence[Demand]) -> CondaModel | None:
        """A set found for weaker demands that meets these too, and therefore is the best one."""
        wanted = dict(domains_of(added))
        for key, model in list(self._models.items())[-_RECENT:]:
            is_looser = all(not wanted.get(name, -1) & ~allowed for name, allowed in key)
            if is_looser and all(model.meets(*domain) for domain in wanted.items()):
                return model
        return None

    def _solve(self, added: Sequence[Demand], *, builds: bool = True) -> CondaModel:
        narrowed = dict(domains_of(added))
        own = {id(demand) for demand in self.goal.demands}
        for core in self._cores:
            if all(
                id(demand) in own or not narrowed.get(demand.name, -1) & ~demand.allowed
                for demand in core
            ):
                raise Contradiction(core)
        goal = replace(self.goal, demands=[*self.goal.demands, *added], builds=builds)
        try:
            positions = self._with_policy(goal)
        except Contradiction as contradiction:
            self._cores.append(contradiction.demands)
            raise
        return CondaModel(positions, self.source)

    def _with_policy(self, goal: Goal) -> dict[str, int]:
        """Search as the update policy says; UPDATE_DEPS updates what the named packages need."""
        if self._policy is UpdatePolicy.UPDATE_DEPS:
            every = with_updated(goal, self.source, goal.keep)
            positions = best_of_orders(self._search, replace(every, preferred=goal.preferred))
            updated = self._dependencies_of(goal.direct, positions)
            goal = with_updated(goal, self.source, updated)
            # Explanations are about the same demands.
            self.goal = with_updated(self.goal, self.source, updated)
        return best_of_orders(self._search, goal)

    def _dependencies_of(self, names: Iterable[str], positions: Mapping[str, int]) -> set[str]:
        """Some packages of a set, and its packages that they depend on, directly or not."""
        extras: dict[str, list[str]] = {}
        for name in positions:
            if name.endswith("]"):
                extras.setdefault(name.partition("[")[0], []).append(name)

        def following(name: str) -> list[str]:
            if name not in positions:
                return []
            bit = 1 << positions[name]
            table = self.source.candidates(name).table
            others = [other for other, _, premise in table.dependencies if premise & bit]
            others += [each.name for each in table.conditional if each.premise & bit]
            return [*extras.get(name, ()), *others]

        return reachable(names, following) & positions.keys()


def domains_of(demands: Sequence[Demand]) -> tuple[tuple[str, int], ...]:
    """The domain that demands leave to each name, sorted, as a value that can be compared."""
    domains: dict[str, int] = {}
    for demand in demands:
        domains[demand.name] = domains.get(demand.name, -1) & demand.allowed
    return tuple(sorted(domains.items()))
