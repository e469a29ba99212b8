"""Documents of ``--json`` have the shapes that docs/reference/json.md shows.

``MINICON_UPDATE_GOLDEN=1`` writes the shapes into the page.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine, small_channel
from tests.support.json_shapes import Shape

from minicon.cli.command_table import COMMANDS

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "json.md"
#: Read now: fixtures remove such variables.
_UPDATES = "MINICON_UPDATE_GOLDEN" in os.environ
_SECTION = re.compile(r"^## (.+?)\n.*?^```text\n(.*?)^```", re.MULTILINE | re.DOTALL)

#: Section of the page, and command lines. They are typed in this order.
TYPED: tuple[tuple[str, str], ...] = (
    ("Changes", "create -n data hello=1.0 --dry-run"),
    ("Changes", "create -yn data hello=1.0"),
    ("Changes", "install -yn data lone"),
    ("Changes", "install -yn data lone"),
    ("Changes", "update -yn data --all"),
    ("Changes", "remove -yn data lone"),
    ("plan", "plan install -n data lone"),
    ("Errors", "install -yn data nothing-like-it"),
    ("Errors", "list -n nope"),
    ("list", "list -n data"),
    ("list --revisions", "list -n data --revisions"),
    ("env list", "env list"),
    ("info", "info"),
    ("info", "info --envs"),
    ("info -n", "info -n data"),
    ("search", "search hello"),
    ("export", "export -n broken"),
    ("env config vars list", "env config vars list -n broken"),
    ("history", "history -n data"),
    ("diff", "diff 1 2 -n data"),
    ("diff", "diff 2 3 -n data"),
    ("undo, redo, rollback", "undo -yn data"),
    ("undo, redo, rollback", "redo -yn data"),
    ("undo, redo, rollback", "rollback 1 -n data --dry-run"),
    ("why", "why greeting -n data"),
    ("why-not", "why-not lone -n data"),
    ("why-not", "why-not hello=9 -n data"),
    ("why-not", "why-not lone=9 -n data"),
    ("tree", "tree -n data"),
    ("repoquery", "repoquery depends hello"),
    ("repoquery", "repoquery whoneeds greeting"),
    ("status", "status -n data"),
    ("status", "status -n broken"),
    ("verify", "verify -n data"),
    ("verify", "verify -n broken"),
    ("doctor", "doctor -n broken"),
    ("du", "du"),
    ("compare", "compare -n data environment.yml"),
    ("lock", "lock -f environment.yml"),
    ("lock --check", "lock --check -f environment.yml"),
    ("config --show", "config --show channels offline"),
    ("config --set and others", "config --set offline false"),
    ("clean", "clean --all --dry-run"),
    ("gc", "gc --dry-run"),
    ("rename", "rename data science"),
    ("pack", "pack -n science -o science.tar.gz"),
    ("unpack", "unpack science.tar.gz -n unpacked"),
    ("channel index", "channel index channel"),
    ("notices", "notices"),
    ("ps", "ps"),
)
#: Objects whose keys are names: the key that has them, or the section.
MAPS = frozenset({
    *("variables", "hold_backs", "env_vars", "requested", "envs_details", "pkg_sizes", "pkgs_dirs"),
    *("search", "env config vars list", "config --show"),
})  # fmt: skip
#: Commands without a document of their own, and why.
WITHOUT = {
    **dict.fromkeys(("activate", "deactivate", "shell", "run", "x"), "another program runs"),
    **dict.fromkeys(("init", "shims", "allow", "completion"), "files of shells: see the command"),
    **dict.fromkeys(("bundle", "image"), "as `pack`"),
    **dict.fromkeys(("apply", "sync"), "as Changes"),
    "replay": "for reports to developers",
}


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    command = CommandLine(tmp_path, monkeypatch, capsys)
    channel = small_channel(tmp_path / "channel")
    command.set(MINICON_CHANNELS=channel.as_uri(), CONDA_SUBDIR="linux-64")
    (tmp_path / "environment.yml").write_text("dependencies: [hello]\nvariables: {A: b}\n")
    command("create -yn broken hello").ok()
    command("env config vars set A=b -n broken").ok()
    (command.environment("broken") / "bin" / "hello").unlink()
    return command


def test_documents_have_the_shapes_of_the_page(command: CommandLine) -> None:
    record = Shape()
    shapes = {"Packages": record}
    for section, line in TYPED:
        outcome = command(f"{line} --json")
        shapes.setdefault(section, Shape()).add(outcome.json, MAPS, section, record)
    text = PAGE.read_text()
    if _UPDATES:
        for section, shape in shapes.items():
            start = re.search(rf"^## {re.escape(section)}\n", text, re.MULTILINE)
            assert start, f"the page has no section {section!r}"
            block = re.compile(r"^```text\n.*?^```", re.MULTILINE | re.DOTALL)
            rest = block.sub(f"```text\n{shape.text()}\n```".replace("\\", r"\\"),
                             text[start.end() :], count=1)  # fmt: skip
            text = text[: start.end()] + rest
        PAGE.write_text(text)
    shown = dict(_SECTION.findall(text))
    assert {name: f"{shape.text()}\n" for name, shape in shapes.items()} == shown


def test_every_command_has_a_section_or_none() -> None:
    typed = {word for _, line in TYPED for word in line.split()[:1]}
    assert COMMANDS.keys() - typed - WITHOUT.keys() == set()
    text = PAGE.read_text()
    assert not [name for name in WITHOUT if f"`{name}`" not in text]
