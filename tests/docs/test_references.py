"""The reference pages say what the code says: no more, no less."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from types import ModuleType

import pytest
from tests.support.error_references import error_references

from minicon import errors
from minicon.cli.command_table import COMMANDS
from minicon.config.keys import KEYS

DOCS = Path(__file__).parent.parent.parent / "docs"
UPDATE = "set MINICON_UPDATE_GOLDEN=1, or run ./dev docs"


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = load_generator()


def table_rows(page: str) -> list[list[str]]:
    lines = (DOCS / "reference" / page).read_text().splitlines()
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in cells]


@pytest.mark.parametrize("name", GENERATOR.PAGES)
def test_generated_pages_are_up_to_date(name: str) -> None:
    expected = GENERATOR.PAGES[name]()
    path = DOCS / "reference" / name
    if os.environ.get("MINICON_UPDATE_GOLDEN"):
        path.write_text(expected)
    assert path.read_text() == expected, f"{name} is not up to date: {UPDATE}"


def test_every_error_has_a_row_and_every_row_an_error() -> None:
    documented = {row[0].strip("`"): row[1] for row in table_rows("errors.md")}
    raised = {name: ", ".join(sorted(classes)) for name, classes in error_references().items()}
    missing = [f"| `{n}` | {raised[n]} | … | … |" for n in sorted(raised.keys() - documented)]
    assert not missing, "docs/reference/errors.md lacks:\n" + "\n".join(missing)
    assert not documented.keys() - raised.keys(), "rows that nothing raises"
    wrong = {name: raised[name] for name in raised if raised[name] != documented[name]}
    assert not wrong, "errors.md has another class"


def test_rows_are_sorted_and_whole() -> None:
    rows = table_rows("errors.md")
    names = [row[0].strip("`") for row in rows]
    assert names == sorted(names)
    assert len(set(names)) == len(names)
    assert all(len(row) == 4 and all(row) for row in rows)


def test_the_collector_sees_every_shape(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(
        """
class OwnError(SolveError):
    def __init__(self):
        super().__init__("passed-up", "text")

class Failure:
    reference: str
    reason: str
    def as_error(self):
        return ChannelError(self.reference, self.reason)

BROKEN = Failure("from-a-field", "it broke")
TABLE = {1: ("from-a-table", "one", "hint"), 2: ("path", Path())}

def wrong(reference, text):
    return ConfigError(reference, text)

def fail(number):
    reference, message, hint = TABLE[number]
    raise wrong("from-a-helper", "text") or PackageError("plain", "text") or not_ours("no", "no")
"""
    )
    assert error_references(tmp_path) == {
        "passed-up": {"SolveError"},
        "from-a-field": {"ChannelError"},
        "from-a-table": {"ConfigError"},
        "from-a-helper": {"ConfigError"},
        "plain": {"PackageError"},
    }


def test_the_tree_of_errors_is_drawn_whole() -> None:
    drawn = set(re.findall(r"── (\w+)", errors.__doc__ or "")) | {"MiniconError"}
    defined = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert drawn == defined


def test_every_command_and_setting_is_described() -> None:
    commands = (DOCS / "reference" / "cli.md").read_text()
    assert all(f"## minicon {name}\n" in commands for name in COMMANDS)
    variables = (DOCS / "reference" / "environment-variables.md").read_text()
    assert all(f"`MINICON_{key.upper()}`" in variables for key in KEYS)
