"""Shapes of JSON documents, found from examples: what the reference shows, and tests compare.

``key?`` is in some of the examples only; ``{NAME: …}`` has names, paths or URLs as keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_KEY = re.compile(r"[A-Za-z_][\w.]*")
#: Keys of a package's record, which has a shape of its own; and its name.
_RECORD_KEYS = {"name", "version", "build", "channel", "fn", "url"}
RECORD = "RECORD"
_WIDTH = 88


@dataclass
class Shape:
    """What is known of a value.

    Attributes:
        kinds: Names of its scalar types.
        items: Of a list, if there is one; its items may be unknown.
        keys: Of an object: the shape of each, and in how many examples it is.
        objects: Number of examples that are objects with fixed keys.
        values: Of an object with names as keys.
    """

    kinds: set[str] = field(default_factory=set)
    items: Shape | None = None
    keys: dict[str, tuple[Shape, int]] = field(default_factory=dict)
    objects: int = 0
    values: Shape | None = None

    def add(self, value: Any, maps: frozenset[str], name: str, record: Shape) -> None:
        """Add an example.

        Args:
            value: Of a document.
            maps: Names of objects whose keys are names.
            name: The key of the value, or the name of the document.
            record: The shape of the packages in all documents.
        """
        if isinstance(value, list):
            self.items = self.items or Shape()
            for each in value:
                self.items.add(each, maps, f"{name}[]", record)
        elif isinstance(value, dict):
            self._add_object(value, maps, name, record)
        else:
            self.kinds.add(_kind(value))

    def _add_object(
        self, value: dict[str, Any], maps: frozenset[str], name: str, record: Shape
    ) -> None:
        if self is not record and value.keys() >= _RECORD_KEYS:
            self.kinds.add(RECORD)
            record.add(value, maps, RECORD, record)
            return
        if name in maps or not all(map(_KEY.fullmatch, value)):
            self.values = self.values or Shape()
            for each in value.values():
                self.values.add(each, maps, f"{name}.*", record)
            return
        self.objects += 1
        for key, each in value.items():
            shape, count = self.keys.get(key, (Shape(), 0))
            shape.add(each, maps, key, record)
            self.keys[key] = shape, count + 1

    def text(self, indent: str = "") -> str:
        """Return the shape in the notation of the reference."""
        parts = sorted(self.kinds - {"null"})
        if self.objects:
            parts.append(self._object(indent))
        if self.values is not None:
            parts.append(f"{{NAME: {self.values.text(indent)}}}")
        if self.items is not None:
            inner = self.items.text(indent)
            parts.append(f"[{inner}]" if inner != "null" else "[]")
        return " or ".join([*parts, *(["null"] if "null" in self.kinds or not parts else [])])

    def _object(self, indent: str) -> str:
        deeper = indent + "  "
        pairs = [
            f'"{key}"{"?" * (count < self.objects)}: {shape.text(deeper)}'
            for key, (shape, count) in sorted(self.keys.items())
        ]
        one_line = f"{{{', '.join(pairs)}}}"
        if "\n" not in one_line and len(indent + one_line) <= _WIDTH:
            return one_line
        return "{\n" + "".join(f"{deeper}{each}\n" for each in pairs) + f"{indent}}}"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "true or false", int: "number", float: "number", str: "text"}
    return names[type(value)]
