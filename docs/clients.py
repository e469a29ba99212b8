"""The page of programs that call conda, from the tables of dialects and the tests of clients."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from minicon.cli.dialects.choice import dialect_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from minicon.cli.dialects.dialect import Dialect

TESTS = Path(__file__).parents[1] / "tests" / "clients"
#: Clients whose tests have another name, and what starts the names of their tests.
NAMES = {
    "hatch": "hatch-itself",  # hatch-conda is its plugin
    "mlflow-skinny": "mlflow",
}
#: Scripts that are no program of an index: their lines are tested.
SCRIPTS = {
    "micromamba-docker": "scripts-of-images-of-micromamba",
    "setup-micromamba": "lines-of-setup-micromamba",
    "setup-miniconda": "lines-of-setup-miniconda",
    "VS Code, PyCharm": "lines-of-editors",
    "nb_conda_kernels": "kernels",
}
#: What a client can do with conda, and not with minicon.
LIMITS = {
    "conda-lock": "interpreters of `host` and wheels cannot be locked: they have no MD5 hash",
    "metaflow": "it downloads packages again for remote steps: the cache keeps no archives",
}
#: What clients might look for and do not find.
NOT_SPOKEN = (
    "Python programs that `import conda`",
    "archives in the package cache: packages are kept extracted only",
    "PowerShell and cmd.exe: their files are compared with what these shells document, not run",
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
    yield _table(("client", "version", "what is run", "result"), _tested())
    yield "## Commands of other programs"
    yield "They are refused, and the message says what does the job."
    conda, micromamba = dialect_named("conda"), dialect_named("micromamba")
    others = {**micromamba.elsewhere, **conda.elsewhere}
    yield _table(("command", "message"), ((f"`{k}`", v) for k, v in sorted(others.items())))
    yield "These succeed, and print why there is nothing to do."
    notes = {**conda.notes, **micromamba.notes}
    yield _table(("command", "message"), ((f"`{k}`", v) for k, v in sorted(notes.items())))
    yield "## Options without effect"
    yield "They are accepted in the commands that are named beside them."
    for dialect in (conda, micromamba):
        yield _table((f"commands of {dialect.name}", "options"), _idle_options(dialect))
    yield "## Not spoken"
    yield "\n".join(f"- {text}" for text in NOT_SPOKEN)


def _idle_options(dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Yield commands, and the options that change nothing in them."""
    idle: dict[str, set[str]] = {}
    for each in dialect.options:
        if not each.words and not each.variables:
            commands = ", ".join(f"`{name}`" for name in sorted(each.commands)) or "all"
            idle.setdefault(commands, set()).update(f"`{flag}`" for flag in each.flags)
    for commands, flags in sorted(idle.items(), key=lambda item: (item[0] != "all", item[0])):
        yield commands, " ".join(sorted(flags))


def _tested() -> Iterator[tuple[str, ...]]:
    """Yield one row per client with tests: name, version, what they do, and what does not work."""
    lines = (TESTS / "requirements.txt").read_text().splitlines()
    pinned = {client: version for client, _, version in (line.partition("==") for line in lines)}
    pinned["direnv"] = "of Debian"
    clients = {client: NAMES.get(client, client) for client in pinned} | SCRIPTS
    tests = dict(_purposes())
    for client, start in sorted(clients.items(), key=lambda item: item[0].lower()):
        found = [what for name, what in tests.items() if f"{name}-".startswith(f"{start}-")]
        if found:
            what = "; ".join(text[0].lower() + text[1:] for text in found)
            limit = LIMITS.get(client)
            result = f"works, but {limit}" if limit else "works"
            yield client, pinned.get(client, "its lines"), what, result


def _purposes() -> Iterator[tuple[str, str]]:
    """Yield the name of each test, with hyphens, and the first line of its docstring."""
    for file in ("test_clients.py", "test_scripts.py"):
        for node in ast.parse((TESTS / file).read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                what = (ast.get_docstring(node) or "").partition("\n")[0].rstrip(".")
                assert what, f"{node.name} has no docstring"
                yield node.name.removeprefix("test_").replace("_", "-"), what


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
