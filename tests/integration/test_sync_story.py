"""An environment becomes exactly its file: sync, and env update --prune."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.commands import Workspace


@pytest.fixture
def project(workspace: Workspace, channel: Path) -> Workspace:
    workspace.environ["MINICON_CHANNELS"] = f"{channel.as_uri()},host"
    return workspace


def write(workspace: Workspace, dependencies: str, *more: str) -> None:
    lines = [f"dependencies: {dependencies}", *more]
    (workspace.folder / "environment.yml").write_text("\n".join(lines) + "\n")


def installed(workspace: Workspace) -> dict[str, str]:
    listed = workspace.run("list", "-n", "a", "--json").ok().json
    return {package["name"]: package["version"] for package in listed}


def test_fitting_packages_are_kept_and_others_removed(project: Workspace) -> None:
    project.run("create", "-y", "-n", "a", "hello=1.0", "shout").ok()
    write(project, "[hello]")
    project.run("sync", "-y", "-n", "a").ok()
    assert installed(project) == {"hello": "1.0", "greeting": "1.5"}
    assert "already" in project.run("sync", "-y", "-n", "a").ok().out
    write(project, "[hello>=2]")
    project.run("sync", "-y", "-n", "a").ok()
    assert installed(project)["hello"] == "2.0"
    write(project, "[greeting]")
    project.run("sync", "-y", "-n", "a").ok()
    assert installed(project) == {"greeting": "1.5"}
    exported = project.run("export", "-n", "a", "--from-history").ok().out
    assert "greeting" in exported
    assert "hello" not in exported


def test_variables_that_the_file_drops_are_unset_and_those_set_by_hand_kept(
    project: Workspace,
) -> None:
    def variables() -> dict[str, str]:
        listed = project.run("env", "config", "vars", "list", "-n", "a", "--json")
        return dict(listed.ok().json)

    write(project, "[greeting]", "variables: {KEPT: one, GIVEN_UP: two, TAKEN_OVER: three}")
    project.run("env", "create", "-n", "a").ok()
    project.run("env", "config", "vars", "set", "-n", "a", "MINE=4", "TAKEN_OVER=mine").ok()
    write(project, "[greeting]", "variables: {KEPT: one, NEW: '5'}")
    dry = project.run("sync", "-n", "a", "--dry-run").ok().out
    assert "variables:\n  -  GIVEN_UP\n  +  NEW       5\n" in dry
    project.run("sync", "-y", "-n", "a").ok()
    assert variables() == {"KEPT": "one", "TAKEN_OVER": "mine", "MINE": "4", "NEW": "5"}
    assert "already" in project.run("sync", "-y", "-n", "a").ok().out
    write(project, "[greeting]")
    project.run("env", "update", "-n", "a").ok()
    assert "KEPT" in variables()
    plan = project.folder / "plan.json"
    plan.write_text(project.run("plan", "sync", "-n", "a").ok().out)
    project.run("apply", "-y", str(plan)).ok()
    assert variables() == {"TAKEN_OVER": "mine", "MINE": "4"}
    project.run("undo", "-y", "-n", "a").ok()
    project.run("env", "update", "--prune", "-n", "a").ok()
    assert variables() == {"TAKEN_OVER": "mine", "MINE": "4"}


def test_packages_of_pip_are_pruned_too(project: Workspace, wheelhouse: Path) -> None:
    write(project, "[python, {pip: [leaf]}]")
    project.run("sync", "-y", "-n", "a").ok()
    assert installed(project)["leaf"] == "2.0"
    by_hand = str(wheelhouse / "top-1.0-py3-none-any.whl")
    project.run("install", "-y", "-n", "a", "pypi:pip").code  # noqa: B018 - there may be none
    unpack = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])"
    folder = next(project.environment("a").glob("lib/python*/site-packages"))
    project.run("run", "-n", "a", "python", "-c", unpack, by_hand, str(folder)).ok()
    assert installed(project)["top"] == "1.0"
    project.run("sync", "-y", "-n", "a").ok()
    assert set(installed(project)) - {"python"} == {"leaf"}
    write(project, "[python]")
    project.run("sync", "-y", "-n", "a").ok()
    assert set(installed(project)) == {"python"}


def test_env_update_prune(project: Workspace) -> None:
    project.run("create", "-y", "-n", "a", "hello=1.0", "shout", "python", "pypi:leaf==1.0").ok()
    write(project, "[hello, python]")
    plan = project.run("env", "update", "-n", "a", "--prune", "--dry-run", "--json").ok().json
    gone = {entry["name"] for entry in plan["actions"]["UNLINK"]}
    assert {"shout", "leaf"} <= gone
    project.run("env", "update", "-n", "a", "--prune").ok()
    found = installed(project)
    assert set(found) == {"hello", "greeting", "python"}
    assert found["hello"] == "2.0"


def test_sync_without_a_file_says_so(project: Workspace) -> None:
    refused = project.run("sync", "-n", "a")
    assert refused.code == 2
    assert "environment.yml" in refused.err


def test_variables_of_the_file(project: Workspace) -> None:
    write(project, "[greeting]", "variables: {COLOUR: blue}")
    project.run("sync", "-y", "-n", "a").ok()
    assert project.run("run", "-n", "a", "sh", "-c", "echo $COLOUR").ok().out == "blue\n"
    assert "already" in project.run("sync", "-y", "-n", "a").ok().out


def test_sync_with_an_explicit_list(project: Workspace) -> None:
    project.run("create", "-y", "-n", "a", "hello=1.0").ok()
    listed = project.run("list", "-n", "a", "--explicit", "--md5").ok().out
    (project.folder / "explicit.txt").write_text(listed)
    before = installed(project)
    project.run("install", "-y", "-n", "a", "hello=2", "python").ok()
    project.run("sync", "-y", "-n", "a", "-f", "explicit.txt").ok()
    assert installed(project) == before
