"""Completion scripts, asked in real shells."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.channels import ChannelBuilder
from tests.support.command_line import CommandLine

from minicon.cli.command_table import ALIASES, COMMANDS
from minicon.cli.completion.commands import all_commands
from minicon.cli.completion.scripts import SCRIPTS, script_facts

MINICON = str(Path(sys.executable).with_name("minicon"))
BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_minicon
[ ${#COMPREPLY[@]} = 0 ] || printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
compdef() { :; }
compadd() { local array=${@[-1]}; print -l -- "${(P@)array}"; }
_describe() { local array=${@[-1]}; print -l -- "${(P@)array}" | cut -d: -f1; }
_files() { print -l -- *(N); }
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
    facts = script_facts(MINICON, [envs, envs / "nowhere"])
    written = {}
    for shell, write in SCRIPTS.items():
        written[shell] = folder / shell
        written[shell].write_text(write(facts))
    return written


@pytest.fixture(scope="module")
def root(envs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The indexes of two channels are cached, one of them sharded; ``data`` has two packages."""
    root, channel = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("channel")
    sharded = ChannelBuilder(tmp_path_factory.mktemp("sharded"))
    sharded.add_all("nano-1.0-0", "nano-1.5-0", subdir="noarch")
    sharded.write(json_file=False, shards=True)
    builder = ChannelBuilder(channel)
    builder.add_all("numpy-1.9.0-0", "numpy-1.10.0-0", "numpy-1.10.0-1", subdir="noarch")
    builder.add_all("numexpr-2.8-0", subdir="noarch")
    builder.write()
    for name in ("numpy-1.9.0-0", "py-tool-1.0-h1_0"):
        (envs / "data" / "conda-meta" / f"{name}.json").write_text("{}")
    for name, url in (("numpy", channel.as_uri()), ("nano", sharded.url)):
        words = ["search", name, "-c", url, "--override-channels"]
        subprocess.run(
            [MINICON, *words], env=_variables(root, envs), check=True, capture_output=True
        )
    return root


def _variables(root: Path, envs: Path) -> dict[str, str]:
    own = {"MINICON_ROOT": str(root), "MINICON_ENVS_DIRS": str(envs), "HOME": str(root)}
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, **own, "TERM": "dumb"}


@pytest.fixture(params=["bash", "zsh", "fish"])
def complete(  # type: ignore[no-untyped-def]
    request: pytest.FixtureRequest, scripts: dict[str, Path], root: Path, envs: Path
):
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
            env=_variables(root, envs),
            cwd=envs,
        )
        assert not done.stderr, done.stderr
        # fish and zsh print descriptions after a tab; zsh filters the words later
        found = {line.partition("\t")[0] for line in done.stdout.splitlines()}
        return {word.rstrip("/") for word in found if word.startswith(words[-1])}

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


@pytest.mark.parametrize("complete", ["bash"], indirect=True)
def test_bash_offers_options_where_nothing_else_is_known(complete) -> None:  # type: ignore[no-untyped-def]
    """As other programs for bash; zsh and fish have their own habits."""
    for words in (["env", "create"], ["create"], ["undo"], ["install", "-n", "data"]):
        assert "--dry-run" in complete("minicon", *words, "")
    assert "--help" not in complete("minicon", "create", "-f", "")
    assert "--help" not in complete("minicon", "unpack", "")


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


def test_names_of_packages(complete) -> None:  # type: ignore[no-untyped-def]
    assert complete("minicon", "install", "nu") == {"numpy", "numexpr"}
    assert complete("minicon", "create", "-n", "new", "nan") == {"nano"}
    assert complete("minicon", "install", "missing") == set()


def test_installed_packages(complete) -> None:  # type: ignore[no-untyped-def]
    assert complete("minicon", "remove", "-n", "data", "") >= {"numpy", "py-tool"}
    assert complete("minicon", "why", "-n", "data", "nu") == {"numpy"}
    assert complete("minicon", "tree", "-n", "it's", "nu") == set()


def test_settings(complete) -> None:  # type: ignore[no-untyped-def]
    assert complete("minicon", "config", "se") == {"set"}
    assert "channel_priority" in complete("minicon", "config", "set", "channel_pri")
    values = {"strict", "flexible", "disabled"}
    assert complete("minicon", "config", "set", "channel_priority", "") == values
    assert not {"create", "list"} & complete("minicon", "env", "create", "")
    assert complete("minicon", "config", "--set", "channel_priority", "fl") == {"flexible"}
    assert complete("minicon", "config", "--set", "offl") == {"offline"}
    assert complete("minicon", "config", "set", "offline", "t") == {"true"}


def test_files_only_where_files_go(complete) -> None:  # type: ignore[no-untyped-def]
    assert "other" in complete("minicon", "create", "-f", "o")
    assert "other" not in complete("minicon", "list", "o")
    assert "other" not in complete("minicon", "search", "o")
    assert complete("minicon", "install", "--platform", "osx-a") == {"osx-arm64"}


#: What is typed to ask for completion, in a real terminal; bash asks twice to list.
VERSIONS = {
    "bash": (["bash", "--norc", "-i"], "source {script}\n", "\t\t"),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -Uz compinit; compinit -D; source {script}\n",
        "\t\t",
    ),
}


@pytest.mark.parametrize("shell", VERSIONS)
def test_versions_at_a_terminal(
    shell: str, scripts: dict[str, Path], root: Path, envs: Path
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    words, source, tab = VERSIONS[shell]
    typed = source.format(script=f"'{scripts[shell]}'") + f"minicon install numpy=1.{tab}"
    child, descriptor = pty.fork()
    if child == 0:
        os.chdir(root)
        os.execvpe(words[0], words, _variables(root, envs))
    os.write(descriptor, typed.encode())
    seen = b""
    with contextlib.suppress(OSError):
        while b"1.9.0" not in seen and select.select([descriptor], [], [], 10)[0]:
            seen += os.read(descriptor, 4096)
    os.close(descriptor)
    os.waitpid(child, 0)
    assert seen.index(b"1.10.0") < seen.index(b"1.9.0")  # newest first


def test_versions_in_fish(scripts: dict[str, Path], root: Path, envs: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not here")
    words = ["fish", "--no-config", "-c", FISH, str(scripts["fish"]), "minicon install numpy=1."]
    done = subprocess.run(
        words, env=_variables(root, envs), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["numpy=1.10.0", "numpy=1.9.0"]


def test_words_of_the_program(root: Path, envs: Path) -> None:
    def words(*typed: str) -> list[str]:
        line = [MINICON, "completion", "--words", *typed]
        done = subprocess.run(
            line, env=_variables(root, envs), capture_output=True, text=True, check=True
        )
        assert not done.stderr
        return done.stdout.split("\n")[:-1]

    assert words("package", "numpy>=1.9,<1.1") == ["numpy>=1.9,<1.10.0"]
    assert words("package", "nano=") == ["nano=1.5", "nano=1.0"]
    assert words("package", "conda-forge::nump") == ["conda-forge::numpy"]
    assert words("installed", "numpy=", "update", "-n", "data") == ["numpy=1.10.0", "numpy=1.9.0"]
    assert words("installed", "n", "update", "-n", "nowhere") == []
    assert words("package", "pypi:nu") == words("package", "") == words() == []


def test_powershell_has_every_command(scripts: dict[str, Path]) -> None:
    text = scripts["powershell"].read_text()
    assert "'env create' = @(), @('-h', '--help'" in text
    assert "'channel_priority' = @('strict', 'flexible', 'disabled')" in text
    assert "it''s envs" in text


def test_every_option_is_known() -> None:
    commands = {each.words: each for each in all_commands()}
    assert {words[0] for words in commands} == {*COMMANDS, *ALIASES}
    create = commands[("create",)]
    flags = {flag: option for option in create.options for flag in option.flags}
    assert flags["--name"].kind == "environment"
    assert flags["--file"].takes_value
    assert not flags["--yes"].takes_value
    assert commands[("upgrade",)].options == commands[("update",)].options


def test_the_command(minicon: CommandLine) -> None:
    shown = minicon("completion bash").ok()
    assert str(minicon.root / "envs") in shown.out
    assert minicon("completion tcsh").code == 2
    assert minicon("completion fish --json").json["shell"] == "fish"
