"""pip in real environments, offline: projects with a build backend of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.pypi.conftest import Notes
from tests.support.wheels import WheelBuilder

from minicon.errors import PipError
from minicon.pypi.pip_step import install_with_pip, installed_constraints
from minicon.pypi.requirements.requirement_files import parse_requirements
from minicon.pypi.requirements.requirements import IndexOptions

BACKEND = """
import pathlib, sys
sys.path.insert(0, {root!r})
from tests.support.wheels import WheelBuilder

def _wheel():
    return WheelBuilder("proj", "1.0").file("proj.py", "x = 1").requires(*{requires!r})

def build_wheel(folder, config_settings=None, metadata_directory=None):
    {before}
    return _wheel().build(pathlib.Path(folder)).name

def build_editable(folder, config_settings=None, metadata_directory=None):
    here = str(pathlib.Path(__file__).parent)
    wheel = WheelBuilder("proj", "1.0").file("proj.pth", here).file("marker.py", "")
    return wheel.build(pathlib.Path(folder)).name
"""
ROOT = str(Path(__file__).parent.parent.parent)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment without pip of its own."""
    prefix = tmp_path_factory.mktemp("pip") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    return prefix / "bin" / "python"


def project(folder: Path, *requires: str, before: str = "pass") -> Path:
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        "[project]\nname = 'proj'\nversion = '1.0'\n"
    )
    (folder / "backend.py").write_text(BACKEND.format(root=ROOT, requires=requires, before=before))
    return folder


def environ(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_INDEX": "1",
        "PIP_TARGET": str(home / "elsewhere"),
        "PIP_USER": "1",
        "PIP_RETRIES": "0",
        "PYTHONPATH": str(home / "nowhere"),
    }


def install(python: Path, home: Path, *lines: str, **options: object) -> None:
    found = parse_requirements(lines, folder=home)
    facts = {"constraints": (), "environ": environ(home), **options}
    install_with_pip(python, found.pip_requirements, **facts)


def query(python: Path, code: str) -> str:
    answer = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True)
    return answer.stdout.strip() or answer.stderr.strip()


def test_builds_and_installs_with_dependencies(
    environment: Path, tmp_path: Path, notes: Notes
) -> None:
    project(tmp_path / "proj", "helper>=1")
    WheelBuilder("helper", "1.0").file("helper.py", "y = 1").build(tmp_path / "wheels")
    WheelBuilder("helper", "2.0").file("helper.py", "y = 2").build(tmp_path / "wheels")
    log = tmp_path / "logs" / "pip.log"
    install(
        environment,
        tmp_path,
        "./proj",
        constraints=["helper==1.0", "unrelated==3", "odd==1.1.1_x", "x"],
        options=IndexOptions(find_links=(str(tmp_path / "wheels"),)),
        reporter=notes,
        log=tmp_path / "logs" / "pip.log",
    )
    assert query(environment, "import proj, helper; print(proj.x, helper.y)") == "1 1"
    assert not (tmp_path / "elsewhere").exists()
    assert any("Successfully installed" in text for text in notes.notes)
    assert "Successfully installed" in log.read_text()


def test_editable(environment: Path, tmp_path: Path) -> None:
    project(tmp_path / "proj")
    install(environment, tmp_path, "-e ./proj", no_deps=True)
    assert query(environment, "import sys; print(*sys.path)").endswith(str(tmp_path / "proj"))


def test_installed_packages_are_never_changed(environment: Path, tmp_path: Path) -> None:
    project(tmp_path / "proj", "helper>=3")
    WheelBuilder("helper", "3.0").build(tmp_path / "wheels")
    with pytest.raises(PipError) as caught:
        install(
            environment,
            tmp_path,
            "./proj",
            constraints=["helper==1.0"],
            options=IndexOptions(find_links=(str(tmp_path / "wheels"),)),
        )
    assert "could not install" in caught.value.message
    assert "helper" in caught.value.message
    assert caught.value.hint


def test_builds_that_fail(environment: Path, tmp_path: Path) -> None:
    project(tmp_path / "proj", before="raise RuntimeError('no such compiler: gcc')")
    with pytest.raises(PipError) as caught:
        install(
            environment,
            tmp_path,
            "proj @ file:" + str(tmp_path / "proj"),
            log=tmp_path / "logs" / "pip.log",
        )
    assert "RuntimeError: no such compiler: gcc" in caught.value.message
    assert "compiler" in str(caught.value.hint)
    assert caught.value.reference == "pip-failed"


def test_secrets_are_masked(environment: Path, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "pip.log"
    with pytest.raises(PipError) as caught:
        install(
            environment,
            tmp_path,
            "x @ https://me:SECRET@127.0.0.1:9/x-1.tar.gz",
            log=tmp_path / "logs" / "pip.log",
            options=IndexOptions(),
        )
    assert "SECRET" not in caught.value.message
    assert "SECRET" not in log.read_text()


def test_missing_python(tmp_path: Path) -> None:
    project(tmp_path / "proj")
    with pytest.raises(PipError, match="cannot run"):
        install(tmp_path / "no" / "python", tmp_path, "./proj")


def test_constraints_are_the_distributions_that_pip_finds(tmp_path: Path) -> None:
    for folder, name, version in (
        ("torch-2.1+cpu.dist-info/METADATA", "torch", "2.1+CPU"),
        ("Zope.X-1.dist-info/METADATA", "Zope.X", "1.0"),
        ("old.egg-info/PKG-INFO", "old", "0.1"),
        ("odd-1.dist-info/METADATA", "odd", "not a version"),
        ("broken-1.dist-info/METADATA", "", ""),
    ):
        path = tmp_path / folder
        path.parent.mkdir()
        path.write_text(f"Name: {name}\nVersion: {version}\n\ntext")
    (tmp_path / "empty-1.dist-info").mkdir()
    assert installed_constraints(tmp_path) == ["old==0.1", "torch==2.1+cpu", "zope-x==1.0"]


def test_nothing_to_do(tmp_path: Path) -> None:
    install_with_pip(tmp_path / "no" / "python", [], constraints=[], environ={})
