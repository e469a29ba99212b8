"""DependencyGraph: who needs whom in one environment, conda and PyPI packages alike."""

from __future__ import annotations

import heapq

from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.spec import parse_dependency
from minicon.solver.candidates.candidate_table import UNREADABLE
from minicon.solver.result.active_dependencies import active_dependencies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord

VIRTUAL_MARK = "__"


@dataclass(frozen=True, slots=True, order=True)
class Dependency:
    """One edge: a package needs another.

    Attributes:
        parent: Name of the package that needs.
        name: Name of what it needs, installed or not.
        spec: The dependency as its author wrote it.
    """

    parent: str
    name: str
    spec: str


class DependencyGraph:
    """The packages of an environment and the dependencies between them.

    Args:
        records: All packages; see :func:`.site_packages.installed_packages`.
        platform: Subdir, for the markers of what pip installed by hand.
    """

    def __init__(self, records: Iterable[PrefixRecord], *, platform: str) -> None:
        self.records: Mapping[str, PrefixRecord] = {record.name: record for record in records}
        by_hand = _RequirementReader(self.records, platform)
        needs = _conda_needs(self.records)
        self._needs = {
            name: (*needs[name], *by_hand.edges(record)) for name, record in self.records.items()
        }
        self._needed_by: dict[str, list[Dependency]] = {}
        for edges in self._needs.values():
            for edge in edges:
                self._needed_by.setdefault(edge.name, []).append(edge)

    def needs(self, name: str) -> tuple[Dependency, ...]:
        """What a package needs, in its author's order; facts of the machine are left out."""
        edges = self._needs.get(name, ())
        return tuple(edge for edge in edges if not edge.name.startswith(VIRTUAL_MARK))

    def needed_by(self, name: str) -> tuple[Dependency, ...]:
        """The packages that need this one, by name."""
        return tuple(sorted(self._needed_by.get(name, ()), key=lambda edge: edge.parent))

    def orphans(self) -> list[str]:
        """Packages that no other package needs."""
        return [name for name in self.records if not self._others_that_need(name)]

    def unmet(self, facts: Mapping[str, RepodataRecord]) -> Iterator[Dependency]:
        """Dependencies that nothing in the environment meets.

        Args:
            facts: Virtual packages by name; a fact that is not given counts as met, since it
                may hold where the environment is used.
        """
        targets = {**{name: each.record for name, each in self.records.items()}, **facts}
        for edges in self._needs.values():
            for edge in edges:
                target = targets.get(edge.name)
                if target is None and edge.name.startswith(VIRTUAL_MARK):
                    continue
                spec = _parsed(edge.spec)
                if target is None or (spec is not None and not spec.matches(target)):
                    yield edge

    def chains(self, roots: Collection[str], name: str) -> Iterator[tuple[Dependency, ...]]:
        """Ways from a root to a package, shortest first, none through a package twice.

        A root that is the package itself is the empty way. The search always extends the way
        whose whole length is known to be least, so that the first ways cost little however
        many there are.
        """
        distance = self._distances(roots)
        heap: list[tuple[int, int, tuple[str, ...], tuple[Dependency, ...]]] = []

        def push(way: tuple[Dependency, ...]) -> None:
            names = (way[0].parent if way else name, *(edge.name for edge in way))
            if names[0] in distance:
                # Of ways that are equally long when whole, the one nearest to it goes first.
                heapq.heappush(heap, (len(way) + distance[names[0]], -len(way), names, way))

        push(())
        while heap:
            _, _, names, way = heapq.heappop(heap)
            if names[0] in roots:
                yield way
            for edge in self.needed_by(names[0]):
                if edge.parent not in names:
                    push((edge, *way))

    def _distances(self, roots: Collection[str]) -> dict[str, int]:
        """Steps from the nearest root."""
        distance = {root: 0 for root in roots if root in self.records}
        level = list(distance)
        while level:
            following = []
            for parent in level:
                for edge in self.needs(parent):
                    if edge.name in self.records and edge.name not in distance:
                        distance[edge.name] = distance[parent] + 1
                        following.append(edge.name)
            level = following
        return distance

    def _others_that_need(self, name: str) -> bool:
        return any(edge.parent != name for edge in self._needed_by.get(name, ()))


class _RequirementReader:
    """Reads what pip wrote of a distribution that it installed by hand (``Requires-Dist``)."""

    def __init__(self, records: Mapping[str, PrefixRecord], platform: str) -> None:
        self._records = records
        self._platform = platform

    def edges(self, record: PrefixRecord) -> Iterator[Dependency]:
        texts = record.record.data.get("requires_dist")
        python = self._records.get("python")
        if not texts or python is None:
            return
        from packaging.requirements import InvalidRequirement, Requirement

        from minicon.models.name_map import NameMap
        from minicon.solver.joint.markers import applies, marker_environment

        environment = marker_environment(python.record.version, self._platform)
        names = NameMap.built_in()
        for text in texts:
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            if applies(requirement, environment):
                candidates = (*names.conda_names(requirement.name), requirement.name.lower())
                name = next((each for each in candidates if each in self._records), candidates[0])
                yield Dependency(record.name, name, _as_conda(name, str(requirement.specifier)))


def _as_conda(name: str, specifier: str) -> str:
    return f"{name} {specifier}".rstrip()


def _conda_needs(records: Mapping[str, PrefixRecord]) -> dict[str, list[Dependency]]:
    """What the records say, conditions judged by what is there, with the extras asked for."""
    asked = [
        spec
        for each in records.values()
        for text in each.requested_specs
        if "[" in text
        if (spec := _parsed(text)) is not None
    ]
    needs = active_dependencies({name: each.record for name, each in records.items()}, asked=asked)
    return {
        name: [Dependency(name, _first_word(other), text) for other, text in dict.fromkeys(found)]
        for name, found in needs.items()
    }


def _first_word(name: str) -> str:
    """The name that a dependency begins with, should nobody be able to read the rest."""
    return name.removeprefix(UNREADABLE).split(" ", 1)[0]


def _parsed(text: str) -> MatchSpec | None:
    """The spec, or None for what no reader of specs understands."""
    try:
        return parse_dependency(text)
    except SpecError:
        return None
