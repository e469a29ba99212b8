"""Draw the rooms of src/minicon from the imports of its modules, as an SVG.

``docs/generate.py`` writes the picture, and a test compares it with the code. Rooms stand in
layers: each imports rooms below it only. An arrow is drawn where a room imports another one that
it does not reach through a third room (a transitive reduction), so that few arrows are enough.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import drawing

SOURCE = Path(__file__).parent.parent / "src" / "minicon"

_WIDTH, _MARGIN, _GAP = 1180, 20, 18
_BOX, _BETWEEN_LAYERS = 96, 34
_LINE, _CHARACTER = 15, 7.1
#: Lines of text that a box has room for.
_LINES = 4


@dataclass(frozen=True)
class Room:
    """One folder directly below src/minicon.

    Attributes:
        step: First line of its docstring.
        folders: Its subfolders.
        modules: Number of modules in all of it.
        imports: Names of other rooms that it imports.
    """

    name: str
    step: str
    folders: tuple[str, ...]
    modules: int
    imports: frozenset[str]


def read_rooms(source: Path = SOURCE) -> dict[str, Room]:
    """Return the rooms by name."""
    names = [path.name for path in source.iterdir() if (path / "__init__.py").is_file()]
    return {name: _read_room(source / name, set(names)) for name in sorted(names)}


def _read_room(folder: Path, names: set[str]) -> Room:
    files = sorted(folder.rglob("*.py"))
    modules = [path for path in files if path.name != "__init__.py"]
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    imported = {
        module.split(".")[1]
        for path in files
        for module in _imported_modules(ast.parse(path.read_text()))
    }
    return Room(
        name=folder.name,
        step=docstring.partition("\n")[0].replace("``", ""),
        folders=tuple(sorted(p.parent.name for p in folder.glob("*/__init__.py"))),
        modules=len(modules),
        imports=frozenset(imported & names - {folder.name}),
    )


def _imported_modules(tree: ast.Module) -> list[str]:
    found = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [module for module in found if module.startswith("minicon.")]


def layers(rooms: dict[str, Room]) -> list[list[str]]:
    """Return the names of rooms from the top layer to the lowest.

    A room stands above all that it imports; where more rooms import it than it imports, it stands
    as high as those allow, so that arrows are short. Raises RecursionError where rooms import
    each other in a circle.
    """

    def height(name: str) -> int:
        return max((height(other) + 1 for other in rooms[name].imports), default=0)

    heights = {name: height(name) for name in rooms}
    arrows = direct_imports(rooms)
    for name in sorted(rooms, key=lambda name: -heights[name]):
        importers = [a for a, b in arrows if b == name]
        if importers and len(importers) >= sum(a == name for a, _ in arrows):
            heights[name] = min(heights[a] for a in importers) - 1
    rows: list[list[str]] = []
    for level in range(max(heights.values()), -1, -1):
        above = {name: index for row in rows for index, name in enumerate(row)}
        centre = {
            name: sum(above.get(a, 0) for a, b in arrows if b == name)
            / max(1, sum(b == name for _, b in arrows))
            for name in rooms
        }
        row = [name for name in rooms if heights[name] == level]
        rows.append(sorted(row, key=lambda name: (centre[name], name)))
    return [row for row in rows if row]


def direct_imports(rooms: dict[str, Room]) -> set[tuple[str, str]]:
    """Return pairs (room, imported room) that no third room connects."""

    def reached(name: str) -> set[str]:
        return set().union(*({other} | reached(other) for other in rooms[name].imports))

    return {
        (name, other)
        for name, room in rooms.items()
        for other in room.imports
        if not any(other in reached(third) for third in room.imports - {other})
    }


def picture() -> str:
    """Return the SVG: rooms in layers, with their steps, sizes and imports."""
    rooms = read_rooms()
    boxes, height = _place(layers(rooms))
    arrows = [_arrow(boxes[a], boxes[b]) for a, b in sorted(direct_imports(rooms))]
    drawn = [_box(rooms[name], *boxes[name]) for name in boxes]
    return drawing.frame(_WIDTH, height, "Rooms of minicon and what they import", [*arrows, *drawn])


def _place(rows: list[list[str]]) -> tuple[dict[str, tuple[float, float, float]], int]:
    """Return (left, top, width) of each box, and the height of the picture."""
    boxes = {}
    top = float(_MARGIN)
    for names in rows:
        width = (_WIDTH - 2 * _MARGIN - _GAP * (len(names) - 1)) / len(names)
        width = min(width, 340)
        left = (_WIDTH - width * len(names) - _GAP * (len(names) - 1)) / 2
        for index, name in enumerate(names):
            boxes[name] = (left + index * (width + _GAP), top, width)
        top += _BOX + _BETWEEN_LAYERS
    return boxes, int(top - _BETWEEN_LAYERS + _MARGIN)


def _box(room: Room, left: float, top: float, width: float) -> str:
    columns = int((width - 20) / _CHARACTER)
    folders = _wrapped(" · ".join(room.folders), columns)[:2] if room.folders else []
    step = _wrapped(room.step, columns)[: _LINES - len(folders)]
    texts = [("", line) for line in step] + [("folders", line) for line in folders]
    size = drawing.text(left + width - 10, top + 21, f"{room.modules} modules", "size", "end")
    lines = [*drawing.box(left, top, width, _BOX, "conda"), size]
    lines.append(drawing.text(left + 10, top + 21, room.name, "name"))
    lines += [
        drawing.text(left + 10, top + 39 + index * _LINE, text, kind)
        for index, (kind, text) in enumerate(texts)
    ]
    return "\n".join(lines)


def _arrow(start: tuple[float, float, float], end: tuple[float, float, float]) -> str:
    (left, top, width), (other_left, other_top, other_width) = start, end
    x, y = left + width / 2, top + _BOX
    to_x, to_y = other_left + other_width / 2, other_top - 2
    bend = (to_y - y) / 2
    return (
        f'<path class="arrow" marker-end="url(#tip)" d="M{x:.0f} {y:.0f} '
        f'C{x:.0f} {y + bend:.0f} {to_x:.0f} {to_y - bend:.0f} {to_x:.0f} {to_y:.0f}"/>'
    )


def _wrapped(text: str, columns: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > columns:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
