"""What source distributions require: stated, or built by the hooks of a real build backend."""

from __future__ import annotations

import io
import json
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.support.api_world import Notes
from tests.support.commands import QuickWorkspace
from tests.support.package_index import PackageIndex
from tests.support.wheels import WheelBuilder

from minicon.api.services import Services
from minicon.errors import PackageError, PipError
from minicon.lean_dataclasses import replace
from minicon.pypi.index.pypi_index import PypiIndex
from minicon.pypi.metadata_build import build_metadata

Open = Callable[..., PypiIndex]
ROOT = str(Path(__file__).parent.parent.parent)
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
BACKEND = f"""
import pathlib, sys
sys.path.insert(0, {ROOT!r})
from tests.support.wheels import WheelBuilder
pathlib.Path(sys.prefix)

def build_wheel(folder, config_settings=None, metadata_directory=None):
    wheel = WheelBuilder("leaf", "1.0").file("leaf.py", "x = 1").requires("deep>=1")
    return wheel.header("Requires-Python: >=3.8").build(pathlib.Path(folder)).name
"""


def pkg_info(*lines: str, version: str = "2.2") -> str:
    head = [f"Metadata-Version: {version}", "Name: Leaf", "Version: 1.0"]
    return "\n".join([*head, *lines, "", "A text.", ""])


def sdist(info: str, backend: str = BACKEND, kind: str = "tar.gz") -> bytes:
    files = {"PKG-INFO": info, "pyproject.toml": PYPROJECT, "backend.py": backend}
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("leaf-1.0/docs/PKG-INFO", "no")
            for name, text in files.items():
                archive.writestr(f"leaf-1.0/{name}", text)
        return stream.getvalue()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in {"leaf.egg-info/PKG-INFO": "no", **files}.items():
            member = tarfile.TarInfo(f"leaf-1.0/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


def read(index: PypiIndex, python: str = "3.11.7") -> list[str]:
    (release,) = index.releases("leaf")
    file = index.file_for(release, python)
    assert file
    assert not file.is_wheel
    return [str(each) for each in index.requirements(file)]


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_static_metadata_of_the_archive(served: PackageIndex, open_index: Open, kind: str) -> None:
    info = pkg_info("Dynamic: License", "Requires-Dist: deep>=1", "Requires-Python: >=3.9")
    served.add_file("leaf", f"leaf-1.0.{kind}", sdist(info, kind=kind))
    index = open_index(served.index_url)
    assert read(index) == ["deep>=1"]
    (file,) = index.releases("leaf")[0].files
    assert index.requires_python(file) == ">=3.9"
    served.requests.clear()
    assert read(open_index(served.index_url)) == ["deep>=1"]
    assert not served.count("/files/"), "it is cached by its hash"


def test_the_separate_metadata_file(served: PackageIndex, open_index: Open) -> None:
    metadata = pkg_info("Requires-Dist: deep").encode()
    served.add_file("leaf", "leaf-1.0.tar.gz", sdist("Name: wrong"), metadata=metadata)
    assert read(open_index(served.index_url)) == ["deep"]
    assert served.count("/files/") == 1


@pytest.mark.parametrize(
    "info",
    [
        pkg_info("Requires-Dist: other", version="2.1"),
        pkg_info("Dynamic: Requires-Dist"),
        pkg_info("Dynamic: requires-python", "Requires-Dist: other"),
    ],
)
def test_what_is_not_static_is_never_used(
    served: PackageIndex, open_index: Open, info: str
) -> None:
    served.add_file("leaf", "leaf-1.0.tar.gz", sdist(info))
    with pytest.raises(PackageError, match="has to be built"):
        read(open_index(served.index_url))


def test_a_wheel_for_another_python_tells_what_the_release_requires(
    served: PackageIndex, open_index: Open, tmp_path: Path
) -> None:
    served.add_file("leaf", "leaf-1.0.tar.gz", sdist(pkg_info(version="2.1")))
    for tag, need in (("cp38-cp38-linux_x86_64", "old"), ("cp39-cp39-linux_x86_64", "deep>=1")):
        wheel = WheelBuilder("leaf", "1.0", tag=tag).requires(need).build(tmp_path)
        served.add_file("leaf", wheel.name, wheel.read_bytes())
    assert read(open_index(served.index_url)) == ["deep>=1"]
    assert not served.count("leaf-1.0.tar.gz"), "the source distribution is left to pip"


def test_metadata_of_another_project_is_refused(served: PackageIndex, open_index: Open) -> None:
    info = pkg_info().replace("Leaf", "other")
    served.add_file("leaf", "leaf-1.0.tar.gz", sdist(info))
    with pytest.raises(PackageError, match=r"that of other 1\.0"):
        read(open_index(served.index_url))


def test_metadata_is_built_once(services: Services, served: PackageIndex, tmp_path: Path) -> None:
    served.add_file("leaf", "leaf-1.0.tar.gz", sdist(pkg_info(version="1.1")))
    index = services.wheel_index()
    assert read(index) == ["deep>=1"]
    (file,) = index.releases("leaf")[0].files
    assert index.requires_python(file) == ">=3.8"
    assert services.reporter.notes[0].startswith("building the metadata of leaf-1.0.tar.gz")
    served.requests.clear()
    assert read(make_again(services).wheel_index()) == ["deep>=1"]
    assert not served.count("/files/")
    services.close()


def make_again(services: Services) -> Services:
    again = services.with_settings(services.settings)
    again.reporter = Notes()
    return again


def test_a_failed_build_leaves_its_log(services: Services, served: PackageIndex) -> None:
    backend = "print('the compiler said no')\nraise RuntimeError('broken backend')"
    served.add_file("leaf", "leaf-1.0.tar.gz", sdist(pkg_info(version="1.1"), backend))
    with pytest.raises(PipError, match="could not build the metadata of leaf") as caught:
        read(services.wheel_index())
    assert "broken backend" in caught.value.message
    log = services.pip_log("leaf-1.0.tar.gz")
    assert str(log) in (caught.value.hint or "")
    assert (caught.value.hint or "").endswith("request another version, or pass --no-build")
    assert "the compiler said no" in log.read_text()
    services.close()


def test_a_build_that_does_not_end_is_ended(
    services: Services, served: PackageIndex, tmp_path: Path
) -> None:
    """Also what it started, which would otherwise keep its output open."""
    mark = tmp_path / "survived"
    backend = f"import os\nos.system('sleep 30; touch {mark}')\n"
    served.add_file("leaf", "leaf-1.0.tar.gz", sdist(pkg_info(version="1.1"), backend))
    limited = replace(services.settings, metadata_build_timeout_secs=1.0)
    start = time.monotonic()
    with pytest.raises(PipError, match="it took longer than 1 seconds"):
        read(services.with_settings(limited).wheel_index())
    assert time.monotonic() - start < 20
    assert not mark.exists()
    services.close()


def test_a_setting_forbids_builds(tmp_path: Path, served: PackageIndex) -> None:
    """In every command that looks for files, also those without --no-build."""
    served.add_file("leaf", "leaf-1.0.tar.gz", sdist(pkg_info()))
    workspace = QuickWorkspace(tmp_path, {"PIP_CONFIG_FILE": "/dev/null", "NO_PROXY": "127.0.0.1"})
    workspace.environ["PIP_INDEX_URL"] = served.index_url
    workspace.run("config", "--set", "build_from_source", "false").ok()
    (tmp_path / "environment.yml").write_text("dependencies: [python, pip: [leaf]]\n")
    words = ("-c", "host", "--json")
    for command in (("create", "-n", "a", "-f", "environment.yml"), ("lock", "-o", "-")):
        refused = workspace.run(*command, *words)
        assert "leaf 1.0 is a source distribution, and build_from_source" in refused.json["message"]


def test_a_project_that_is_built_has_its_dependencies_in_the_plan(
    tmp_path: Path, served: PackageIndex
) -> None:
    served.add_file("leaf", "leaf-1.0.tar.gz", sdist(pkg_info("Requires-Dist: deep<2")))
    for version in ("1.0", "2.0"):
        served.add(WheelBuilder("deep", version).file("deep.py", f"version = {version!r}"))
    workspace = QuickWorkspace(
        tmp_path,
        {
            "MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
            "MINICON_COMPILE_BYTECODE": "false",
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": served.index_url,
            "NO_PROXY": "127.0.0.1",
        },
    )
    create = ("create", "-y", "-n", "a", "-c", "host", "-c", "pypi", "python", "leaf")
    shown = workspace.run(*create, "--dry-run").ok().out
    assert "* leaf==1.0 needs deep <2" in " ".join(shown.split())
    document = workspace.run(*create, "--dry-run", "--json").ok().json
    assert document["pip"] == [{"requirement": "leaf==1.0", "depends": ["deep <2"]}]
    assert "deep" in {each["name"] for each in document["actions"]["LINK"]}
    refused = workspace.run(*create, "--no-build", "--json")
    assert refused.code == 1
    assert (
        "leaf 1.0 is a source distribution, and build_from_source is false"
        in refused.json["message"]
    )
    workspace.run(*create).ok()
    code = "import leaf, deep; print(leaf.x, deep.version)"
    assert workspace.run("run", "-n", "a", "python", "-c", code).ok().out == "1 1.0\n"
    words = ("-y", "-n", "a", "-c", "host", "-c", "pypi")
    workspace.run("update", *words, "--all").ok()
    assert listed(workspace)["deep"] == "1.0", "leaf needs deep <2"
    workspace.run("remove", *words, "deep").ok()
    assert listed(workspace).keys() == {"python"}, "leaf needs deep"


def test_a_wheel_may_require_what_pip_builds_by_url(tmp_path: Path, served: PackageIndex) -> None:
    """If the user requests the same URL; also later, when the wheel is updated."""
    archive = tmp_path / "leaf-1.0.tar.gz"
    archive.write_bytes(sdist(pkg_info(), BACKEND.replace('.requires("deep>=1")', "")))
    url = archive.as_uri()
    served.add(WheelBuilder("leaf", "9.0").file("leaf.py", "x = 9"))
    served.add(WheelBuilder("top", "1.0").file("top.py", "").requires(f"leaf @ {url}"))
    workspace = QuickWorkspace(tmp_path, {"PIP_CONFIG_FILE": "/dev/null", "NO_PROXY": "127.0.0.1"})
    workspace.environ["MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY"] = "false"
    workspace.environ["MINICON_COMPILE_BYTECODE"] = "false"
    workspace.environ["PIP_INDEX_URL"] = served.index_url
    words = ("-y", "-n", "a", "-c", "host", "-c", "pypi")
    refused = workspace.run("create", *words, "python", "top", "--json").json["message"]
    assert f"leaf @ {url}: request it by that URL too" in refused
    workspace.run("create", *words, "python", "top", f"leaf @ {url}").ok()
    code = "import leaf, top; print(leaf.x)"
    assert workspace.run("run", "-n", "a", "python", "-c", code).ok().out == "1\n"
    served.add(WheelBuilder("top", "2.0").file("top.py", "").requires(f"leaf @ {url}"))
    workspace.run("update", *words, "top", "--repodata-ttl", "0").ok()
    workspace.run("clean", "--index-cache", "-y").ok()
    workspace.run("update", *words, "--all").ok()
    assert listed(workspace) | {"python": ""} == {"python": "", "leaf": "1.0", "top": "2.0"}


def listed(workspace: QuickWorkspace) -> dict[str, str]:
    found = workspace.run("list", "-n", "a", "--json").ok().json
    return {each["name"]: each["version"] for each in found}


def test_no_build_refuses_directories_too(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(PYPROJECT)
    workspace = QuickWorkspace(tmp_path, {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"})
    workspace.environ["MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY"] = "false"
    spec = f"pypi:leaf @ {project.as_uri()}"
    refused = workspace.run(
        "create", "-n", "a", "-c", "host", "python", spec, "--no-build", "--json"
    )
    assert refused.json["reference"] == "no-build"
    assert json.loads(refused.out)["message"].startswith(f"leaf @ {project.as_uri()}")
    assert Requirement("leaf").name in refused.json["message"]


def test_a_python_too_old_for_our_pip_builds_with_its_own(tmp_path: Path) -> None:
    python, calls = tmp_path / "python", tmp_path / "calls"
    python.write_text(f'#!/bin/sh\necho "$*" >> {calls}\ntest "$2" = -c\n')
    python.chmod(0o755)
    log = tmp_path / "log"
    with pytest.raises(PipError, match=r"could not build the metadata of old-1\.0\.tar\.gz"):
        build_metadata(
            tmp_path / "old-1.0.tar.gz", str(python), "3.6", environ={}, reporter=Notes(), log=log
        )
    assert "-m pip install" in calls.read_text().splitlines()[-1]


def test_older_releases_are_not_tried_after_a_failed_build(
    tmp_path: Path, served: PackageIndex
) -> None:
    """As pip and uv do; without builds, a release with a wheel is chosen."""
    served.add(WheelBuilder("leaf", "0.5").file("leaf.py", "x = 0"))
    broken = sdist(pkg_info(version="1.1").replace("1.1", "1.0"), "raise RuntimeError('broken')")
    served.add(WheelBuilder("top", "1.0").file("top.py", "").requires("leaf"))
    served.add_file("leaf", "leaf-1.0.tar.gz", broken)
    workspace = QuickWorkspace(tmp_path, {"PIP_CONFIG_FILE": "/dev/null", "NO_PROXY": "127.0.0.1"})
    workspace.environ["MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY"] = "false"
    workspace.environ["PIP_INDEX_URL"] = served.index_url
    words = ("create", "-d", "-n", "a", "-c", "host", "-c", "pypi", "python")
    chosen = workspace.run(*words, "top", "--json").ok().json["actions"]["LINK"]
    assert {each["name"]: each["version"] for each in chosen}["leaf"] == "0.5"
    failed = workspace.run(*words, "leaf ==1.0")
    assert failed.code == 1
    assert "could not build the metadata of leaf-1.0.tar.gz" in failed.err
    assert workspace.run(*words, "leaf", "--no-build").ok()
