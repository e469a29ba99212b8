"""A plan file is written, reviewed, and applied unchanged or not at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from tests.support.commands import Workspace


@pytest.fixture
def project(workspace: Workspace, channel: Path) -> Workspace:
    workspace.environ["MINICON_CHANNELS"] = f"{channel.as_uri()},host"
    return workspace


def plan(workspace: Workspace, *words: str) -> Path:
    path = workspace.folder / "plan.json"
    path.write_text(workspace.run("plan", *words).ok().out)
    return path


def versions(workspace: Workspace) -> dict[str, str]:
    listed = workspace.run("list", "-n", "a", "--json").ok().json
    return {package["name"]: package["version"] for package in listed}


def test_from_plan_to_environment(project: Workspace) -> None:
    path = plan(project, "create", "-n", "a", "hello=1.0", "python", "pypi:top")
    assert not project.environment("a").exists()
    names = {entry["name"] for entry in json.loads(path.read_text())["transaction"]["link"]}
    assert {"hello", "greeting", "top", "leaf", "python"} == names
    dry = project.run("apply", "plan.json", "--dry-run", "--json").ok().json
    assert dry["dry_run"]
    project.run("apply", "plan.json").ok()
    assert versions(project)["hello"] == "1.0"
    assert project.run("run", "-n", "a", "top-command").ok().out == "top runs\n"
    history = project.run("export", "-n", "a", "--from-history").ok().out
    assert "hello=1.0" in history.replace(" ", "")
    again = project.run("apply", "plan.json")
    assert again.code == 1
    assert "changed since" in again.err


@pytest.mark.parametrize("verb", ["install", "update", "remove", "sync"])
def test_every_verb_can_be_planned(project: Workspace, verb: str) -> None:
    project.run("create", "-y", "-n", "a", "hello=1.0").ok()
    (project.folder / "environment.yml").write_text("dependencies: [hello>=2]\n")
    words = [] if verb == "sync" else ["hello=2"] if verb in ("install", "update") else ["hello"]
    plan(project, verb, "-n", "a", *words)
    assert versions(project)["hello"] == "1.0"
    project.run("apply", "plan.json").ok()
    assert versions(project).get("hello") == (None if verb == "remove" else "2.0")


def test_a_plan_for_another_state_is_refused(project: Workspace) -> None:
    project.run("create", "-y", "-n", "a", "greeting").ok()
    plan(project, "install", "-n", "a", "hello")
    project.run("install", "-y", "-n", "a", "hello=1.0").ok()
    before = versions(project)
    refused = project.run("apply", "plan.json", "--json")
    assert (refused.code, refused.json["reference"]) == (1, "plan-is-old")
    assert versions(project) == before


def test_a_directory_that_appeared_meanwhile_is_not_overwritten(project: Workspace) -> None:
    plan(project, "create", "-n", "a", "greeting")
    folder = project.environment("a")
    folder.mkdir(parents=True)
    (folder / "thesis").write_text("mine")
    refused = project.run("apply", "plan.json", "--json")
    assert (refused.code, refused.json["reference"]) == (1, "not-an-environment")
    assert [path.name for path in folder.iterdir()] == ["thesis"]
    assert [path.name for path in folder.parent.iterdir()] == ["a"]


def test_edited_and_foreign_files_are_refused(project: Workspace, channel: Path) -> None:
    path = plan(project, "create", "-n", "a", "hello")
    whole = path.read_text()
    document = json.loads(whole)
    document["transaction"]["link"][0]["url"] = "https://elsewhere.test/x-1-0.conda"
    texts = [json.dumps(document), "", "[]", "{}", '{"minicon_plan": 1}', "[" * 100_000, whole[:-9]]
    for text in texts:
        path.write_text(text)
        refused = project.run("apply", "plan.json")
        assert refused.code == 1, text[:50]
        assert "Traceback" not in refused.err
    assert project.run("apply", "missing.json").code == 1
    assert not project.environment("a").exists()


def test_a_plan_whose_texts_are_paths_is_refused(project: Workspace) -> None:
    path = plan(project, "create", "-n", "a", "hello")
    document = json.loads(path.read_text())
    del document["digest"]
    for field, value in (
        ("name", "../../x"),
        ("fn", "../x.conda"),
        ("build", "a/b"),
        ("sha256", None),
    ):
        changed = json.loads(json.dumps(document))
        changed["transaction"]["link"][0][field] = value
        if field == "sha256":
            changed["transaction"]["link"][0]["md5"] = None
        text = json.dumps(changed, sort_keys=True, separators=(",", ":"))
        changed["digest"] = hashlib.sha256(text.encode()).hexdigest()
        path.write_text(json.dumps(changed))
        refused = project.run("apply", "plan.json", "--json")
        assert (refused.code, refused.json["reference"]) == (1, "bad-plan"), field


def test_changed_packages_are_refused_on_apply(project: Workspace, channel: Path) -> None:
    path = plan(project, "create", "-n", "a", "greeting")
    assert json.loads(path.read_text())["transaction"]["link"][0]["sha256"]
    project.environ["MINICON_PKGS_DIRS"] = str(project.folder / "empty")
    archive = next((channel / "noarch").glob("greeting-*"))
    whole = archive.read_bytes()
    try:
        archive.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert project.run("apply", "plan.json").code == 1
    finally:
        archive.write_bytes(whole)
    assert not project.environment("a").exists()


def test_changed_lines_for_pip_are_refused_on_apply(project: Workspace) -> None:
    requirements = project.folder / "requirements.txt"
    requirements.write_text("./one\n./two\n")
    for name in ("one", "two"):
        (project.folder / name).mkdir()
    (project.folder / "environment.yml").write_text(
        "name: a\ndependencies: [python, {pip: ['-r requirements.txt']}]\n"
    )
    path = plan(project, "create", "-f", "environment.yml")
    planned = json.loads(path.read_text())["by_pip"]
    assert [each["requirement"].rpartition("/")[2] for each in planned] == ["one", "two"]
    requirements.write_text("./two\n./one\n")
    refused = project.run("apply", "plan.json", "--json")
    assert (refused.code, refused.json["reference"]) == (1, "plan-is-old")
    assert not project.environment("a").exists()


def test_secrets_do_not_get_into_a_plan(project: Workspace) -> None:
    (project.folder / "environment.yml").write_text(
        "name: a\ndependencies: [python, {pip: ['x @ git+https://me:sesame@h.test/x']}]\n"
    )
    done = project.run("plan", "create", "-f", "environment.yml")
    assert "sesame" not in done.out + done.err
    assert done.code == 1
