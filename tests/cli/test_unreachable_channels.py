"""conda-forge cannot be reached: said once a day in the same words, and beside what it changes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine
from tests.support.wheels import WheelBuilder

NOTE = "conda-forge cannot be reached: using host and pypi instead"
REASON = "taken from PyPI, because conda-forge cannot be reached"


@pytest.fixture
def apart(minicon: CommandLine, tmp_path: Path) -> CommandLine:
    """Nothing is configured but an index of a few wheels."""
    for name in ("numpi", "xyzzy", "plugh"):
        WheelBuilder(name, "1.0").file(f"{name}.py", "").build(tmp_path / "wheels")
    minicon.set(
        MINICON_CUSTOM_CHANNELS=json.dumps({"conda-forge": "http://127.0.0.1:9"}),
        MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY="false",
        PIP_CONFIG_FILE=os.devnull,
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(tmp_path / "wheels"),
    )
    return minicon


def test_names_that_are_taken_from_pypi_instead_are_said(apart: CommandLine) -> None:
    plan = ("create", "-n", "a", "--dry-run")
    lines = apart(*plan, "python", "numpi", "xyzzy", "plugh").ok().err.splitlines()
    assert f"numpi: {REASON}; did you mean numpy or numba?" in lines
    assert sum(REASON in line for line in lines) == 2
    assert any(
        line in (f"xyzzy and plugh: {REASON}", f"plugh and xyzzy: {REASON}") for line in lines
    )
    for chosen in (("pypi:numpi",), ("-c", "host", "-c", "pypi", "numpi")):
        assert "taken from PyPI" not in apart(*plan, *chosen).ok().err
    assert "pypi; conda-forge cannot be reached" in apart(*plan, "absent").err


def test_a_plan_says_once_that_a_channel_cannot_be_reached(apart: CommandLine) -> None:
    """Where it is the reason of something else, that sentence is enough."""
    plan = ("create", "-n", "a", "--dry-run", "xyzzy")
    for _ in range(2):
        said = [line for line in apart(*plan).ok().err.splitlines() if "cannot" in line]
        assert said == [f"xyzzy: {REASON}"]
    assert apart("search", "xyzzy").ok().err == ""


def test_lock_says_what_is_taken_from_pypi(apart: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    file.write_text("dependencies:\n- python\n- xyzzy\n")
    targets = ("--platform", "linux-64", "--platform", "osx-arm64")
    outcome = apart("lock", "-f", str(file), "-o", str(tmp_path / "pixi.lock"), *targets)
    assert outcome.err.splitlines().count(f"xyzzy: {REASON}") == 1
    assert NOTE not in outcome.err


def test_it_is_said_once_a_day_by_all_commands(apart: CommandLine) -> None:
    again = ("search", "numpi"), ("create", "-n", "a", "--dry-run", "pypi:numpi")
    assert apart(*again[0]).ok().err.splitlines() == [NOTE]
    assert all(NOTE not in apart(*each).ok().err for each in again)
    assert all("cannot" not in apart(*each).ok().err for each in again)
    assert NOTE in apart("search", "absent").err.splitlines()
    assert NOTE in apart("repoquery", "depends", "absent").err.splitlines()


def test_lock_says_it_as_others_do(apart: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    file.write_text("dependencies:\n- python\n- pip:\n  - numpi\n")
    lock = ("lock", "-f", str(file), "-o", str(tmp_path / "pixi.lock"))
    assert apart(*lock).ok().err.splitlines().count(NOTE) == 1
    assert "cannot be reached" not in apart(*lock).ok().err
