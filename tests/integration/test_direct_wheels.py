"""Wheels that are named by path or URL: recorded for pip and uv, noticed when they change."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.commands import Workspace
from tests.support.package_index import PackageIndex, serving
from tests.support.wheels import WheelBuilder

SOURCES = ("-c", "host", "-c", "pypi")


def build(folder: Path, answer: int, *, version: str = "1.0") -> Path:
    """A wheel of one module; of the same size for every digit."""
    wheel = WheelBuilder("mine", version).file("mine.py", f"answer = {answer}\n")
    wheel.header("Provides-Extra: more").requires("leaf ; extra == 'more'")
    return wheel.build(folder)


def answer(workspace: Workspace) -> str:
    question = "import mine; print(mine.answer)"
    return workspace.run("run", "-n", "a", "python", "-c", question).ok().out.strip()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def direct_url(prefix: Path) -> object:
    (file,) = prefix.glob("lib/python*/site-packages/mine-*.dist-info/direct_url.json")
    return json.loads(file.read_text())


def pip(workspace: Workspace, *arguments: str) -> str:
    python = workspace.environment("a") / "bin" / "python"
    return output(sys.executable, "-m", "pip", "--python", str(python), *arguments)


def _doctor(workspace: Workspace) -> list[dict[str, object]]:
    found = workspace.run("doctor", "-n", "a", "--json").json
    return [each for each in found["findings"] if each["environment"]]


def output(*command: str) -> str:
    environ = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environ.pop("PIP_FIND_LINKS", None)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def test_pip_and_uv_read_environments_with_direct_wheels(
    workspace: Workspace, wheelhouse: Path
) -> None:
    path = build(workspace.folder, 1)
    specs = ("python", "leaf=1", "top", f"./{path.name}")
    workspace.run("create", "-y", "-n", "a", *SOURCES, *specs).ok()
    prefix = workspace.environment("a")
    found = {"archive_info": {"hashes": {"sha256": digest(path)}}, "url": path.as_uri()}
    assert direct_url(prefix) == found
    line = f"mine @ {path.as_uri()}#sha256={digest(path)}"
    assert line in pip(workspace, "freeze").splitlines()
    assert pip(workspace, "check") == "No broken requirements found.\n"
    uv = shutil.which("uv")
    if uv:
        python = ("--python", str(prefix / "bin" / "python"))
        assert f"mine @ {path.as_uri()}" in output(uv, "pip", "freeze", *python)
        assert output(uv, "pip", "list", *python).count("\n") == 5
        for words in (("check",), ("tree",), ("show", "mine")):
            output(uv, "pip", *words, *python)
    pip(workspace, "install", "-U", "--no-index", f"--find-links={wheelhouse}", "leaf")
    status = workspace.run("status", "-n", "a", "--json").ok().json
    assert status["pip"]["replaced"] == [
        {"recorded": "leaf-1.0-pypi_0", "found": "leaf-2.0-pypi_0"}
    ]
    assert status["changed"] == status["missing"] == []
    assert not [f for f in _doctor(workspace) if f["is_problem"]]
    workspace.run("verify", "-n", "a").ok()


def test_what_pip_uninstalled_is_not_installed_again_without_need(workspace: Workspace) -> None:
    specs = ("python", "top", "pypi:leaf", f"./{build(workspace.folder, 1).name}")
    workspace.run("create", "-y", "-n", "a", *SOURCES, *specs).ok()
    pip(workspace, "uninstall", "-y", "leaf", "mine")
    status = workspace.run("status", "-n", "a", "--json").ok().json
    assert status["pip"]["removed"] == ["leaf-2.0-pypi_0", "mine-1.0-pypi_0"]
    assert status["unmet_requests"] == status["missing"] == []
    workspace.run("verify", "-n", "a").ok()
    other = WheelBuilder("other").file("other.py", "").build(workspace.folder)
    changed = workspace.run("install", "-y", "-n", "a", *SOURCES, f"./{other.name}").ok()
    assert "leaf 2.0 was uninstalled by pip; it is installed again, because top needs it" in (
        changed.err
    )
    assert "mine 1.0 was uninstalled by pip: it is no longer requested" in changed.err
    names = [each["name"] for each in workspace.run("list", "-n", "a", "--json").ok().json]
    assert names == ["leaf", "other", "python", "top"]
    assert "no differences" in workspace.run("status", "-n", "a").ok().out
    assert "top" in workspace.run("why", "-n", "a", "leaf").ok().out


def test_a_rebuilt_file_is_installed(workspace: Workspace) -> None:
    path = build(workspace.folder, 1)
    spec = f"./{path.name}"
    workspace.run("create", "-y", "-n", "a", *SOURCES, "python", spec).ok()
    assert "no differences" in workspace.run("status", "-n", "a").ok().out
    build(workspace.folder, 2)
    workspace.run("install", "-y", "-n", "a", *SOURCES, spec).ok()
    assert answer(workspace) == "2"
    again = workspace.run("install", "-y", "-n", "a", *SOURCES, spec, "--json").ok().json
    assert "actions" not in again or not again["actions"]
    forced = ("install", "-y", "-n", "a", *SOURCES, "--force-reinstall", spec, "--json")
    (linked,) = workspace.run(*forced).ok().json["actions"]["LINK"]
    assert linked["name"] == "mine"
    build(workspace.folder, 3)
    workspace.run("install", "-y", "-n", "a", *SOURCES, "leaf").ok()
    assert answer(workspace) == "2", "other requests leave it alone"
    assert direct_url(workspace.environment("a"))


def test_export_lock_and_sync_keep_the_url_and_hash(workspace: Workspace) -> None:
    path = build(workspace.folder, 1)
    file = workspace.folder / "environment.yml"
    file.write_text(f"channels: [host]\ndependencies:\n  - python\n  - pip: [./{path.name}]\n")
    workspace.run("lock").ok()
    workspace.run("create", "-y", "-n", "a", "-f", "conda-lock.yml").ok()
    line = f"mine @ {path.as_uri()}#sha256={digest(path)}"
    assert line in workspace.run("export", "-n", "a").ok().out
    assert workspace.run("sync", "-n", "a", "-y", "-f", "conda-lock.yml").ok()
    build(workspace.folder, 2)
    assert workspace.run("lock", "--check").code == 1
    refused = workspace.run("create", "-y", "-n", "b", *SOURCES, "python", f"pypi:{line}", "--json")
    assert refused.json["reference"] == "hash-mismatch"
    workspace.run("lock", "--keep").ok()
    workspace.run("sync", "-n", "a", "-y", "-f", "conda-lock.yml").ok()
    assert answer(workspace) == "2"
    assert workspace.run("status", "-n", "a", "-f", "environment.yml").ok()
    build(workspace.folder, 3)
    status = workspace.run("status", "-n", "a", "-f", "environment.yml", "--json").json
    assert "another file" in status["file"][0]
    workspace.run("sync", "-n", "a", "-y", "-f", "environment.yml").ok()
    assert answer(workspace) == "3"


def test_extras_of_a_path(workspace: Workspace) -> None:
    path = build(workspace.folder, 1)
    create = ("create", "-y", "-n", "a", *SOURCES, "python", f"./{path.name}[more]")
    shown = workspace.run(*create).ok().out
    assert "to download" not in shown, "interpreter and wheels are read where they are"
    names = [each["name"] for each in workspace.run("list", "-n", "a", "--json").ok().json]
    assert names == ["leaf", "mine", "python"]


def test_a_url_with_a_password_and_without_a_hash(workspace: Workspace) -> None:
    path = build(workspace.folder, 1)
    index = PackageIndex()
    index.add_file("mine", path.name, path.read_bytes())
    with serving(index):
        public = f"{index.url}/files/{path.name}"
        spec = public.replace("http://", "http://user:hunter2secret@")
        workspace.run("create", "-y", "-n", "a", *SOURCES, "python", spec).ok()
        assert {given and given.split()[0] for given in index.authorizations} == {"Basic"}
        index.requests.clear()
        again = workspace.run("install", "-y", "-n", "a", *SOURCES, spec).ok()
        assert "already installed" in again.out
        wrong = f"mine @ {public}#sha256={'0' * 64}"
        refused = workspace.run("install", "-y", "-n", "a", *SOURCES, wrong, "--json")
        assert refused.json["reference"] == "hash-mismatch"
    found = {"archive_info": {"hashes": {"sha256": digest(path)}}, "url": public}
    assert direct_url(workspace.environment("a")) == found
    record = next(workspace.environment("a").glob("conda-meta/mine-*.json")).read_text()
    assert json.loads(record)["sha256"] == digest(path)
    files = [each for each in workspace.root.rglob("*") if each.is_file()]
    assert not [each for each in files if b"hunter2secret" in each.read_bytes()]
