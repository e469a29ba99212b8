"""A picture of a solution: its packages in columns, each to the right of those that need it.

An arrow is left out where others lead the same way, so that few are enough. Arrows that pass
columns go through gaps between the packages there; those to the same package share a gap. The size
of a package is the bar below its name.
"""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

from minicon.lean_dataclasses import dataclass, field
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
#: Height of a gap that arrows go through.
_GAP = 8.0
_SWEEPS = 8

_Edges = dict[str, list[str]]


@dataclass(slots=True)
class _Slot:
    """A rectangle in a column: a package, or a gap for arrows.

    Attributes:
        column: Index of the column, from the left.
        package: The package; None for a gap.
        neighbours: Slots of adjacent columns that arrows connect it with.
    """

    column: int
    package: Mapping[str, Any] | None = None
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    neighbours: list[_Slot] = field(default_factory=list)

    @property
    def height(self) -> float:
        return _GAP if self.package is None else _HEIGHT

    @property
    def middle(self) -> float:
        return self.y + self.height / 2

    @property
    def label(self) -> str:
        name: str = self.package["name"] if self.package else ""
        return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def draw_graph(packages: Sequence[Mapping[str, Any]], label: str) -> Html | None:
    """Return the picture as an SVG element; None if there are too many packages, or only one."""
    if not 1 < len(packages) <= _MOST_NODES:
        return None
    edges = _without_circles(packages)
    columns = _columns(packages, edges)
    slots = {each["name"]: _Slot(columns[each["name"]], each) for each in packages}
    ways = _ways(slots, _reduced(edges))
    width, height = _placed([*slots.values(), *{id(s): s for w in ways for s in w[1:-1]}.values()])
    arrows = [_arrow(way) for way in ways]
    largest = max((each["size"] or 0 for each in packages), default=0) or 1
    return element(
        "svg",
        element("title", label),
        element("g", arrows, class_="arrows"),
        element("g", [_box(slot, largest) for slot in slots.values()]),
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
    bits = {name: 1 << number for number, name in enumerate(edges)}
    below: dict[str, int] = {}
    stack = list(edges)
    while stack:
        name = stack[-1]
        missing = [each for each in edges[name] if each not in below]
        if missing:
            stack += missing
            continue
        stack.pop()
        below[name] = 0
        for target in edges[name]:
            below[name] |= bits[target] | below[target]

    def direct(targets: Sequence[str]) -> list[str]:
        further = 0
        for target in targets:
            further |= below[target]
        return [target for target in targets if not bits[target] & further]

    return {name: direct(targets) for name, targets in edges.items()}


def _ways(slots: Mapping[str, _Slot], edges: _Edges) -> list[list[_Slot]]:
    """Return each arrow as the slots that it connects: a package, gaps, and a package."""
    gaps: dict[tuple[str, int], _Slot] = {}
    ways = []
    for name, targets in edges.items():
        for target in targets:
            start, end = slots[name], slots[target]
            passed = range(start.column + 1, end.column)
            between = [gaps.setdefault((target, column), _Slot(column)) for column in passed]
            way = [start, *between, end]
            for left, right in pairwise(way):
                left.neighbours.append(right)
                right.neighbours.append(left)
            ways.append(way)
    return ways


def _placed(slots: Sequence[_Slot]) -> tuple[float, float]:
    """Give all slots their corners; return the width and height of the picture."""
    columns: list[list[_Slot]] = [[] for _ in range(max(slot.column for slot in slots) + 1)]
    for slot in slots:
        columns[slot.column].append(slot)
    for sweep in range(_SWEEPS + 1):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            column.sort(key=_wanted if sweep else lambda slot: slot.label)
            _stack(column)
    top = min(slot.y for slot in slots)
    for slot in slots:
        slot.y += _MARGIN - top
    x = _MARGIN
    for column in columns:
        wide = max(len(slot.label) * _CHARACTER + 2 * _PADDING for slot in column)
        for slot in column:
            slot.x = x
            own = len(slot.label) * _CHARACTER + 2 * _PADDING
            slot.width = own if slot.package else wide
        x += wide + _GAP_X
    return x - _GAP_X + _MARGIN, max(slot.y + slot.height for slot in slots) + _MARGIN


def _wanted(slot: _Slot) -> float:
    """Return the height at which the arrows of a slot would be straight."""
    if not slot.neighbours:
        return slot.middle
    return sum(other.middle for other in slot.neighbours) / len(slot.neighbours)


def _stack(column: Sequence[_Slot]) -> None:
    """Put the slots of a column below each other, in the middle of the picture."""
    y = -(sum(slot.height + _GAP_Y for slot in column) - _GAP_Y) / 2
    for slot in column:
        slot.y = y
        y += slot.height + _GAP_Y


def _arrow(way: Sequence[_Slot]) -> Html:
    start, *between, end = way
    x, y = start.x + start.width, start.middle
    parts = [f"M{x:.1f} {y:.1f}"]
    for slot in between:
        parts += [_curve(x, y, slot.x, slot.middle), f"H{slot.x + slot.width:.1f}"]
        x, y = slot.x + slot.width, slot.middle
    parts.append(_curve(x, y, end.x - 5, end.middle))
    tip = f"M{end.x - 7:.1f} {end.middle - 3.5:.1f}l6.500 3.500 -6.500 3.500"
    assert start.package is not None
    assert end.package is not None
    return element(
        "g",
        element("path", d="".join(parts)),
        element("path", d=tip, class_="tip"),
        class_="arrow",
        data_from=start.package["name"],
        data_to=end.package["name"],
    )


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = (to_x - x) / 2
    return f"C{x + bend:.1f} {y:.1f} {to_x - bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"


def _box(node: _Slot, largest: int) -> Html:
    package = node.package
    assert package is not None
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
