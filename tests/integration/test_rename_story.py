"""Renaming, cloning and exporting for other machines, by the program."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.support.commands import Workspace


@pytest.fixture
def project(workspace: Workspace, channel: Path) -> Workspace:
    workspace.environ["MINICON_CHANNELS"] = f"{channel.as_uri()},host"
    words = ("hello=1.0", "python", "pure", "pypi:top")
    workspace.run("create", "-y", "-n", "a", *words).ok()
    return workspace


def registered(workspace: Workspace) -> list[str]:
    return (workspace.home / ".conda" / "environments.txt").read_text().split()


def works(workspace: Workspace, name: str) -> None:
    prefix = workspace.environment(name)
    assert workspace.run("run", "-n", name, "hello").ok().out == f"hello 1.0 from {prefix}\n"
    assert workspace.run("run", "-n", name, "pure-command").ok().out == "pure python\n"
    assert workspace.run("run", "-n", name, "top-command").ok().out == "top runs\n"


def test_rename(project: Workspace) -> None:
    project.run("env", "config", "vars", "set", "-n", "a", "COLOUR=blue").ok()
    dry = project.run("rename", "a", "b", "--dry-run", "--json").ok().json
    assert dry["dry_run"]
    works(project, "a")
    project.run("rename", "a", "b").ok()
    assert not project.environment("a").exists()
    works(project, "b")
    assert project.run("run", "-n", "b", "sh", "-c", "echo $COLOUR").ok().out == "blue\n"
    assert registered(project) == [str(project.environment("b"))]
    assert project.left_behind() == []
    project.run("install", "-y", "-n", "b", "shout").ok()
    project.run("undo", "-y", "-n", "b").ok()
    works(project, "b")
    path = project.folder / "elsewhere" / "env"
    project.run("rename", "-n", "b", str(path)).ok()
    assert project.run("run", "-p", str(path), "hello").ok().out == f"hello 1.0 from {path}\n"
    project.run("rename", str(path), "a").ok()
    works(project, "a")


def test_refused_renames(project: Workspace) -> None:
    project.run("create", "-y", "-n", "taken", "greeting").ok()
    for words in (("a", "taken"), ("nothing", "b"), ("a", "c#d"), ("a", "base"), ("a",)):
        refused = project.run("rename", *words)
        assert refused.code in (1, 2), words
        assert refused.err.startswith("error:")
    works(project, "a")
    project.environ["CONDA_PREFIX"] = str(project.environment("a"))
    active = project.run("rename", "a", "b", "--json")
    assert active.json["reference"] == "environment-active"


def test_clone_needs_neither_network_nor_cache(project: Workspace) -> None:
    source = project.environment("a")
    (source / "conda-meta" / "pinned").write_text("hello <2\n")
    project.run("env", "config", "vars", "set", "-n", "a", "COLOUR=blue").ok()
    site_packages = next(source.glob("lib/python*/site-packages"))
    (site_packages / "by_hand.py").write_text("x = 1\n")
    project.environ["MINICON_PKGS_DIRS"] = str(project.folder / "no-cache")
    project.environ["MINICON_CHANNELS"] = "https://unreachable.test/channel"
    output = project.run("create", "-y", "-n", "b", "--clone", "a", "--offline").ok()
    assert "to download" not in output.out
    works(project, "b")
    clone = project.environment("b")
    assert (clone / "conda-meta" / "pinned").read_text() == "hello <2\n"
    assert project.run("run", "-n", "b", "sh", "-c", "echo $COLOUR").ok().out == "blue\n"
    assert project.run("run", "-n", "b", "python", "-c", "import by_hand").ok()
    shutil.rmtree(source)
    works(project, "b")


def test_clone_dry_run_shows_the_packages(project: Workspace) -> None:
    plan = project.run("create", "-n", "b", "--clone", "a", "--dry-run", "--json").ok().json
    names = {entry["name"] for entry in plan["actions"]["LINK"]}
    assert names == {"hello", "greeting", "python", "pure", "top", "leaf"}
    assert plan["actions"]["FETCH"] == []
    assert not project.environment("b").exists()


def test_portable_export(project: Workspace) -> None:
    text = project.run("export", "-n", "a", "--portable").ok().out
    lines = [line.strip("- ") for line in text.splitlines()]
    assert "pure>=1.0,<2" in lines
    assert "hello=1.0" in lines
    assert "top>=1.0,<2" in lines
    assert not any(line.startswith(("greeting", "leaf", "prefix")) for line in lines)
    assert any(line.startswith("python>=3.") and ",<3." in line for line in lines)
    (project.folder / "environment.yml").write_text(text)
    project.run("create", "-y", "-n", "b", "-f", "environment.yml").ok()
    works(project, "b")
