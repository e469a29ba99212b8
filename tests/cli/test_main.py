"""From argv to an exit code."""

from __future__ import annotations

import importlib
import io
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine
from tests.support.commands import Workspace

from minicon import __version__
from minicon.cli.command_table import ALIASES, COMMANDS, GROUPS


def test_without_a_command_the_overview_is_shown(minicon: CommandLine) -> None:
    for words in ("", "--help", "-h", "help"):
        shown = minicon(*words.split()).ok()
        assert shown.err == ""
        for name, (_, text) in COMMANDS.items():
            assert f"  {name} " in shown.out
            assert text in shown.out


def test_every_command_is_in_one_group() -> None:
    assert sorted(name for names in GROUPS.values() for name in names.split()) == sorted(COMMANDS)


def test_a_misspelt_channel_gets_a_hint(minicon: CommandLine, channel: Path) -> None:
    channel = Path(shutil.copytree(channel, minicon.folder / "mine" / "channel1"))
    wrong = channel.as_uri()[:-1]
    failed = minicon("search", "-c", wrong, "--override-channels", "hello")
    assert failed.code == 1
    assert f"did you mean {channel.as_uri()}?" in failed.err


def test_quiet_is_silent(data: CommandLine) -> None:
    for words in ("create -q -y -n other lone", "install -q -y -n other lone hello"):
        done = data(words).ok()
        assert (done.out, done.err) == ("", "")
        again = data(words).ok()
        assert (again.out, again.err) == ("", "")


def test_an_existing_environment_is_replaced_only_after_confirmation(data: CommandLine) -> None:
    (data.folder / "environment.yml").write_text("name: data\ndependencies: [lone]\n")
    before = data("list -n data").ok().out
    for words in ("create -n data lone", "env create"):
        data.monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
        assert "Aborted" in data(words).err, "no is the default"
        data.monkeypatch.setattr("sys.stdin", io.StringIO())
        refused = data(words)
        assert refused.code == 2
        assert "replaces the environment: " in refused.out
        assert "(2 packages now, 1 afterwards)" in refused.out
        for word in ("minicon install", "env update", "--yes"):
            assert word in refused.err
        assert data(f"{words} --json").json["reference"] == "environment-exists"
        assert "replaces the environment" in data(f"{words} --dry-run").ok().out
    assert data("create -y -n data --clone data --json").json["reference"] == "path-exists"
    assert data("list -n data").ok().out == before
    done = data("env create -y").ok()
    assert (done.out + done.err).count("replaces the environment") == 1
    assert "the earlier one with: minicon undo -n data\n" in done.out
    assert data("list -n data").ok().out.splitlines()[3].startswith("lone")
    assert "(1 package now, 2 afterwards)" in data("create -n data hello --dry-run").ok().out
    assert "replaces" not in data("create -y -n new lone").ok().out
    data("create -y -n empty").ok()
    data("env create -n empty").ok()


def test_only_downloaded(data: CommandLine) -> None:
    done = data("create -y -n new lone --download-only").ok()
    assert done.out.endswith("Downloaded; the environment was not changed.\n")
    assert not data.environment("new").exists()


@pytest.mark.parametrize("command", [*COMMANDS, *ALIASES])
def test_help_of_every_command(minicon: CommandLine, command: str) -> None:
    shown = minicon(command, "--help").ok()
    assert shown.err == ""
    name = ALIASES.get(command, command)
    assert shown.out.startswith(f"usage: minicon {name} ")
    assert "Examples:\n  minicon " in shown.out
    assert "--json" in shown.out or "VERB" in shown.out
    _, _, explained = shown.out.partition("\n\n")
    assert all(len(line) <= 100 for line in explained.splitlines())


def test_every_command_has_a_module_with_the_two_functions() -> None:
    for module_name, text in COMMANDS.values():
        module = importlib.import_module(f"minicon.cli.commands.{module_name}")
        assert callable(module.add_arguments)
        assert callable(module.run)
        assert text == text.strip()
        assert text[0].islower()
        assert not text.endswith(".")
    assert set(ALIASES.values()) <= COMMANDS.keys()


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("instal", "install"), ("craete", "create"), ("upgrad", "upgrade"), ("zzz", "--help")],
)
def test_unknown_commands(minicon: CommandLine, typed: str, hint: str) -> None:
    failed = minicon(typed)
    assert failed.code == 2
    assert failed.out == ""
    assert f"unknown command '{typed}'" in failed.err
    assert hint in failed.err


def test_errors_before_and_after_settings_are_json_too(minicon: CommandLine) -> None:
    assert minicon("instal --json").json["reference"] == "unknown-command"
    wrong = minicon("create --json --platfrm x")
    assert (wrong.code, wrong.json["reference"]) == (2, "wrong-arguments")
    assert wrong.err == ""
    missing = minicon("list --json -n nowhere")
    assert (missing.code, missing.json["reference"]) == (1, "environment-not-found")
    minicon.set(MINICON_CHANNEL_PRIORITY="odd")
    odd = minicon("list --json")
    assert (odd.code, odd.json["reference"]) == (1, "wrong-value")


def test_an_interruption(minicon: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("minicon.cli.commands.inspect.info.run", interrupted)
    stopped = minicon("info")
    assert stopped.code == 130
    assert stopped.err == "\ninterrupted: no change is left unfinished\n"


def test_an_internal_error_shows_no_credentials(
    minicon: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise KeyError("https://user:s3cret@host/t/tk-123/channel")

    monkeypatch.setattr("minicon.cli.commands.inspect.info.run", broken)
    failed = minicon("info")
    assert failed.code == 1
    assert "KeyError" in failed.err
    assert "report" in failed.err
    assert "test_main.py" in failed.err, "the traceback helps the reader of a report"
    assert "s3cret" not in failed.err
    document = minicon("info --json").json
    assert document["reference"] == "internal-error"
    assert "s3cret" not in str(document)
    assert "tk-123" not in str(document)


def test_what_the_system_says_of_a_path_is_no_internal_error(
    minicon: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    def below_a_file(*_: object) -> int:
        (tmp_path / "file" / "x").mkdir()
        return 0

    monkeypatch.setattr("minicon.cli.commands.inspect.info.run", below_a_file)
    failed = minicon("info")
    assert failed.code == 1
    cause, hint = failed.err.splitlines()
    assert cause == f"error: cannot use {tmp_path / 'file' / 'x'}: Not a directory"
    assert hint == "hint: a file is at the path of a directory; use another path"


def test_settings_warnings_are_shown(minicon: CommandLine) -> None:
    (minicon.home / ".condarc").write_text("chanels: [x]\nalways_yes: true\n")
    shown = minicon("env list").ok()
    assert "chanels" in shown.err
    assert "channels" in shown.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("arguments", ["--help", "--version", "env list", "info --json"])
def test_output_that_cannot_be_written(tmp_path: Path, arguments: str) -> None:
    command = [sys.executable, "-m", "minicon", *arguments.split()]
    variables = Workspace(tmp_path).variables
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, env=variables, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    message = "error: cannot write the output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, message)
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    assert subprocess.run(closed, env=variables, check=False).returncode == 0


def test_a_reader_that_closes_the_pipe(tmp_path: Path) -> None:
    """``minicon config --describe | head -1`` ends without a word, whatever the buffer holds."""
    workspace = Workspace(tmp_path)
    for arguments in ("config --show", "--help"):
        process = subprocess.Popen(
            [sys.executable, "-m", "minicon", *arguments.split()],
            env=workspace.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        process.stderr.close()
        assert process.wait(20) in (1, 0)


def test_ctrl_c_at_a_question(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    history = tmp_path / "env" / "conda-meta" / "history"
    history.parent.mkdir(parents=True)
    history.write_text("")
    process = workspace.start("remove", "-p", "env", "--all")
    assert process.stderr is not None
    question = ""
    while not question.endswith("[y/N] "):
        question += process.stderr.read(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert history.exists()


def test_version(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.run("--version").ok().out == f"minicon {__version__}\n"
