"""Trees of dependencies, ready to print: every package is opened once, cycles are marked."""

from __future__ import annotations

from enum import Enum

from minicon.lean_dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from minicon.api.inspect.dependency_graph import Dependency, DependencyGraph


class Mark(Enum):
    """Why a node has no branches though there may be some."""

    NONE = ""
    SHOWN = "shown above"
    CYCLE = "cycle"
    DEEPER = "more below"
    MISSING = "not installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNode:
    """One package in a tree.

    Attributes:
        name: Of the package.
        version: The installed one; an empty text if it is not installed.
        spec: The dependency that leads here; an empty text at a root.
        mark: Why its branches are not given.
        branches: What it needs, or in an inverted tree what needs it.
    """

    name: str
    version: str
    spec: str = ""
    mark: Mark = Mark.NONE
    branches: tuple[TreeNode, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The node with its branches, as objects."""
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
    """The trees below some packages. Costs one visit per package and edge.

    Args:
        graph: An environment's dependencies.
        roots: Names of packages that are there.
        inverted: Show what needs a package instead of what it needs.
        depth: How many levels below the roots; None means all.
    """
    grower = _Grower(graph, inverted=inverted, depth=depth)
    return tuple(grower.grow(name) for name in roots)


def whole_tree(
    graph: DependencyGraph, requested: Iterable[str], *, depth: int | None = None
) -> tuple[TreeNode, ...]:
    """Trees in which every package of an environment appears.

    Its roots are what was asked for, then what nothing needs, then what only cycles need.
    """
    roots = [name for name in requested if name in graph.records]
    roots += [name for name in graph.orphans() if name not in roots]
    reached = _reached(graph, roots)
    for name in graph.records:
        if name not in reached:
            roots.append(name)
            reached |= _reached(graph, [name])
    return dependency_tree(graph, roots, depth=depth)


def _reached(graph: DependencyGraph, roots: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [edge.name for edge in graph.needs(name)]
    return found


class _Grower:
    """Makes nodes, and remembers which packages were opened already."""

    def __init__(self, graph: DependencyGraph, *, inverted: bool, depth: int | None) -> None:
        self._graph = graph
        self._inverted = inverted
        self._depth = depth
        self._opened: set[str] = set()

    def grow(self, name: str, spec: str = "", above: tuple[str, ...] = ()) -> TreeNode:
        record = self._graph.records.get(name)
        mark = self._mark(name, above)
        branches: tuple[TreeNode, ...] = ()
        if mark is Mark.NONE:
            self._opened.add(name)
            here = (*above, name)
            branches = tuple(self.grow(to, edge.spec, here) for to, edge in self._edges(name))
        version = record.record.version if record is not None else ""
        return TreeNode(name=name, version=version, spec=spec, mark=mark, branches=branches)

    def _mark(self, name: str, above: tuple[str, ...]) -> Mark:
        if name not in self._graph.records:
            return Mark.MISSING
        if name in above:
            return Mark.CYCLE
        if not self._edges(name):
            return Mark.NONE
        if name in self._opened:
            return Mark.SHOWN
        return Mark.DEEPER if len(above) == self._depth else Mark.NONE

    def _edges(self, name: str) -> list[tuple[str, Dependency]]:
        if self._inverted:
            return [(edge.parent, edge) for edge in self._graph.needed_by(name)]
        return [(edge.name, edge) for edge in self._graph.needs(name)]
