from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from minicon.machine.interpreters.candidates import (
    base_executable,
    candidate_paths,
    is_shim_folder,
    managed_installations,
    registered_installations,
)

posix_only = pytest.mark.skipif(os.name != "posix", reason="makes links and scripts")


def make_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def found(tmp_path: Path, *path: Path, **environ: str) -> list[str]:
    return [
        os.path.relpath(candidate, tmp_path)
        for candidate in candidate_paths(
            environ={"PATH": os.pathsep.join(map(str, path)), **environ}, home=tmp_path
        )
        if candidate.startswith(str(tmp_path))
    ]


@posix_only
def test_path_comes_first_in_its_order(tmp_path: Path) -> None:
    make_program(tmp_path / "b/python3")
    make_program(tmp_path / "a/python3.12")
    make_program(tmp_path / ".pyenv/versions/3.9.1/bin/python3")
    assert found(tmp_path, tmp_path / "b", tmp_path / "a") == [
        "b/python3",
        "a/python3.12",
        ".pyenv/versions/3.9.1/bin/python3",
    ]


@posix_only
def test_one_interpreter_by_many_names_is_one(tmp_path: Path) -> None:
    real = make_program(tmp_path / "a/python3.12")
    (tmp_path / "a/python3").symlink_to("python3.12")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/python").symlink_to(real)
    assert found(tmp_path, tmp_path / "b", tmp_path / "a") == ["a/python3.12"]


@posix_only
def test_shims_and_relative_and_missing_folders_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_program(tmp_path / ".pyenv/shims/python3")
    make_program(tmp_path / "python3")
    monkeypatch.chdir(tmp_path)
    assert found(tmp_path, tmp_path / ".pyenv/shims", Path(), tmp_path / "missing") == []
    assert is_shim_folder("/home/me/.local/share/mise/shims")
    assert not is_shim_folder("/usr/bin")


@posix_only
def test_files_that_cannot_be_run_are_passed_over(tmp_path: Path) -> None:
    make_program(tmp_path / "a/python3").chmod(0o644)
    (tmp_path / "a/python").mkdir()
    (tmp_path / "a/python3.11").symlink_to("nowhere")
    (tmp_path / "a/python3.12").symlink_to("python3.12")
    assert found(tmp_path, tmp_path / "a") == []


@posix_only
def test_version_managers_folders(tmp_path: Path) -> None:
    for folder in (
        ".pyenv/versions/3.9.18",
        ".pyenv/versions/3.10.2",
        ".local/share/uv/python/cpython-3.12.1-linux-x86_64-gnu",
        ".asdf/installs/python/3.11.1",
        ".local/share/mise/installs/python/3.11.2",
        ".rye/py/cpython@3.11.3",
        ".local/share/hatch/pythons/3.12/python",
        "miniforge3",
    ):
        make_program(tmp_path / folder / "bin/python3")
    (tmp_path / ".pyenv/versions/3.10").symlink_to("3.10.2")
    assert [folder.removesuffix("/bin/python3") for folder in found(tmp_path)] == [
        ".pyenv/versions/3.10.2",
        ".pyenv/versions/3.9.18",
        ".local/share/uv/python/cpython-3.12.1-linux-x86_64-gnu",
        ".asdf/installs/python/3.11.1",
        ".local/share/mise/installs/python/3.11.2",
        ".rye/py/cpython@3.11.3",
        ".local/share/hatch/pythons/3.12/python",
        "miniforge3",
    ]


@posix_only
def test_managers_own_variables_move_their_folders(tmp_path: Path) -> None:
    make_program(tmp_path / "elsewhere/versions/3.9.1/bin/python3")
    make_program(tmp_path / "uv/3.12/bin/python3")
    listed = found(
        tmp_path,
        PYENV_ROOT=str(tmp_path / "elsewhere"),
        UV_PYTHON_INSTALL_DIR=str(tmp_path / "uv"),
        ASDF_DATA_DIR="relative",
    )
    assert listed == ["elsewhere/versions/3.9.1/bin/python3", "uv/3.12/bin/python3"]
    assert tmp_path / "miniconda3" in managed_installations({}, tmp_path)


@posix_only
def test_virtual_environments_stand_for_their_base(tmp_path: Path) -> None:
    base = make_program(tmp_path / "base/bin/python3")
    linked, copied, nested = tmp_path / "linked", tmp_path / "copied", tmp_path / "nested"
    (linked / "bin").mkdir(parents=True)
    (linked / "bin/python3").symlink_to(base)
    make_program(copied / "bin/python3")
    make_program(nested / "bin/python3")
    for environment, home in ((linked, base), (copied, base), (nested, copied / "bin/python3")):
        (environment / "pyvenv.cfg").write_text(f"home = {home.parent}\nversion = 3\n")
    for environment in (linked, copied, nested):
        assert base_executable(str(environment / "bin/python3")) == str(base)
    assert found(tmp_path, nested / "bin", copied / "bin") == ["base/bin/python3"]


@posix_only
def test_a_virtual_environment_without_its_base_is_nothing(tmp_path: Path) -> None:
    make_program(tmp_path / "copied/bin/python3")
    (tmp_path / "copied/pyvenv.cfg").write_text(f"home = {tmp_path}/gone\n")
    assert base_executable(str(tmp_path / "copied/bin/python3")) is None
    (tmp_path / "copied/pyvenv.cfg").write_text("no home here\n")
    assert base_executable(str(tmp_path / "copied/bin/python3")) is not None


def test_the_running_python_is_known_by_its_base() -> None:
    running = candidate_paths(environ={}, home=Path("/nonexistent"), running=sys.executable)[0]
    assert Path(running).is_relative_to(sys.base_prefix) or os.path.islink(sys.base_prefix)


def test_windows_registry() -> None:
    install = {
        r"HKCU\Software\Python\PythonCore\3.11\InstallPath": {"": "C:\\P311"},
        r"HKLM\Software\Python\PythonCore\3.9\InstallPath": {
            "": "C:\\P39",
            "ExecutablePath": "C:\\P39\\python.exe",
        },
        r"HKLM\Software\Python\Astral\CPython3.12\InstallPath": {"ExecutablePath": "D:\\u.exe"},
        r"HKLM\Software\Python\PyLauncher\x\InstallPath": {"": "C:\\Windows"},
        r"HKLM\Software\Python\PythonCore\3.8\InstallPath": {},
    }

    def subkeys(key: str) -> set[str]:
        below = [path[len(key) + 1 :] for path in install if path.startswith(key + "\\")]
        return {path.split("\\")[0] for path in below}

    def value(key: str, name: str) -> str | None:
        return install.get(key, {}).get(name)

    assert registered_installations(subkeys, value) == [
        "C:\\P311\\python.exe",
        "D:\\u.exe",
        "C:\\P39\\python.exe",
    ]
