"""Completion scripts, asked in real shells."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

from minicon.cli.completion import SCRIPTS, all_commands
from minicon.cli.parser import ALIASES, COMMANDS

BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_minicon
[ ${#COMPREPLY[@]} = 0 ] || printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
compdef() { :; }
compadd() { [[ $1 == -a ]] && print -l -- "${(P@)2}" | cut -d: -f1; }
_describe() { local array=${@[-1]}; print -l -- "${(P@)array}" | cut -d: -f1; }
_files() { :; }
source "$1"; shift
words=("$@"); CURRENT=$#
_minicon
"""
FISH = 'source $argv[1]; complete -C "$argv[2..-1]"'


@pytest.fixture(scope="module")
def envs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments ``data`` and ``it's``, and a folder that is none."""
    folder = tmp_path_factory.mktemp("it's envs")
    for name in ("data", "it's"):
        (folder / name / "conda-meta").mkdir(parents=True)
        (folder / name / "conda-meta" / "history").write_text("")
    (folder / "other").mkdir()
    return folder


@pytest.fixture(scope="module")
def scripts(envs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("scripts")
    commands = all_commands()
    written = {}
    for shell, write in SCRIPTS.items():
        written[shell] = folder / shell
        written[shell].write_text(write(commands, [envs, envs / "nowhere"]))
    return written


@pytest.fixture(params=["bash", "zsh", "fish"])
def complete(request: pytest.FixtureRequest, scripts: dict[str, Path]):  # type: ignore[no-untyped-def]
    shell: str = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")

    def completed(*words: str) -> set[str]:
        program, options = {
            "bash": (BASH, ["--norc", "-c"]),
            "zsh": (ZSH, ["-f", "-c"]),
            "fish": (FISH, ["--no-config", "-c"]),
        }[shell]
        name = [] if shell == "fish" else [shell]
        typed = [" ".join(words)] if shell == "fish" else list(words)
        done = subprocess.run(
            [shell, *options, program, *name, str(scripts[shell]), *typed],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert not done.stderr, done.stderr
        # fish and zsh print descriptions after a tab; zsh filters the words later
        found = {line.partition("\t")[0] for line in done.stdout.splitlines()}
        return {word for word in found if word.startswith(words[-1])}

    return completed


def test_commands(complete) -> None:  # type: ignore[no-untyped-def]
    assert complete("minicon", "") >= {*COMMANDS, *ALIASES}
    assert complete("minicon", "cr") == {"create"}


def test_options(complete) -> None:  # type: ignore[no-untyped-def]
    found = complete("minicon", "create", "--")
    assert found >= {"--name", "--file", "--channel", "--dry-run", "--help"}
    assert "--insecure" in found
    assert complete("minicon", "create", "numpy", "--dry") == {"--dry-run"}
    assert "--explicit" not in found
    assert "--explicit" in complete("minicon", "list", "--e")


def test_verbs(complete) -> None:  # type: ignore[no-untyped-def]
    assert complete("minicon", "env", "") >= {"create", "list", "remove", "export", "config"}
    assert "--prune" in complete("minicon", "env", "update", "--p")
    assert "--prune" not in complete("minicon", "env", "create", "--p")
    assert complete("minicon", "env", "config", "vars", "") >= {"list", "set", "unset"}


def test_environments(complete) -> None:  # type: ignore[no-untyped-def]
    assert complete("minicon", "list", "-n", "da") == {"data"}
    assert complete("minicon", "create", "--clone", "d") == {"data"}
    assert "data" in complete("minicon", "activate", "")
    assert "other" not in complete("minicon", "run", "-n", "o")


def test_every_option_is_known() -> None:
    commands = {each.words: each for each in all_commands()}
    assert {words[0] for words in commands} == {*COMMANDS, *ALIASES}
    create = commands[("create",)]
    flags = {flag: option for option in create.options for flag in option.flags}
    assert flags["--name"].names_environment
    assert flags["--file"].takes_value
    assert not flags["--yes"].takes_value
    assert commands[("upgrade",)].options == commands[("update",)].options


def test_the_command(minicon: CommandLine) -> None:
    shown = minicon("completion bash").ok()
    assert str(minicon.root / "envs") in shown.out
    assert minicon("completion tcsh").code == 2
    assert minicon("completion fish --json").json["shell"] == "fish"
