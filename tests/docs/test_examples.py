"""Examples in pages and help texts are command lines that the parsers take."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.support.command_line import CommandLine

from minicon.cli.command_table import ALIASES, COMMANDS
from minicon.cli.parser import make_parser
from minicon.config.keys import KEYS
from minicon.errors import UsageError

ROOT = Path(__file__).parent.parent.parent
_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Only the fast path knows it.
_FOR_SHELLS = ["completion", "--words"]


_SCRIPT = re.compile(r"^```(?:yaml|dockerfile)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def typed_lines(text: str) -> list[str]:
    """Command lines of console blocks, without prompts, of workflows and of Dockerfiles."""
    blocks = [block.replace("\\\n", " ") for block in _CONSOLE.findall(text)]
    lines = [line for block in blocks for line in block.splitlines()]
    matches = (re.match(r"(?:\(\w+\) )?\$ (minicon .*)", line) for line in lines)
    scripts = "\n".join(_SCRIPT.findall(text))
    found = re.findall(r"(?:^ +|RUN |run: |&& )(minicon [a-z][^&\n]*)", scripts, re.MULTILINE)
    return [match.group(1) for match in matches if match] + found


_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
#: A command or option is named without its arguments, or with a letter in the stead of a number.
_ONLY_NAMED = re.compile(r"are required|expected (one|2|at least)|argument N: 'N'")


def mentioned(text: str) -> list[str]:
    """Commands in sentences and tables."""
    found = re.findall(r"`(minicon [^`]+)`", _FENCE.sub("", text))
    return [" ".join(each.split()).replace("\\|", "|") for each in found]


def message(line: str) -> str:
    """Return what the parser finds wrong with a command line."""
    try:
        parse(line.removesuffix(" --help"))
    except UsageError as error:
        return error.message
    return ""


def help_lines(command: str) -> list[str]:
    module = importlib.import_module(f"minicon.cli.commands.{COMMANDS[command][0]}")
    _, _, examples = (module.__doc__ or "").partition("Examples:")
    shown = [line.strip() for line in examples.splitlines() if line.startswith("  ")]
    return [re.split(r"\s{3,}", line)[0] for line in shown]


def parse(line: str) -> None:
    """Parse one command line as the program would."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|>&;")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if word[0] in "|>&;":
            break
        words.append(word)
    assert words.pop(0) == "minicon"
    if not words or words[0].startswith(("shell.", "-")) or words[:2] == _FOR_SHELLS:
        return
    name = ALIASES.get(words[0], words[0])
    assert name in COMMANDS, line
    module = importlib.import_module(f"minicon.cli.commands.{COMMANDS[name][0]}")
    rest = [word for word in words[1:] if word not in ("…", "...")]
    make_parser(name, module).parse_args(rest)


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "channels").glob("*.md")]


@pytest.mark.parametrize("page", sorted(PAGES), ids=lambda p: str(p.relative_to(ROOT)))
def test_examples_of_pages(page: Path) -> None:
    for line in typed_lines(page.read_text()):
        parse(line)
    if page.name == "CHANGELOG.md" or page.parent.name == "adr":
        return  # they describe the day on which they were written
    wrong = [(line, message(line)) for line in mentioned(page.read_text())]
    assert not [(line, text) for line, text in wrong if text and not _ONLY_NAMED.search(text)]


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_of_help(command: str) -> None:
    lines = help_lines(command)
    assert lines, "its help has no example"
    for line in lines:
        if line.startswith("minicon "):
            parse(line)


def verbs_below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Parsers of verbs, and of theirs, that have no verbs themselves."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from verbs_below(verb)
            return
    yield parser


@pytest.mark.parametrize("command", ["env", "channel"])
def test_examples_of_verbs(command: str) -> None:
    module = importlib.import_module(f"minicon.cli.commands.{COMMANDS[command][0]}")
    for verb in verbs_below(make_parser(command, module)):
        _, _, examples = (verb.description or "").partition("Examples:\n")
        assert examples, f"the help of {verb.prog!r} has no example"
        for line in examples.splitlines():
            assert line.strip().startswith(verb.prog)
            parse(line.strip())


_YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_settings_that_pages_show_are_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = CommandLine(tmp_path, monkeypatch, capsys)
    blocks = [block for page in PAGES for block in _YAML.findall(page.read_text())]
    shown = [block for block in blocks if yaml.safe_load(block).keys() <= KEYS.keys()]
    assert len(shown) > 5
    for block in shown:
        (command.home / ".condarc").write_text(block)
        command("config", "--validate").ok()
        assert command("config", "--show-sources").ok().err == ""
