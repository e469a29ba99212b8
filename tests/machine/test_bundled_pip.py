"""The wheel of pip that an interpreter brings along, or that there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.command_line import CommandLine
from tests.support.interpreters import machine, make_facts

from minicon.machine.host_packages import bundled_pip as module
from minicon.machine.host_packages.bundled_pip import bundled_pip
from minicon.machine.host_packages.host_index import reason_against_offer
from minicon.machine.interpreters.facts import InterpreterFacts


def test_where_the_wheel_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = make_facts(prefix=str(tmp_path))
    distribution = tmp_path / "share"
    monkeypatch.setattr(module, "_OF_DISTRIBUTIONS", str(distribution))
    own = Path(facts.stdlib) / "ensurepip" / "_bundled"
    own.mkdir(parents=True)
    (own / "setuptools-65.5.0-py3-none-any.whl").touch()
    assert bundled_pip(facts) is None
    distribution.mkdir()
    (distribution / "pip-23.0.1-py3-none-any.whl").touch()
    assert bundled_pip(facts) == str(distribution)
    (own / "pip-24.2-py3-none-any.whl").touch()
    assert bundled_pip(facts) == str(own)


def test_a_python_without_pip_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    minicon = CommandLine(tmp_path, monkeypatch, capsys)
    minicon.set(MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY="true")
    monkeypatch.setattr(module, "bundled_pip", lambda facts: None)
    planned = minicon("create -n a --dry-run -c host python").ok()
    assert "python comes without pip: no source has it" in planned.err
    silent = minicon("create -n a --dry-run --no-deps -c host python").ok()
    assert "without pip" not in silent.err


def test_another_python_keeps_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    minors = sorted({f.minor for f in machine().interpreters if usable(f)})
    if len(minors) < 2:
        pytest.skip("this machine has one python with pip")
    minicon = CommandLine(tmp_path, monkeypatch, capsys)
    minicon.set(MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY="true")
    minicon(f"create -n a -y -c host python={minors[0]}").ok()
    planned = minicon(f"install -n a -d --json -c host python={minors[1]}").ok().json["actions"]
    assert {each["name"] for each in planned["LINK"]} >= {"python", "pip"}


def usable(facts: InterpreterFacts) -> bool:
    offered = reason_against_offer(facts, facts.platform) is None
    return offered and bundled_pip(facts) is not None
