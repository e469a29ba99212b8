"""DependencyGraph: the dependencies between the packages of an environment, and walks along them.

Conda packages, wheels, and distributions that pip installed by itself are nodes alike.
"""

from __future__ import annotations

import heapq

from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.spec import parse_dependency
from minicon.solver.candidates.candidate_table import UNREADABLE
from minicon.solver.result.dependencies import active_dependencies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord

_VIRTUAL_PREFIX = "__"


@dataclass(frozen=True, slots=True, order=True)
class Dependency:
    """One edge: a package depends on another.

    Attributes:
        parent: Name of the dependent package.
        name: Name of the dependency, installed or not.
        spec: The dependency as it is written in the package's metadata.
    """

    parent: str
    name: str
    spec: str


class DependencyGraph:
    """The packages of an environment and the dependencies between them.

    Args:
        records: All packages; see :func:`.site_packages.installed_packages`.
        platform: Subdir, for the markers of distributions that pip installed.
    """

    def __init__(self, records: Iterable[PrefixRecord], *, platform: str) -> None:
        self.records: Mapping[str, PrefixRecord] = {record.name: record for record in records}
        requires_dist = _RequiresDist(self.records, platform)
        conda = _conda_dependencies(self.records)
        self._dependencies = {
            name: (*conda[name], *requires_dist.edges(record))
            for name, record in self.records.items()
        }
        self._dependents: dict[str, list[Dependency]] = {}
        for edges in self._dependencies.values():
            for edge in edges:
                self._dependents.setdefault(edge.name, []).append(edge)

    def dependencies(self, name: str) -> tuple[Dependency, ...]:
        """Return a package's dependencies in its author's order, without virtual packages."""
        edges = self._dependencies.get(name, ())
        return tuple(edge for edge in edges if not edge.name.startswith(_VIRTUAL_PREFIX))

    def dependents(self, name: str) -> tuple[Dependency, ...]:
        """Return the packages that depend directly on this one, by name."""
        return tuple(sorted(self._dependents.get(name, ()), key=lambda edge: edge.parent))

    def distances(self, roots: Iterable[str], *, inverted: bool = False) -> dict[str, int]:
        """Return all packages that can be reached from some names, nearest first.

        The one walk over the graph: the keys are the reachable names, the values the fewest
        steps from a root.

        Args:
            roots: Names to start from, reachable in 0 steps.
            inverted: Follow dependents instead of dependencies.
        """
        distance = dict.fromkeys(roots, 0)
        queue = list(distance)
        for name in queue:  # grows while it is walked
            for neighbour in self._neighbours(name, inverted=inverted):
                if neighbour not in distance:
                    distance[neighbour] = distance[name] + 1
                    queue.append(neighbour)
        return distance

    def orphans(self) -> list[str]:
        """Return the packages on which no other package depends."""
        return [
            name
            for name in self.records
            if all(edge.parent == name for edge in self._dependents.get(name, ()))
        ]

    def unmet(self, virtual_packages: Mapping[str, RepodataRecord]) -> Iterator[Dependency]:
        """Yield the dependencies that no package of the environment satisfies.

        Args:
            virtual_packages: Those of the machine, by name. A dependency on one that is not
                given counts as satisfied: the environment may be used on another machine.
        """
        targets = {name: each.record for name, each in self.records.items()}
        targets.update(virtual_packages)
        for edges in self._dependencies.values():
            for edge in edges:
                target = targets.get(edge.name)
                if target is None and edge.name.startswith(_VIRTUAL_PREFIX):
                    continue
                spec = parsed_dependency(edge.spec)
                if target is None or (spec is not None and not spec.matches(target)):
                    yield edge

    def chains(self, roots: Iterable[str], name: str) -> Iterator[tuple[Dependency, ...]]:
        """Yield chains of dependencies from a root to a package, shortest first.

        No chain visits a package twice; a root that is the package itself is the empty chain.
        The search (A*) always extends the chain with the least total length, so that the first
        chains are found quickly even if there are very many.
        """
        roots = {root for root in roots if root in self.records}
        distance = self.distances(roots)
        heap: list[tuple[int, int, tuple[str, ...], tuple[Dependency, ...]]] = []

        def push(chain: tuple[Dependency, ...]) -> None:
            names = (chain[0].parent if chain else name, *(edge.name for edge in chain))
            if names[0] in distance:
                # Of chains with the same total length, the one that is nearest to a root is first.
                total = len(chain) + distance[names[0]]
                heapq.heappush(heap, (total, -len(chain), names, chain))

        if name in self.records:
            push(())
        while heap:
            _, _, names, chain = heapq.heappop(heap)
            if names[0] in roots:
                yield chain
            for edge in self.dependents(names[0]):
                if edge.parent not in names:
                    push((edge, *chain))

    def _neighbours(self, name: str, *, inverted: bool) -> Iterable[str]:
        if inverted:
            return [edge.parent for edge in self.dependents(name)]
        return [edge.name for edge in self.dependencies(name)]


def parsed_dependency(text: str) -> MatchSpec | None:
    """Parse a dependency of a record; None if it is not a valid spec."""
    try:
        return parse_dependency(text)
    except SpecError:
        return None


class _RequiresDist:
    """Evaluates ``Requires-Dist`` of distributions that pip installed."""

    def __init__(self, records: Mapping[str, PrefixRecord], platform: str) -> None:
        self._records = records
        self._platform = platform

    def edges(self, record: PrefixRecord) -> Iterator[Dependency]:
        """Yield the dependencies that apply to the environment's python and platform."""
        texts = record.record.data.get("requires_dist")
        python = self._records.get("python")
        if not texts or python is None:
            return
        from minicon.models.package_names import NameMap
        from minicon.pypi.requirement_syntax import valid_requirements
        from minicon.solver.joint.markers import applies, marker_environment

        environment = marker_environment(python.record.version, self._platform)
        names = NameMap.built_in()
        for requirement in valid_requirements(texts):
            if applies(requirement, environment):
                candidates = (*names.conda_names(requirement.name), requirement.name.lower())
                name = next((each for each in candidates if each in self._records), candidates[0])
                yield Dependency(record.name, name, f"{name} {requirement.specifier}".rstrip())


def _conda_dependencies(records: Mapping[str, PrefixRecord]) -> dict[str, list[Dependency]]:
    """Return the records' dependencies: conditions evaluated, requested extras included."""
    with_extras = [
        spec
        for each in records.values()
        for text in each.requested_specs
        if "[" in text
        if (spec := parsed_dependency(text)) is not None
    ]
    installed = {name: each.record for name, each in records.items()}
    return {
        name: [Dependency(name, _name_in(other), text) for other, text in dict.fromkeys(found)]
        for name, found in active_dependencies(installed, requested=with_extras).items()
    }


def _name_in(name: str) -> str:
    """Return the first word of a dependency that cannot be parsed, else its name."""
    return name.removeprefix(UNREADABLE).split(" ", 1)[0]
