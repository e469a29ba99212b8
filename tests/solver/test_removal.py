"""Removing packages from environments that the user changed with pip: whole commands, offline."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.explained_world import (
    QuickWorkspace,
    explained_channel,
    explained_workspace,
    install_by_hand,
)
from tests.support.packages import PackageBuilder, build_channel


@pytest.fixture
def workspace(tmp_path: Path) -> QuickWorkspace:
    """An environment ``e`` with python, app and a project that the user installed with pip."""
    workspace = explained_workspace(tmp_path, explained_channel(tmp_path / "ch"), tmp_path / "c")
    assert workspace.run("create", "-y", "-n", "e", "python", "app").code == 0
    install_by_hand(prefix(workspace), "Visitor", "1.0")
    return workspace


def prefix(workspace: QuickWorkspace) -> Path:
    return Path(workspace.variables["MINICON_ROOT"]) / "envs" / "e"


def names(workspace: QuickWorkspace) -> set[str]:
    lines = workspace.run("list", "-n", "e").out.splitlines()
    return {line.split()[0] for line in lines if line and line[0] != "#"}


@pytest.mark.parametrize("pip", ["true", "false"])
@pytest.mark.parametrize("has_history", [True, False])
def test_removing_another_package_keeps_a_requested_project(
    workspace: QuickWorkspace, has_history: bool, pip: str
) -> None:
    workspace.variables["MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY"] = pip
    if not has_history:
        (prefix(workspace) / "conda-meta" / "history").write_text("")
    outcome = workspace.run("remove", "-y", "-n", "e", "--offline", "app")
    assert outcome.code == 0, outcome.err
    assert "pip" not in outcome.out
    assert names(workspace) == {"python", "visitor"}


@pytest.mark.parametrize("spec", ["visitor", "pypi:visitor", "pypi:Visitor>=1"])
def test_a_project_is_removed_by_either_name(workspace: QuickWorkspace, spec: str) -> None:
    outcome = workspace.run("remove", "-y", "-n", "e", "--offline", spec)
    assert outcome.code == 0, outcome.err
    assert "install with pip" not in outcome.out
    assert names(workspace) == {"python", "app", "lib", "base"}


def test_a_wheel_is_removed_by_every_spelling_of_its_name(workspace: QuickWorkspace) -> None:
    install_by_hand(prefix(workspace), "Late-Visitor", "1.0")
    outcome = workspace.run("remove", "-y", "-n", "e", "--offline", "late_visitor")
    assert outcome.code == 0, outcome.err
    assert "late-visitor" not in names(workspace)


def test_a_package_that_is_not_installed_cannot_be_removed(workspace: QuickWorkspace) -> None:
    outcome = workspace.run("remove", "-y", "-n", "e", "--offline", "pypi:visitor>=2")
    assert outcome.code == 1
    assert "visitor >=2 is not in the environment" in outcome.err


def test_other_changes_do_not_search_for_projects(workspace: QuickWorkspace) -> None:
    (prefix(workspace) / "conda-meta" / "history").write_text("")
    outcome = workspace.run("install", "-y", "-n", "e", "--offline", "old")
    assert outcome.code == 0, outcome.err
    assert names(workspace) == {"python", "app", "lib", "base", "old", "visitor"}


def test_a_project_can_have_a_package_of_another_name(
    workspace: QuickWorkspace, tmp_path: Path
) -> None:
    more = build_channel(tmp_path / "more", [PackageBuilder("pytorch").noarch().file("t", "t")])
    assert workspace.run("install", "-y", "-n", "e", "-c", more.as_uri(), "pytorch").code == 0
    outcome = workspace.run("remove", "-y", "-n", "e", "--offline", "pypi:torch")
    assert outcome.code == 0, outcome.err
    assert names(workspace) == {"python", "app", "lib", "base", "visitor"}


@pytest.mark.parametrize("start", ["", "file://", "file:///elsewhere"])
def test_the_file_of_a_package_stands_for_the_package(
    workspace: QuickWorkspace, start: str
) -> None:
    folder = f"{start}{workspace.folder}/ch/linux-64"
    for missing in ("old-1.0-0", "app-1.0-0"):
        outcome = workspace.run("remove", "-y", "-n", "e", f"{folder}/{missing}.conda")
        assert outcome.code == 1
        assert "is not in the environment" in outcome.err
    workspace.run("remove", "-y", "-n", "e", f"{folder}/app-2.0-0.conda").ok()
    assert names(workspace) == {"python", "visitor"}
