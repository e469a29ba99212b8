"""Python from this machine, packages from an index: one resolution, one environment."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest
from tests.support.commands import Workspace
from tests.support.wheels import WheelBuilder

SOURCES = ("-c", "host", "-c", "pypi")

#: A build backend that needs nothing: it writes a wheel with one module.
BACKEND = """
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "local-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("local.py", "")
        info = "local-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: local\\nVersion: 1.0\\n")
        tags = "Root-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\n" + tags)
        wheel.writestr(f"{info}/RECORD", "local.py,,\\n")
    return name
"""


def test_wheels_and_interpreter_make_an_ordinary_environment(workspace: Workspace) -> None:
    workspace.run("create", "-y", "-n", "a", *SOURCES, "python", "top").ok()
    prefix = workspace.environment("a")
    assert workspace.run("run", "-n", "a", "top-command").ok().out == "top runs\n"
    where = "import sys, leaf; print(leaf.version, sys.prefix, [p for p in sys.path if p])"
    version, found, path = (
        workspace.run("run", "-n", "a", "python", "-c", where).ok().out.split(" ", 2)
    )
    assert (version, found) == ("2.0", str(prefix))
    assert all(entry.startswith(str(prefix)) for entry in eval(path))
    names = {path.name.split("-")[0] for path in (prefix / "conda-meta").glob("*.json")}
    assert names == {"python", "top", "leaf"}
    record = json.loads(next((prefix / "conda-meta").glob("leaf-*.json")).read_text())
    assert record["channel"] == "pypi"


def test_names_of_projects_may_be_spelled_differently(workspace: Workspace) -> None:
    """PEP 503: ``Odd_Name``, ``odd.name`` and ``odd-name`` are one project."""
    links = workspace.folder / "links"
    WheelBuilder("Odd.Name", "1.0").file("odd.py", "").build(links)
    workspace.environ["PIP_FIND_LINKS"] += f" {links}"
    workspace.run("create", "-y", "-n", "a", *SOURCES, "python", "pypi:Odd_Name>=1", "top").ok()
    prefix = workspace.environment("a")
    record = json.loads(next((prefix / "conda-meta").glob("odd-name-*.json")).read_text())
    assert record["requested_specs"] == ["odd-name>=1"]
    assert list(prefix.glob("lib/python*/site-packages/Odd.Name-1.0.dist-info/REQUESTED"))
    assert workspace.run("status", "-n", "a").ok().out.endswith("no differences found\n")
    assert "pypi:Odd_Name>=1 (requested)" in workspace.run("why", "-n", "a", "Odd_Name").ok().out
    assert "odd-name 1.0" in workspace.run("tree", "-n", "a", "odd.name").ok().out
    assert "odd-name" in workspace.run("list", "-n", "a", "odd.Name").ok().out
    assert workspace.run("list", "-n", "a", "-f", "ODD_name", "--json").ok().json
    file = workspace.folder / "environment.yml"
    file.write_text("dependencies:\n  - python\n  - top\n  - pip: [ODD_name]\n")
    status = workspace.run("status", "-n", "a", "-f", str(file), "--json").ok().json
    assert status["drifted"] is False
    workspace.run("remove", "-y", "-n", "a", *SOURCES, "Odd_Name").ok()
    assert not list((prefix / "conda-meta").glob("odd-name-*.json"))
    workspace.run("install", "-y", "-n", "a", *SOURCES, "python").ok()
    assert not list((prefix / "conda-meta").glob("odd-name-*.json")), "its request is gone too"


def test_a_wheel_by_its_file_is_a_spec_like_others(workspace: Workspace, wheelhouse: Path) -> None:
    wheel = wheelhouse / "top-1.0-py3-none-any.whl"
    shutil.copy(wheel, workspace.folder)
    workspace.run("create", "-y", "-n", "a", *SOURCES, "python", wheel.name).ok()
    assert workspace.run("run", "-n", "a", "top-command").ok().out == "top runs\n"
    exported = workspace.run("export", "-n", "a", "--from-history").ok().out
    reference = f"top @ {(workspace.folder / wheel.name).as_uri()}"
    assert f"- {reference}#sha256=" in exported
    (workspace.folder / "environment.yml").write_text(exported)
    workspace.run("create", "-y", "-n", "b", "-f", "environment.yml").ok()
    assert workspace.run("run", "-n", "b", "top-command").ok().out == "top runs\n"
    (workspace.folder / wheel.name).unlink()
    workspace.run("install", "-y", "-n", "a", *SOURCES, "leaf<2").ok()
    assert workspace.run("run", "-n", "a", "top-command").ok().out == "top runs\n"
    why = workspace.run("why", "-n", "a", "leaf").ok().out
    assert "top" in why


def test_the_hash_of_a_wheels_url_is_verified(workspace: Workspace, wheelhouse: Path) -> None:
    url = (wheelhouse / "leaf-1.0-py3-none-any.whl").as_uri()
    digest = hashlib.sha256((wheelhouse / "leaf-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    wrong = f"leaf @ {url}#sha256={'0' * 64}"
    refused = workspace.run("create", "-y", "-n", "a", *SOURCES, "python", wrong, "--json")
    assert refused.json["reference"] == "hash-mismatch"
    workspace.run("create", "-y", "-n", "a", *SOURCES, "python", f"{url}#sha256={digest}").ok()


def test_conda_and_mamba_read_records_of_wheels_and_interpreters(workspace: Workspace) -> None:
    import rattler

    workspace.run("create", "-y", "-n", "a", *SOURCES, "python", "top").ok()
    for path in (workspace.environment("a") / "conda-meta").glob("*.json"):
        rattler.PrefixRecord.from_path(path)


def test_nothing_leaks_in_from_the_user(workspace: Workspace) -> None:
    workspace.run("create", "-y", "-n", "a", *SOURCES, "python").ok()
    ask = "import site; print(site.getusersitepackages())"
    user_site = Path(workspace.run("run", "-n", "a", "python", "-c", ask).ok().out.strip())
    user_site.mkdir(parents=True)
    (user_site / "leaked.py").write_text("")
    assert workspace.run("run", "-n", "a", "python", "-c", "import leaked").code != 0


def test_pip_section_and_pins_are_solved_together(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    file.write_text(
        "name: a\nchannels: [host]\ndependencies:\n  - python\n  - pip:\n"
        "      - top\n      - leaf<2\nvariables:\n  KEY: a b\n"
    )
    workspace.run("env", "create", "-f", str(file)).ok()
    listed = {p["name"]: p["version"] for p in workspace.run("list", "-n", "a", "--json").ok().json}
    assert listed["leaf"] == "1.0"
    said = workspace.run("run", "-n", "a", "sh", "-c", "echo $KEY").ok().out
    assert said == "a b\n"
    held = workspace.run("env", "update", "-y", "-n", "a", "-f", str(file)).ok()
    assert "goes beyond" not in held.err
    updated = workspace.run("update", "-y", "-n", "a", "--all", "-c", "host").ok()
    assert "beyond requests of earlier commands: pypi:leaf<2; it never" in updated.err
    listed = {p["name"]: p["version"] for p in workspace.run("list", "-n", "a", "--json").ok().json}
    assert listed["leaf"] == "2.0", "an update of everything goes beyond earlier requests"
    exported = workspace.run("env", "export", "-n", "a", "--from-history").ok().out
    assert "- leaf\n" in exported
    workspace.run("remove", "-y", "-n", "a", "-c", "host", "top").ok()
    listed = {p["name"] for p in workspace.run("list", "-n", "a", "--json").ok().json}
    assert listed == {"leaf", "python"}
    workspace.run("install", "-y", "-n", "a", *SOURCES, "leaf=1").ok()
    updated = workspace.run("update", "-y", "-n", "a", "--all", *SOURCES).ok()
    assert "beyond requests of earlier commands: leaf=1; it never" in updated.err
    assert "no differences" in workspace.run("status", "-n", "a").ok().out


def test_packages_that_only_pip_can_build_are_recorded(
    workspace: Workspace, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "backend.py").write_text(BACKEND)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    file = tmp_path / "environment.yml"
    file.write_text(
        "name: a\nchannels: [host]\ndependencies:\n  - python\n  - pip:\n      - ./project\n"
    )
    plan = workspace.run("env", "create", "-f", str(file)).ok().out
    assert "install with pip" in plan
    assert workspace.run("run", "-n", "a", "python", "-c", "import local").ok().code == 0
    assert list((workspace.environment("a") / "conda-meta").glob("local-1.0-*.json"))

    (project / "backend.py").write_text("raise SystemExit('this backend is broken')")
    failed = workspace.run(
        "install", "-y", "-n", "a", "-c", "host", f"pypi:local @ {project.as_uri()}"
    )
    assert failed.code == 1
    assert "local" in failed.err
    assert workspace.run("run", "-n", "a", "python", "-c", "import local").ok().code == 0


def test_installing_later_keeps_installed_packages(workspace: Workspace) -> None:
    workspace.run("create", "-y", "-n", "a", *SOURCES, "python", "leaf=1.0").ok()
    workspace.run("install", "-y", "-n", "a", *SOURCES, "top").ok()
    listed = {p["name"]: p["version"] for p in workspace.run("list", "-n", "a", "--json").ok().json}
    assert listed["leaf"] == "1.0"
    assert listed["top"] == "1.0"
    workspace.run("remove", "-y", "-n", "a", *SOURCES, "top").ok()
    gone = workspace.run("run", "-n", "a", "top-command")
    assert gone.code != 0


def test_a_wheel_that_is_refused_is_not_chosen_again(workspace: Workspace) -> None:
    links = workspace.folder / "links"
    WheelBuilder("weak", "1.0").file("weak.py", "").build(links)
    WheelBuilder("weak", "2.0").file("weak.py", "").hashed_by("md5").build(links)
    workspace.environ["PIP_FIND_LINKS"] += f" {links}"
    created = workspace.run("create", "-y", "-n", "a", *SOURCES, "python", "pypi:weak").ok()
    assert "a weak hash: planning again without it" in created.err
    listed = workspace.run("list", "-n", "a", "weak", "--json").ok().json
    assert [each["version"] for each in listed] == ["1.0"]
    again = workspace.run("create", "-n", "b", "--dry-run", *SOURCES, "python", "pypi:weak").ok()
    assert "weak-2.0-py3-none-any.whl is skipped" in again.err
    assert "1.0" in again.out
    assert "2.0" not in again.out
    path = links / "weak-2.0-py3-none-any.whl"
    refused = workspace.run("create", "-y", "-n", "b", *SOURCES, "python", str(path), "--json")
    assert refused.json["reference"] == "unsafe-wheel"
    WheelBuilder("weak", "2.0").file("weak.py", "").build(links)
    repaired = workspace.run("create", "-n", "b", "--dry-run", *SOURCES, "python", "pypi:weak")
    assert "2.0" in repaired.ok().out


def test_named_channels_do_not_add_pypi(workspace: Workspace) -> None:
    refused = workspace.run("create", "-y", "-n", "a", "-c", "host", "python", "top")
    assert refused.code == 1
    assert "top" in refused.err
    workspace.run("create", "-y", "-n", "a", "-c", "host", "python", "pypi:top").ok()
    forbidden = workspace.run("create", "-y", "-n", "b", *SOURCES, "--no-pypi", "python", "top")
    assert forbidden.code == 1


def test_a_missing_python_error_names_those_found(workspace: Workspace) -> None:
    refused = workspace.run("create", "-y", "-n", "a", *SOURCES, "python=2.5")
    assert refused.code == 1
    assert "interpreters on this machine: 3." in refused.err
    assert not workspace.environment("a").exists()


def test_installed_packages_are_kept_without_their_source(
    workspace: Workspace, channel: Path
) -> None:
    workspace.run("create", "-y", "-n", "a", *SOURCES, "python", "top").ok()
    workspace.run(
        "install", "-y", "-n", "a", "-c", channel.as_uri(), "--override-channels", "pure"
    ).ok()
    assert workspace.run("run", "-n", "a", "pure-command").ok().out == "pure python\n"
    assert workspace.run("run", "-n", "a", "top-command").ok().out == "top runs\n"


def test_another_python_keeps_the_versions_of_wheels(workspace: Workspace) -> None:
    minors = {
        row[0].rsplit(".", 1)[0]
        for row in workspace.run("info", "--interpreters", "--json").ok().json["interpreters"][1:]
    }
    usable = sorted(minors & {"3.10", "3.11", "3.12", "3.13"})
    if len(usable) < 2:
        pytest.skip("needs two pythons")
    first, second = usable[:2]
    workspace.run("create", "-y", "-n", "a", *SOURCES, f"python={first}", "top", "leaf").ok()
    workspace.run("install", "-y", "-n", "a", *SOURCES, f"python={second}").ok()
    listed = {p["name"]: p["version"] for p in workspace.run("list", "-n", "a", "--json").ok().json}
    assert listed["python"].startswith(second)
    assert (listed["top"], listed["leaf"]) == ("1.0", "2.0")
    assert workspace.run("run", "-n", "a", "top-command").ok().out == "top runs\n"


def test_python_brings_its_own_pip_where_no_source_has_it(workspace: Workspace) -> None:
    workspace.environ.update(
        MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY="true",
        PIP_NO_INDEX="0",
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
    )
    for name, sources in (("a", SOURCES), ("b", ("--offline", *SOURCES)), ("d", ("-c", "host"))):
        created = workspace.run("create", "-y", "-n", name, *sources, "python").ok()
        assert created.err == "", name
    shown = workspace.run("run", "-n", "d", "pip", "--version").ok().out
    assert str(workspace.environment("d")) in shown
    exported = workspace.run("export", "-n", "d", "--from-history").ok().out
    assert "- pip" not in exported
    workspace.run("remove", "-y", "-n", "d", "pip").ok()
    again = workspace.run("install", "-y", "-n", "d", "-c", "host", "python").ok()
    assert "already installed" in again.out
    refused = workspace.run("create", "-y", "-n", "c", *SOURCES, "python", "pip")
    assert refused.code == 1
    assert "127.0.0.1:9" in refused.err


def test_projects_that_have_to_be_built_are_noted(workspace: Workspace, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    info = b"Metadata-Version: 2.2\nName: ancient\nVersion: 0.1\n"
    with tarfile.open(links / "ancient-0.1.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("ancient-0.1/PKG-INFO")
        member.size = len(info)
        archive.addfile(member, io.BytesIO(info))
    workspace.environ["PIP_FIND_LINKS"] += f" {links}"
    workspace.run("create", "-y", "-n", "a", "-c", "host", "python").ok()
    words = ("pypi:ancient", "-n", "a", "-c", "host")
    note = "ancient==0.1 has no wheel that fits: pip has to build it from source, which may fail"
    answer = workspace.run("why-not", *words).ok().out
    assert note in answer
    assert "may be possible" in answer
    assert workspace.run("why-not", *words, "--json").json["notes"] == [note]
    assert note in workspace.run("install", "--dry-run", *words).ok().err
