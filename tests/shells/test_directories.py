"""Folders that choose their environment, in real shells."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.support.commands import Workspace
from tests.support.shells import RUNNERS, ShellHome, shells

from minicon.shell.directories import AllowedFiles, choosing_file, chosen_environment

SHELLS = ("bash", "zsh", "fish", "dash")


@pytest.fixture
def shell_home(tmp_path: Path) -> ShellHome:
    home = ShellHome(tmp_path / "here", {"MINICON_AUTO_ACTIVATE_DIRECTORIES": "true"})
    home.environment("data", state={"V": "1"})
    home.environment("mine")
    (home.base / "project" / "sub").mkdir(parents=True)
    (home.base / "project" / "environment.yml").write_text("name: data # it is\n")
    (home.base / "plain").mkdir()
    return home


def allowed(shell_home: ShellHome) -> AllowedFiles:
    return AllowedFiles(str(shell_home.home / ".config" / "minicon" / "allowed"))


@shells(*SHELLS)
def test_cd_in_and_out(shell_home: ShellHome, shell: str) -> None:
    allowed(shell_home).allow(str(shell_home.base / "project" / "environment.yml"))
    script = f"""
        minicon activate mine
        cd {shell_home.base}/plain; dump 0
        cd ../project/sub; dump 1
        cd ..; cd sub; dump 2
        cd {shell_home.base}/plain; dump 3
        cd {shell_home.base}/project
        minicon activate mine; cd ../plain; dump 4
    """
    done = shell_home.run(shell, script)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (shell_home.dumped("1")["CONDA_DEFAULT_ENV"], shell_home.dumped("1")["V"]) == (
        "data",
        "1",
    )
    assert shell_home.dumped("2") == shell_home.dumped("1")
    assert shell_home.dumped("3") == shell_home.dumped("0")
    assert shell_home.dumped("4")["CONDA_DEFAULT_ENV"] == "mine"  # the user's own choice stays
    name = "fish" if shell == "fish" else "posix"
    assert shell_home.program_calls() == [f"shell.{name} directory {shell_home.base}/project"] * 2


@shells(*SHELLS)
def test_only_what_is_allowed_counts(shell_home: ShellHome, shell: str) -> None:
    file = shell_home.base / "project" / "environment.yml"
    script = f"cd {file.parent}\ndump 1\ncd /nowhere/at/all\n"
    script += "echo $status\n" if shell == "fish" else "echo $?\n"
    done = shell_home.run(shell, script)
    assert "CONDA_PREFIX" not in shell_home.dumped("1")
    assert done.stdout.strip() in (b"1", b"2")
    assert b"minicon allow" in done.stderr
    allowed(shell_home).allow(str(file))
    file.write_text("name: mine\n")  # changed since
    shell_home.run(shell, script)
    assert "CONDA_PREFIX" not in shell_home.dumped("1")
    allowed(shell_home).allow(str(file))
    shell_home.run(shell, script)
    assert shell_home.dumped("1")["CONDA_DEFAULT_ENV"] == "mine"


@shells(*SHELLS)
def test_without_the_setting_no_directory_is_read(shell_home: ShellHome, shell: str) -> None:
    allowed(shell_home).allow(str(shell_home.base / "project" / "environment.yml"))
    shell_home.extra.clear()
    shell_home.run(shell, f"cd {shell_home.base}/project\ndump 1\n")
    assert "CONDA_PREFIX" not in shell_home.dumped("1")
    assert shell_home.program_calls() == []


def test_environments_named_by_files(tmp_path: Path) -> None:
    assert choosing_file(str(tmp_path)) is None
    yml, own = tmp_path / "environment.yml", tmp_path / ".minicon"
    for text, expected in [
        ("name: data\n", "data"),
        ("channels: [x]\nname: 'a b' # c\n", "a b"),
        ("  name: inner\n", None),
        ("name: x\nprefix: ./env\n", f"{tmp_path}/./env"),
        ("", None),
    ]:
        yml.write_text(text)
        assert choosing_file(str(tmp_path)) == str(yml)
        assert chosen_environment(str(yml)) == expected
    for text, expected in [("# x\n\ndata \n", "data"), (".", f"{tmp_path}/."), ("\n", None)]:
        own.write_text(text)
        assert choosing_file(str(tmp_path)) == str(own)
        assert chosen_environment(str(own)) == expected


def test_the_list(tmp_path: Path) -> None:
    listed = AllowedFiles(str(tmp_path / "config" / "allowed"))
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("x")
    two.write_text("x")
    assert not listed.allows(str(one))
    listed.allow(str(one))
    listed.allow(str(two))
    listed.allow(str(one))
    assert listed.paths() == [str(two), str(one)]
    assert listed.allows(str(one))
    one.write_text("y")
    assert not listed.allows(str(one))
    assert listed.forget(str(one))
    assert not listed.forget(str(one))
    assert listed.paths() == [str(two)]


@shells("bash", "zsh", "fish")
def test_from_init_to_cd(shell: str, tmp_path: Path) -> None:
    """All of it as a user would do it, with the real program."""
    workspace = Workspace(tmp_path)
    for name in ("data", "mine"):
        (workspace.root / "envs" / name / "conda-meta").mkdir(parents=True)
        (workspace.root / "envs" / name / "conda-meta" / "history").touch()
    project = tmp_path / "project"
    project.mkdir()
    assert "names no environment" in workspace.run("allow", str(project)).err
    (project / ".minicon").write_text("data\n")
    workspace.run("init", shell).ok()
    outcome = workspace.run("allow", str(project)).ok()
    assert "auto_activate_directories" in outcome.out + outcome.err
    workspace.run("config", "--set", "auto_activate_directories", "true").ok()
    assert workspace.run("allow", "--list", "--json").ok().json["allowed"] == [
        str(project / ".minicon")
    ]
    steps = f"cd {project}; env; cd /; echo LEFT; env; cd {project}; minicon allow --remove"
    done = subprocess.run(
        [RUNNERS[shell][0], "-i", "-c", steps],
        env={**workspace.variables, "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    inside, _, outside = done.stdout.partition("LEFT")
    assert "CONDA_DEFAULT_ENV=data" in inside.splitlines(), done.stderr
    assert "CONDA_DEFAULT_ENV" not in outside
    assert workspace.run("allow", "--list").ok().out.strip() == ""
