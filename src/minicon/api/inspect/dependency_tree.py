"""Trees of dependencies for display: each package is expanded once, cycles are marked.

Chains longer than :data:`MAX_DEPTH` are continued at a root of their own, which bounds the
indentation, and the nesting of the JSON document.
"""

from __future__ import annotations

from enum import Enum

from minicon.lean_dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from minicon.api.dependency_graph import Dependency, DependencyGraph

#: Levels of one tree.
MAX_DEPTH = 100


class Mark(Enum):
    """Why a node is not expanded."""

    NONE = ""
    SHOWN = "shown above"
    CYCLE = "cycle"
    DEEPER = "more below"
    MISSING = "not installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNode:
    """One package in a tree.

    Attributes:
        name: Package name.
        version: The installed version; an empty text if it is not installed.
        spec: The dependency on this package; an empty text at a root.
        mark: Why its branches are left out.
        branches: Its dependencies, or in an inverted tree its dependents.
    """

    name: str
    version: str
    spec: str = ""
    mark: Mark = Mark.NONE
    branches: tuple[TreeNode, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return the node and its branches as a JSON object."""
        data: dict[str, Any] = {"name": self.name, "version": self.version}
        data.update({"spec": self.spec} if self.spec else {})
        data.update({"mark": self.mark.name.lower()} if self.mark is not Mark.NONE else {})
        data["dependencies"] = [branch.to_json() for branch in self.branches]
        return data


def dependency_tree(
    graph: DependencyGraph,
    roots: Iterable[str],
    *,
    inverted: bool = False,
    depth: int | None = None,
) -> tuple[TreeNode, ...]:
    """Return the trees below some packages. Visits each package and edge once.

    Args:
        graph: An environment's dependencies.
        roots: Names of installed packages.
        inverted: Show dependents instead of dependencies.
        depth: How many levels below the roots, at most :data:`MAX_DEPTH`; None means all.
    """
    limit = MAX_DEPTH if depth is None else min(depth, MAX_DEPTH)
    builder = _TreeBuilder(graph, inverted=inverted, depth=limit)
    trees = [builder.node(name) for name in roots]
    while depth is None and builder.deeper:
        trees.append(builder.node(next(iter(builder.deeper))))
    return tuple(trees)


def whole_tree(
    graph: DependencyGraph, requested: Iterable[str], *, depth: int | None = None
) -> tuple[TreeNode, ...]:
    """Return trees that contain every package of an environment.

    The roots are the requested packages, then those without dependents, then one of each
    remaining cycle.
    """
    roots = dict.fromkeys(name for name in requested if name in graph.records)
    roots.update(dict.fromkeys(graph.orphans()))
    reached = set(graph.distances(roots))
    for name in graph.records:
        if name not in reached:
            roots[name] = None
            reached |= graph.distances([name]).keys()
    return dependency_tree(graph, roots, depth=depth)


class _TreeBuilder:
    """Builds nodes, and remembers which packages are expanded already.

    Attributes:
        deeper: Packages that were too deep, and are not expanded elsewhere.
    """

    def __init__(self, graph: DependencyGraph, *, inverted: bool, depth: int) -> None:
        self._graph = graph
        self._inverted = inverted
        self._depth = depth
        self._expanded: set[str] = set()
        self.deeper: dict[str, None] = {}

    def node(self, name: str, spec: str = "", above: tuple[str, ...] = ()) -> TreeNode:
        record = self._graph.records.get(name)
        mark = self._mark(name, above)
        branches: tuple[TreeNode, ...] = ()
        if mark is Mark.DEEPER:
            self.deeper[name] = None
        elif mark is Mark.NONE:
            self._expanded.add(name)
            self.deeper.pop(name, None)
            path = (*above, name)
            branches = tuple(self.node(to, edge.spec, path) for to, edge in self._edges(name))
        version = record.record.version if record is not None else ""
        return TreeNode(name=name, version=version, spec=spec, mark=mark, branches=branches)

    def _mark(self, name: str, above: tuple[str, ...]) -> Mark:
        if name not in self._graph.records:
            return Mark.MISSING
        if name in above:
            return Mark.CYCLE
        if not self._edges(name):
            return Mark.NONE
        if name in self._expanded:
            return Mark.SHOWN
        return Mark.DEEPER if len(above) == self._depth else Mark.NONE

    def _edges(self, name: str) -> list[tuple[str, Dependency]]:
        if self._inverted:
            return [(edge.parent, edge) for edge in self._graph.dependents(name)]
        return [(edge.name, edge) for edge in self._graph.dependencies(name)]
