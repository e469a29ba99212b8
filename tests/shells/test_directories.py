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
def place(tmp_path: Path) -> ShellHome:
    home = ShellHome(tmp_path / "here", {"MINICON_AUTO_ACTIVATE_DIRECTORIES": "true"})
    home.environment("data", state={"V": "1"})
    home.environment("mine")
    (home.base / "project" / "sub").mkdir(parents=True)
    (home.base / "project" / "environment.yml").write_text("name: data # it is\n")
    (home.base / "plain").mkdir()
    return home


def allowed(place: ShellHome) -> AllowedFiles:
    return AllowedFiles(str(place.home / ".config" / "minicon" / "allowed"))


@shells(*SHELLS)
def test_cd_in_and_out(place: ShellHome, shell: str) -> None:
    allowed(place).allow(str(place.base / "project" / "environment.yml"))
    script = f"""
        minicon activate mine
        cd {place.base}/plain; dump 0
        cd ../project/sub; dump 1
        cd ..; cd sub; dump 2
        cd {place.base}/plain; dump 3
        cd {place.base}/project
        minicon activate mine; cd ../plain; dump 4
    """
    done = place.run(shell, script)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (place.dumped("1")["CONDA_DEFAULT_ENV"], place.dumped("1")["V"]) == ("data", "1")
    assert place.dumped("2") == place.dumped("1")
    assert place.dumped("3") == place.dumped("0")
    assert place.dumped("4")["CONDA_DEFAULT_ENV"] == "mine"  # the user's own choice stays
    name = "fish" if shell == "fish" else "posix"
    assert place.asked() == [f"shell.{name} directory {place.base}/project"] * 2


@shells(*SHELLS)
def test_only_what_is_allowed_counts(place: ShellHome, shell: str) -> None:
    file = place.base / "project" / "environment.yml"
    script = f"cd {file.parent}\ndump 1\ncd /nowhere/at/all\n"
    script += "echo $status\n" if shell == "fish" else "echo $?\n"
    done = place.run(shell, script)
    assert "CONDA_PREFIX" not in place.dumped("1")
    assert done.stdout.strip() in (b"1", b"2")
    assert b"minicon allow" in done.stderr
    allowed(place).allow(str(file))
    file.write_text("name: mine\n")  # changed since
    place.run(shell, script)
    assert "CONDA_PREFIX" not in place.dumped("1")
    allowed(place).allow(str(file))
    place.run(shell, script)
    assert place.dumped("1")["CONDA_DEFAULT_ENV"] == "mine"


@shells(*SHELLS)
def test_without_the_setting_nothing_is_looked_at(place: ShellHome, shell: str) -> None:
    allowed(place).allow(str(place.base / "project" / "environment.yml"))
    place.extra.clear()
    place.run(shell, f"cd {place.base}/project\ndump 1\n")
    assert "CONDA_PREFIX" not in place.dumped("1")
    assert place.asked() == []


def test_what_a_file_names(tmp_path: Path) -> None:
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
    told = workspace.run("allow", str(project)).ok()
    assert "auto_activate_directories" in told.out + told.err
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
