"""The page of programs that call conda, from the tables of dialects and the tests of clients."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from minicon.cli.dialects.choice import dialect_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TESTS = Path(__file__).parents[1] / "tests" / "clients"
#: What clients might look for and do not find.
NOT_SPOKEN = (
    "Python programs that `import conda`",
    "locking the packages of `host` with conda-lock: an interpreter has no URL and no hash",
)


def page_parts() -> Iterator[str]:
    """Yield the parts of the page."""
    yield (
        "`minicon shims` writes programs with these names, see\n"
        "[move from conda](../how-to/move-from-conda.md#programs-that-call-conda)."
    )
    rows = [(f"`{name}`", dialect_named(name).version) for name in ("conda", "mamba", "micromamba")]
    yield _table(("program", "version that is spoken"), rows)
    yield "## Tested clients"
    yield "`./dev test --clients` runs each of them and checks what it made."
    yield _table(("client", "version", "what is run"), _tested())
    yield "## Commands of other programs"
    yield "They are refused, and the message says what does the job."
    conda, micromamba = dialect_named("conda"), dialect_named("micromamba")
    others = {**micromamba.elsewhere, **conda.elsewhere}
    yield _table(("command", "message"), ((f"`{k}`", v) for k, v in sorted(others.items())))
    yield "These succeed, and print why there is nothing to do."
    notes = {**conda.notes, **micromamba.notes}
    yield _table(("command", "message"), ((f"`{k}`", v) for k, v in sorted(notes.items())))
    yield "## Options without effect"
    for dialect in (conda, micromamba):
        idle = [each.flags for each in dialect.options if not (each.words or each.variables)]
        flags = sorted({f"`{flag}`" for flags in idle for flag in flags})
        yield f"{dialect.name}: {' '.join(flags)}"
    yield "## Not spoken"
    yield "\n".join(f"- {text}" for text in NOT_SPOKEN)


def _tested() -> Iterator[tuple[str, ...]]:
    """Yield one row per pinned client with tests: name, version, what they do."""
    tests: dict[str, list[str]] = {}
    for node in ast.parse((TESTS / "test_clients.py").read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            what = (ast.get_docstring(node) or "").partition("\n")[0].rstrip(".")
            assert what, f"{node.name} has no docstring"
            tests.setdefault(node.name.removeprefix("test_").replace("_", "-"), []).append(what)
    for line in (TESTS / "requirements.txt").read_text().splitlines():
        client, _, version = line.partition("==")
        found = [what for name, texts in tests.items() if name.startswith(client) for what in texts]
        if version and found:
            yield client, version, "; ".join(text[0].lower() + text[1:] for text in found)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
