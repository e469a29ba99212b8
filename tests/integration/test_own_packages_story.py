"""A user's own projects in an environment: no change replaces them by strangers of the name."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.support.commands import QuickWorkspace
from tests.support.wheels import WheelBuilder

#: A build backend that needs nothing, and records each build.
BACKEND = """
import pathlib, zipfile

NAME, REQUIRES = {name!r}, {requires!r}

def _wheel(folder, files):
    with open({log!r}, "a") as log:
        log.write(NAME + chr(10))
    info = NAME + "-1.0.dist-info"
    metadata = "Metadata-Version: 2.1\\nName: " + NAME + "\\nVersion: 1.0\\n"
    files[info + "/METADATA"] = metadata + "".join(f"Requires-Dist: {{r}}\\n" for r in REQUIRES)
    files[info + "/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[info + "/RECORD"] = "".join(f"{{path}},,\\n" for path in files)
    name = NAME + "-1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {{NAME + ".py": pathlib.Path(NAME + ".py").read_text()}})

def build_editable(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {{"__" + NAME + ".pth": str(pathlib.Path.cwd()) + "\\n"}})
"""
ENVIRONMENT = """
name: a
channels: [host]
dependencies:
  - python
  - pip:
      - ./plain
      - -e ./editable
      - git+{repository}
      - ./wheels/local-1.0-py3-none-any.whl
"""
OWN = {"plain", "editable", "repository", "local"}
SAME = "All requested packages already installed.\n"
SOURCES = ("-c", "host", "-c", "pypi")


def write_project(folder: Path, log: Path, *requires: str) -> Path:
    folder.mkdir()
    backend = BACKEND.format(name=folder.name, requires=requires, log=str(log))
    (folder / "backend.py").write_text(backend)
    (folder / f"{folder.name}.py").write_text("")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> QuickWorkspace:
    """Four projects of a user, and strangers with their names and newer versions on the index."""
    folder = tmp_path_factory.mktemp("own")
    index = folder / "index"
    for name in OWN:
        stranger = WheelBuilder(name, "5.0").file(f"{name}.py", "")
        stranger.requires("unwanted").build(index)
    WheelBuilder("unwanted", "1.0").build(index)
    for version in ("1.0", "2.0"):
        WheelBuilder("leaf", version).build(index)
    WheelBuilder("local", "1.0").file("local.py", "").build(folder / "wheels")
    log = folder / "built"
    write_project(folder / "plain", log, "leaf<2")
    write_project(folder / "editable", log)
    repository = write_project(folder / "repository", log)
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    (folder / "environment.yml").write_text(ENVIRONMENT.format(repository=repository.as_uri()))
    workspace = QuickWorkspace(
        folder,
        {
            "MINICON_PKGS_DIRS": str(shared_cache),
            "MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
            "MINICON_COMPILE_BYTECODE": "false",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(index),
            "PIP_CONFIG_FILE": os.devnull,
        },
    )
    workspace.run("env", "create", "-f", "environment.yml").ok()
    assert built(workspace) == ["editable", "plain", "repository"]
    return workspace


def built(own: QuickWorkspace) -> list[str]:
    """Return the projects that were built since the last call."""
    log = own.folder / "built"
    names = log.read_text().split() if log.exists() else []
    log.write_text("")
    return sorted(names)


def versions(own: QuickWorkspace, name: str = "a") -> dict[str, str]:
    listed = own.run("list", "-n", name, "--json").ok().json
    return {package["name"]: package["version"] for package in listed}


def test_own_projects_are_requested(own: QuickWorkspace) -> None:
    origin = f"plain @ {(own.folder / 'plain').as_uri()}"
    editable = f"-e {own.folder / 'editable'}"
    for words in ((), ("--from-history",), ("--portable",)):
        lines = own.run("export", "-n", "a", *words).ok().out
        assert f"- {origin}\n" in lines
        assert f"- {editable}\n" in lines
        assert f"- local @ {(own.folder / 'wheels').as_uri()}" in lines
        assert "- repository @ git+file://" in lines
    assert f"{origin} (requested) → leaf <2" in own.run("why", "leaf", "-n", "a").ok().out
    (own.folder / "b.yml").write_text(own.run("export", "-n", "a", "--from-history").ok().out)
    assert SAME in own.run("sync", "-n", "a", "-f", "b.yml", "--dry-run").ok().out
    plan = own.run("remove", "-n", "a", "leaf", "--json", "--dry-run").ok().json
    assert {each["name"] for each in plan["actions"]["UNLINK"]} == {"leaf", "plain"}


def test_own_projects_stay_what_they_are(own: QuickWorkspace) -> None:
    before = versions(own)
    assert before == {**dict.fromkeys((*OWN, "leaf"), "1.0"), "python": before["python"]}
    for words in (
        ("update", "--all", *SOURCES),
        ("install", "--update-all", "leaf", *SOURCES),
        ("install", "plain", "pypi:editable", *SOURCES),
        ("update", "local", *SOURCES),
        ("sync",),
        ("env", "update", "--prune"),
        ("env", "update"),
    ):
        assert own.run(*words, "-n", "a").ok().out == SAME, words
    assert built(own) == []

    plan = own.run("plan", "update", "-n", "a", "editable", "repository", *SOURCES).ok().out
    (own.folder / "plan.json").write_text(plan)
    own.run("apply", "-y", "plan.json").ok()
    assert built(own) == ["editable", "repository"]
    assert versions(own) == before

    os.utime(own.folder / "plain/plain.py")
    own.run("sync", "-n", "a", "-y").ok()
    assert built(own) == ["plain"]

    history = (own.environment("a") / "conda-meta/history").read_text()
    assert history.count("+pypi/pypi::editable-1.0-pypi_0\n") == 1, "what pip builds is recorded"
    assert "-pypi/pypi::" not in history, "nothing was added or removed since"
    other = own.run("install", "-n", "a", "plain=5", *SOURCES, "--dry-run").ok()
    assert "another package replaces it" in other.err
    assert "unwanted" in other.out


def test_another_python_gets_own_projects_built_for_it(own: QuickWorkspace) -> None:
    minors = {
        row[0].rsplit(".", 1)[0]
        for row in own.run("info", "--interpreters", "--json").ok().json["interpreters"][1:]
    }
    present = versions(own)["python"].rsplit(".", 1)[0]
    others = sorted(minors & {"3.10", "3.11", "3.12", "3.13"} - {present})
    if not others:
        pytest.skip("needs two pythons")
    before = versions(own)
    built(own)
    own.run("install", "-n", "a", "-y", *SOURCES, f"python={others[0]}").ok()
    assert built(own) == ["editable", "plain", "repository"]
    assert {**versions(own), "python": before["python"]} == before
    assert own.run_apart("run", "-n", "a", "python", "-c", "import editable, plain, local").ok()
