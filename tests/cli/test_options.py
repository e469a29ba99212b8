"""Flags become settings only when they were typed."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from minicon.cli import options
from minicon.cli.command_table import COMMANDS
from minicon.cli.options import settings_flags
from minicon.cli.parser import make_parser
from minicon.config.keys import KEYS
from minicon.errors import UsageError


def flags(command: str, *arguments: str) -> dict[str, Any]:
    module = importlib.import_module(f"minicon.cli.commands.{COMMANDS[command][0]}")
    return settings_flags(make_parser(command, module).parse_args(arguments))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", {}),
        ("-y", {"always_yes": True}),
        ("-d", {"dry_run": True}),
        ("--json -q", {"json": True, "quiet": True}),
        ("-vv", {"verbosity": 2}),
        ("--platform osx-arm64", {"subdir": "osx-arm64"}),
        ("--subdir noarch", {"subdir": "noarch"}),
        ("--repodata-ttl 0", {"local_repodata_ttl": 0}),
        ("--repodata-ttl 60", {"local_repodata_ttl": 60}),
        ("--no-pypi", {"use_pypi": False}),
        ("--no-pip", {"use_pypi": False}),
        ("-k", {"ssl_verify": False}),
        ("--no-link-scripts", {"link_scripts": False}),
        ("--copy --offline", {"always_copy": True, "offline": True}),
        ("--strict-channel-priority", {"channel_priority": "strict"}),
        ("--no-channel-priority", {"channel_priority": "disabled"}),
        ("--exclude-newer 7d", {"exclude_newer": "7d"}),
        (
            "--exclude-newer-package a=7d --exclude-newer-package b=false",
            {"exclude_newer_package": {"a": "7d", "b": "false"}},
        ),
    ],
)
def test_only_typed_options_are_settings(typed: str, expected: dict[str, Any]) -> None:
    assert flags("create", "-n", "a", *typed.split()) == expected


def test_every_option_of_a_setting_has_its_key() -> None:
    typed = """
        -n a -y -d --json -q -v --platform noarch --repodata-ttl 1 --no-pypi -k --copy --offline
        --no-link-scripts --no-channel-priority --exclude-newer 1d
    """
    every = flags("create", *typed.split())
    assert every.keys() <= KEYS.keys()


@pytest.mark.parametrize(
    ("command", "typed", "words"),
    [
        ("create", "--platfrm x", "did you mean --platform?"),
        ("create", "--dry", "did you mean"),
        ("create", "-n a -p b", "not allowed with"),
        ("create", "--platform linux-65", "did you mean linux-64?"),
        ("create", "--solvr x", "see 'minicon create --help'"),
        ("create", "--no-deps --only-deps", "not allowed with"),
        ("create", "--repodata-ttl soon", "'soon' is not a number"),
        ("create", "--repodata-ttl -1", "-1 is less than 0"),
        ("channel", "index . --workers 0", "argument --workers: 0 is less than 1"),
        ("channel", "index . --workers -3", "argument --workers: -3 is less than 1"),
        ("channel", "serve . --port 65536", "65536 is more than 65535"),
        ("channel", "serve . --solve-seconds nan", "'nan' is not a number of seconds"),
        ("env", "", "VERB"),
        ("env", "creat", "did you mean create?"),
        ("env", "nonsense", "one of: create, list"),
        ("install", "-r requirements.txt", "files are given with -f"),
        ("install", "-e .", "below 'pip:'"),
        ("install", "-U x", "'minicon update'"),
        ("env", "create --fil x", "did you mean --file?"),
    ],
)
def test_wrong_command_lines(command: str, typed: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        flags(command, *typed.split())
    error = caught.value
    assert (error.reference, error.exit_code) == ("wrong-arguments", 2)
    assert words in f"{error.message}\n{error.hint}"
    assert f"minicon {command}" in error.message


def test_no_option_takes_a_number_without_bounds() -> None:
    """A type of ``number``, ``count``, ``port`` and ``seconds`` have some."""
    paths = Path(options.__file__).parent.rglob("*.py")
    assert not [path for path in paths if re.search(r"type=(int|float)\b", path.read_text())]


def test_run_passes_all_words_after_the_command() -> None:
    module = importlib.import_module("minicon.cli.commands.shells.run")
    parser = make_parser("run", module)
    parsed = parser.parse_args(["-n", "a", "python", "-c", "x", "--json", "-n", "b"])
    assert parsed.argv == ["python", "-c", "x", "--json", "-n", "b"]
    assert (parsed.name, parsed.json) == ("a", False)
