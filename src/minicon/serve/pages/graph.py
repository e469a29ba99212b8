"""A picture of a solution: its packages in columns, each to the right of those that need it.

An arrow is left out where others lead the same way, so that few are enough. The size of a package
is the bar below its name.
"""

from __future__ import annotations

from math import sqrt

from minicon.lean_dataclasses import dataclass
from minicon.serve.pages.frame import size_text
from minicon.serve.pages.html import Html, element

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

#: Larger solutions have no picture: it could not be read.
_MOST_NODES = 250
_CHARACTER, _PADDING = 7.4, 12.0
_HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 34.0, 56.0, 12.0, 6.0
_LONGEST_NAME = 26
_SWEEPS = 6

_Edges = dict[str, list[str]]


@dataclass(slots=True)
class _Node:
    """A package in the picture: its record, its column, and its upper left corner."""

    package: Mapping[str, Any]
    column: int
    x: float = 0.0
    y: float = 0.0

    @property
    def label(self) -> str:
        name: str = self.package["name"]
        return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"

    @property
    def width(self) -> float:
        return len(self.label) * _CHARACTER + 2 * _PADDING


def draw_graph(packages: Sequence[Mapping[str, Any]], label: str) -> Html | None:
    """Return the picture as an SVG element; None if there are too many packages, or only one."""
    if not 1 < len(packages) <= _MOST_NODES:
        return None
    edges = _without_circles(packages)
    columns = _columns(packages, edges)
    edges = _reduced(edges)
    nodes = {each["name"]: _Node(each, columns[each["name"]]) for each in packages}
    width, height = _placed(nodes, edges)
    arrows = [_arrow(nodes[a], nodes[b]) for a, targets in edges.items() for b in targets]
    largest = max((each["size"] or 0 for each in packages), default=0) or 1
    return element(
        "svg",
        element("title", label),
        element("g", arrows, class_="arrows"),
        element("g", [_box(node, largest) for node in nodes.values()]),
        role="img",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        class_="graph",
    )


def _without_circles(packages: Sequence[Mapping[str, Any]]) -> _Edges:
    """Return the dependencies by dependent package, without those that close a circle."""
    names = {each["name"] for each in packages}
    dependents = {each["name"]: [n for n in each["needed_by"] if n in names] for each in packages}
    needs: _Edges = {name: [] for name in names}
    for name, parents in dependents.items():
        for parent in parents:
            if parent != name:
                needs[parent].append(name)
    roots = [each["name"] for each in packages if each["requested"]]
    found: _Edges = {name: [] for name in names}
    done: set[str] = set()
    for root in [*roots, *sorted(names)]:
        if root not in done:
            _walk(root, needs, found, done)
    return found


def _walk(root: str, needs: _Edges, found: _Edges, done: set[str]) -> None:
    """Copy the edges below a root, but those that lead back to the path to them."""
    path: dict[str, list[str]] = {root: list(needs[root])}
    while path:
        name, left = next(reversed(path.items()))
        if not left:
            done.add(name)
            del path[name]
            continue
        target = left.pop()
        if target in path:
            continue
        found[name].append(target)
        if target not in done:
            path[target] = list(needs[target])


def _columns(packages: Sequence[Mapping[str, Any]], edges: _Edges) -> dict[str, int]:
    """Return the column of each package: the longest way to it from one without dependents."""
    incoming = dict.fromkeys(edges, 0)
    for targets in edges.values():
        for target in targets:
            incoming[target] += 1
    column = dict.fromkeys((each["name"] for each in packages), 0)
    queue = [name for name, count in incoming.items() if not count]
    for name in queue:  # grows while it is walked
        for target in edges[name]:
            column[target] = max(column[target], column[name] + 1)
            incoming[target] -= 1
            if not incoming[target]:
                queue.append(target)
    return column


def _reduced(edges: _Edges) -> _Edges:
    """Return the edges without those that a longer way replaces."""
    below: dict[str, set[str]] = {}

    def reach(start: str) -> set[str]:
        stack = [start]
        while stack:
            name = stack[-1]
            missing = [each for each in edges[name] if each not in below]
            if missing:
                stack += missing
                continue
            stack.pop()
            below[name] = set().union(edges[name], *(below[each] for each in edges[name]))
        return below[start]

    for name in edges:
        reach(name)
    return {
        name: [t for t in targets if not any(t in below[o] for o in targets if o != t)]
        for name, targets in edges.items()
    }


def _placed(nodes: Mapping[str, _Node], edges: _Edges) -> tuple[float, float]:
    """Give all nodes their corners; return the width and height of the picture."""
    columns: list[list[_Node]] = [[] for _ in range(max(n.column for n in nodes.values()) + 1)]
    for name in sorted(nodes):
        columns[nodes[name].column].append(nodes[name])
    neighbours: dict[str, list[_Node]] = {name: [] for name in nodes}
    for name, targets in edges.items():
        for target in targets:
            neighbours[name].append(nodes[target])
            neighbours[target].append(nodes[name])
    tallest = max(map(len, columns))
    height = tallest * (_HEIGHT + _GAP_Y) - _GAP_Y + 2 * _MARGIN
    for sweep in range(_SWEEPS + 1):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            if sweep:
                column.sort(key=lambda node: _middle(node, neighbours[node.package["name"]]))
            top = (height - len(column) * (_HEIGHT + _GAP_Y) + _GAP_Y) / 2
            for number, node in enumerate(column):
                node.y = top + number * (_HEIGHT + _GAP_Y)
    x = _MARGIN
    for column in columns:
        for node in column:
            node.x = x
        x += max(node.width for node in column) + _GAP_X
    return x - _GAP_X + _MARGIN, height


def _middle(node: _Node, neighbours: Sequence[_Node]) -> float:
    if not neighbours:
        return node.y
    return sum(other.y for other in neighbours) / len(neighbours)


def _arrow(start: _Node, end: _Node) -> Html:
    x, y = start.x + start.width, start.y + _HEIGHT / 2
    to_x, to_y = end.x - 5, end.y + _HEIGHT / 2
    bend = max((to_x - x) / 2, 24)
    end_text = f"{to_x - bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    curve = f"M{x:.1f} {y:.1f}C{x + bend:.1f} {y:.1f} {end_text}"
    tip = f"M{to_x - 2:.1f} {to_y - 3.5:.1f}l6.500 3.500 -6.500 3.500"
    names = {"data_from": start.package["name"], "data_to": end.package["name"]}
    return element(
        "g", element("path", d=curve), element("path", d=tip, class_="tip"), class_="arrow", **names
    )


def _box(node: _Node, largest: int) -> Html:
    package = node.package
    share = sqrt((package["size"] or 0) / largest)
    tip = f"{package['name']} {package['version']}, {size_text(package['size'])}"
    return element(
        "g",
        element("title", tip),
        element(
            "rect",
            x=f"{node.x:.1f}",
            y=f"{node.y:.1f}",
            width=f"{node.width:.1f}",
            height=_HEIGHT,
            rx=8,
        ),
        element(
            "rect",
            x=f"{node.x + _PADDING:.1f}",
            y=f"{node.y + _HEIGHT - 8:.1f}",
            width=f"{max(share * (node.width - 2 * _PADDING), 2):.1f}",
            height=3,
            rx=1.5,
            class_="size",
        ),
        element("text", node.label, x=f"{node.x + _PADDING:.1f}", y=f"{node.y + 18:.1f}"),
        class_="node requested" if package["requested"] else "node",
        data_name=package["name"],
    )
