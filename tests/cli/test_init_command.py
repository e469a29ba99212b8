"""``init``: start files below a HOME of its own; ``activate`` as a program says what is missing."""

from __future__ import annotations

import pytest
from tests.support.command_line import CommandLine


def test_hook_is_added_and_removed(minicon: CommandLine) -> None:
    start_file = minicon.home / ".bashrc"
    start_file.write_text("alias ll='ls -l'\n")
    done = minicon("init bash").ok()
    assert str(start_file) in done.out
    assert "new shell" in done.err
    text = start_file.read_text()
    assert text.startswith("alias ll='ls -l'\n")
    assert str(minicon.root) in text
    again = minicon("init bash").ok()
    assert "unchanged" in again.out
    assert start_file.read_text() == text
    minicon("init --reverse bash").ok()
    assert start_file.read_text() == "alias ll='ls -l'\n"


def test_dry_run_shows_the_difference(minicon: CommandLine) -> None:
    shown = minicon("init --dry-run zsh").ok()
    assert "+" in shown.out
    assert ".zshrc" in shown.out
    assert not (minicon.home / ".zshrc").exists()
    document = minicon("init --dry-run --json zsh").ok().json
    assert document["dry_run"] is True
    assert {"path", "action", "shell"} == document["files"][0].keys()


def test_the_shell_in_use(minicon: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest ancestor that has a start file; else ``$SHELL``."""
    monkeypatch.setattr("minicon.shell.running.parent_programs", lambda: iter(["sh", "fish"]))
    minicon.set(SHELL="/usr/bin/bash")
    minicon("init").ok()
    assert (minicon.home / ".config" / "fish").is_dir()
    assert not (minicon.home / ".bashrc").exists()
    odd = minicon("init oddsh")
    assert odd.code == 2
    assert "bash" in odd.err


def test_all_means_installed_shells(minicon: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "shutil.which", lambda name: f"/bin/{name}" if name in ("bash", "zsh") else None
    )
    files = minicon("init --all --dry-run --json").ok().json["files"]
    assert {file["shell"] for file in files} == {"bash", "zsh"}


def test_the_hook_is_removed_from_all_shells(
    minicon: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from those that are not installed any more."""
    minicon("init bash xonsh").ok()
    monkeypatch.setattr("shutil.which", lambda _: None)
    minicon("init --reverse --all").ok()
    assert "minicon" not in (minicon.home / ".bashrc").read_text()
    assert "minicon" not in (minicon.home / ".xonshrc").read_text()
    assert not (minicon.home / ".zshrc").exists()


@pytest.mark.parametrize("command", ["activate data", "deactivate", "activate"])
def test_activate_without_the_shell_function(
    minicon: CommandLine, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minicon.shell.running.parent_programs", lambda: iter(["make"]))
    minicon.set(SHELL="/bin/zsh")
    failed = minicon(command)
    assert failed.code == 1
    assert "minicon init zsh" in failed.err
    assert "shell.zsh hook" in failed.err


def test_quiet_says_nothing(minicon: CommandLine) -> None:
    for _ in range(2):
        done = minicon("init -q bash").ok()
        assert (done.out, done.err) == ("", "")
    assert str(minicon.root) in (minicon.home / ".bashrc").read_text()


def test_init_shows_start_files_and_what_to_do_next(
    minicon: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    minicon.set(SHELL="/bin/bash")
    monkeypatch.setattr("minicon.shell.running.running_shell", lambda *_: "bash")
    done = minicon("init bash").ok()
    assert done.out == f"created    {minicon.home}/.bashrc\n"
    assert done.err.startswith('Open a new shell, or type in this one: eval "$(')
    again = minicon("init bash").ok()
    assert (again.out, again.err) == (f"unchanged  {minicon.home}/.bashrc\n", "")
    assert "change.sh\n" in minicon("init bash -v").ok().out
    assert minicon("init fish").ok().err == "Open a new shell.\n"
    assert minicon("init zsh -d").ok().out.startswith(f"would be created {minicon.home}/.zshrc")
    assert minicon("init bash --reverse").ok().err == "Open a new shell.\n"
