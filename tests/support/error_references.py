"""Find every error reference in the source, with the error classes that have it.

Four forms are recognised::

    SpecError("invalid-spec", ...)                       the common one
    super().__init__("unsatisfiable", ...)               in an error class
    Failure("timed-out", ...), _wrong("wrong-type", ...) callables with a parameter ``reference``
    {401: ("access-denied", "it wants ...", ...)}        tables, where the first argument is a name
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from minicon import errors

SOURCE = Path(errors.__file__).parent
_KEBAB = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_PUBLIC = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.MiniconError)
}


def error_references(source: Path = SOURCE) -> dict[str, set[str]]:
    """Return all references in source files, each with its public error classes."""
    found: dict[str, set[str]] = {}
    for path in sorted(source.rglob("*.py")):
        for reference, name in _Module(ast.parse(path.read_text())).references():
            found.setdefault(reference, set()).add(name)
    return found


class _Module:
    """One source file."""

    def __init__(self, tree: ast.Module) -> None:
        self.calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        self.tuples = [node for node in ast.walk(tree) if isinstance(node, ast.Tuple)]
        self.classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        self.functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        self.parents = dict.fromkeys(_PUBLIC, "") | self._own_error_classes()

    def _own_error_classes(self) -> dict[str, str]:
        """Error classes that are defined here: their public parent."""
        return {
            each.name: base.id
            for each in self.classes
            for base in each.bases
            if isinstance(base, ast.Name) and base.id in _PUBLIC and each.name not in _PUBLIC
        }

    def references(self) -> Iterator[tuple[str, str]]:
        for call in self.calls:
            name = _called(call)
            if name in self.parents and call.args:
                yield from self._of_argument(call.args[0], self.parents[name] or name)
        for each in self.classes:
            if each.name in self.parents:
                yield from self._passed_up(each)

    def _of_argument(self, first: ast.expr, name: str) -> Iterator[tuple[str, str]]:
        reference = _constant(first)
        if reference is not None:
            yield reference, name
        elif isinstance(first, ast.Name):
            yield from ((each, name) for each in (*self._from_helpers(), *self._from_tables()))
        elif isinstance(first, ast.Attribute) and ast.unparse(first) == "self.reference":
            yield from ((each, name) for each in self._from_fields())

    def _passed_up(self, each: ast.ClassDef) -> Iterator[tuple[str, str]]:
        for node in ast.walk(each):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
                reference = _constant(node.args[0]) if node.args else None
                if reference is not None:
                    yield reference, self.parents[each.name] or each.name

    def _from_helpers(self) -> Iterator[str]:
        """First arguments of calls to functions whose first parameter is ``reference``."""
        helpers = {f.name for f in self.functions if f.args.args and f.args.args[0].arg == _FIELD}
        return self._first_arguments(helpers)

    def _from_fields(self) -> Iterator[str]:
        """First arguments of classes whose first field is ``reference``."""
        return self._first_arguments(
            {
                each.name
                for each in self.classes
                for field in [next((n for n in each.body if isinstance(n, ast.AnnAssign)), None)]
                if field is not None and ast.unparse(field.target) == _FIELD
            }
        )

    def _first_arguments(self, callees: set[str]) -> Iterator[str]:
        for call in self.calls:
            if _called(call) in callees and call.args:
                reference = _constant(call.args[0])
                if reference is not None:
                    yield reference

    def _from_tables(self) -> Iterator[str]:
        """First items of tuples of texts, in modules that look a reference up."""
        for each in self.tuples:
            texts = [_is_text(item) for item in each.elts]
            reference = _constant(each.elts[0]) if len(texts) > 1 and all(texts) else None
            if reference is not None:
                yield reference


_FIELD = "reference"


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _constant(node: ast.expr) -> str | None:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if is_text and _KEBAB.match(node.value) else None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str))
    )
