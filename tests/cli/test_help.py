"""Help that fits a screen, and words that may stand anywhere."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

from minicon.cli.command_table import COMMANDS
from minicon.cli.parser import GROUPED, CommandParser, command_module, make_parser

COMMANDS_WITH_MANY_OPTIONS = ["create", "install", "update", "remove", "env create", "env update"]


@pytest.mark.parametrize("command", COMMANDS_WITH_MANY_OPTIONS)
def test_help_fits_a_screen(minicon: CommandLine, command: str) -> None:
    minicon.set(COLUMNS="80")
    short = minicon(f"{command} --help").ok().out
    whole = minicon(f"{command} --help-all").ok().out
    assert len(short.splitlines()) <= 46
    assert f"All options: minicon {command} --help-all\n" in short
    assert "--no-link-scripts" not in short
    assert "--no-link-scripts" in whole
    assert minicon(f"help {command}").ok().out == short


def parsers(parser: CommandParser) -> Iterator[CommandParser]:
    """Yield a command's parser and those of its verbs."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from parsers(verb)


@pytest.mark.parametrize("command", sorted(COMMANDS))
@pytest.mark.parametrize("columns", [80, 100, 140])
def test_help_fits_the_terminal(
    command: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for parser in parsers(make_parser(command, command_module(command))):
        for whole in (False, True):
            text = parser.format_help(whole=whole)
            assert max(map(len, text.splitlines())) <= columns
            usage = text.partition("\n\n")[0]
            assert usage.startswith(f"usage: {parser.prog}")
            for line in usage.splitlines():
                assert line.count("[") == line.count("]"), line
                assert line.count("(") == line.count(")"), line


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_few_options_are_all_shown(command: str) -> None:
    module = importlib.import_module(f"minicon.cli.commands.{COMMANDS[command][0]}")
    parser = make_parser(command, module)
    if not parser.is_shortened:
        assert parser.format_help() == parser.format_help(whole=True)


def test_options_that_mean_nothing_for_a_command_are_not_shown(minicon: CommandLine) -> None:
    assert "--update-all" not in minicon("create --help-all").ok().out
    assert "--update-all" in minicon("install --help-all").ok().out
    for command in ("clean", "undo", "rollback", "env remove"):
        shown = minicon(f"{command} --help").ok().out
        assert "--dry-run" in shown
        assert "--clobber" not in shown


@pytest.mark.parametrize("command", GROUPED)
def test_a_command_with_verbs_shows_its_help(minicon: CommandLine, command: str) -> None:
    assert minicon(command).ok().out.startswith(f"usage: minicon {command}")


def test_headings_are_bold_on_a_terminal(
    minicon: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR")
    minicon.set(FORCE_COLOR="1")
    shown = minicon("create --help").ok().out
    assert "\x1b[1musual options\x1b[0m:" in shown
    assert "\x1b[1mExamples\x1b[0m:" in shown
    assert "\x1b[1marguments\x1b[0m:" in minicon("env --help").ok().out
    assert "\x1b[1muse an environment\x1b[0m:" in minicon("--help").ok().out
    minicon.set(NO_COLOR="1")
    assert "\x1b" not in minicon("create --help").ok().out
    assert "\x1b" not in minicon("--help").ok().out


def test_specs_may_stand_anywhere(data: CommandLine) -> None:
    data("list -n data").ok()
    assert data("ls -n data").ok().out == data("list -n data").ok().out
    refused = data("remove hello -n data --dry-run greeting")
    assert "unrecognized" not in refused.err
    assert "unrecognized arguments: --no" in data("remove hello -n data --no").err


def test_words_of_help_are_not_broken(minicon: CommandLine) -> None:
    minicon.set(COLUMNS="80")
    shown = minicon("create --help").ok().out
    assert "osx-arm64" in shown
    assert "  -c, --channel CHANNEL       a channel" in shown
    assert shown.count("--help") == 1  # --help-all


def test_options_stand_before_the_program_that_is_run(minicon: CommandLine) -> None:
    usage = minicon("x --help").ok().out.partition("\n\n")[0]
    assert " ".join(usage.split()).endswith("[OPTION...] COMMAND [ARGUMENT...]")
    assert "minicon run" in minicon("run --help").ok().out


def test_help_is_written_in_the_encoding_of_the_terminal(tmp_path: Path) -> None:
    for option in ("--help", "--help-all"):
        done = subprocess.run(
            [sys.executable, "-m", "minicon", "pack", option],
            env={**os.environ, "PYTHONIOENCODING": "ascii", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "--exclude PATTERN] ... [OPTION...]" in " ".join(done.stdout.split())
