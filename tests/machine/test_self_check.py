from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.support.interpreters import make_facts

from minicon.machine.host_packages.self_check import SelfCheckError, check_portable, check_venv

pytestmark = pytest.mark.skipif(os.name != "posix", reason="makes scripts")


def fake_python(folder: Path, *, broken: tuple[str, ...] = (), **changes: object) -> Path:
    """A script that answers as a python in this folder would."""
    answer = {
        "version": "3.11.7",
        "prefix": str(folder),
        "base_prefix": str(folder),
        "stdlib": f"{folder}/lib/python3.11",
        "libraries": [],
        "broken": list(broken),
        **changes,
    }
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(answer)}\nEND\n")
    python.chmod(0o755)
    return python


def test_working_copy_passes(tmp_path: Path) -> None:
    fake_python(tmp_path / "copy", libraries=[f"{tmp_path}/copy/lib/libpython3.11.so"])
    check_portable(tmp_path / "copy", make_facts(), [])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": "3.11.2"}, "its version is 3.11.2, not 3.11.7"),
        ({"prefix": "/usr"}, "uses /usr, which is outside of it"),
        ({"stdlib": "/usr/lib/python3.11"}, "uses /usr/lib/python3.11"),
        ({"libraries": ["/opt/libpython3.11.so.1.0"]}, "uses /opt/libpython3.11.so.1.0"),
    ],
)
def test_copy_that_leans_on_others_fails(tmp_path: Path, changes: dict, message: str) -> None:
    fake_python(tmp_path, **changes)
    with pytest.raises(SelfCheckError, match=message):
        check_portable(tmp_path, make_facts(), [])


def test_a_folder_whose_name_only_begins_alike_is_another(tmp_path: Path) -> None:
    fake_python(tmp_path / "copy", libraries=[f"{tmp_path}/copy-2/libpython3.11.so"])
    with pytest.raises(SelfCheckError, match="outside of it"):
        check_portable(tmp_path / "copy", make_facts(), [])


def test_modules_that_fail_in_the_original_too_are_no_loss(tmp_path: Path) -> None:
    fake_python(tmp_path / "copy", broken=("_ssl", "_tkinter"))
    original = fake_python(tmp_path / "original", broken=("_tkinter",))
    facts = make_facts(executable=str(original))
    with pytest.raises(SelfCheckError, match=r"cannot import modules: _ssl$"):
        check_portable(tmp_path / "copy", facts, ["_ssl", "_tkinter"])
    original.write_text(original.read_text().replace('["_tkinter"]', '["_tkinter", "_ssl"]'))
    check_portable(tmp_path / "copy", facts, ["_ssl", "_tkinter"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo lib missing >&2; exit 127", "it failed: lib missing"),
        ("exit 9", "exit status 9"),
    ],
)
def test_copy_that_does_not_run(tmp_path: Path, text: str, message: str) -> None:
    fake_python(tmp_path).write_text(f"#!/bin/sh\n{text}\n")
    with pytest.raises(SelfCheckError, match=message):
        check_portable(tmp_path, make_facts(), [])


def test_linked_interpreter_must_see_the_environment(tmp_path: Path) -> None:
    fake_python(tmp_path, base_prefix="/usr", stdlib="/usr/lib/python3.11")
    check_venv(tmp_path, make_facts())
    with pytest.raises(SelfCheckError, match="cannot be run"):
        check_venv(tmp_path / "missing", make_facts())
    fake_python(tmp_path / "other", prefix="/usr")
    with pytest.raises(SelfCheckError, match="its prefix is /usr"):
        check_venv(tmp_path / "other", make_facts())
