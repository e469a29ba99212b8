"""The wheel of pip that an interpreter brings along, or that there is none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.command_line import CommandLine
from tests.support.interpreters import make_facts

from minicon.api.plan.solving import _python_without_pip
from minicon.machine.host_packages import bundled_pip as module
from minicon.machine.host_packages.bundled_pip import bundled_pip


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


@pytest.mark.parametrize(
    ("installed", "solution", "lacks"),
    [
        ("", "python", True),
        ("python pip", "python", True),  # a wheel belongs to one minor version of python
        ("python", "python", False),  # without pip on purpose
        ("python pip", "python pip", False),
        ("", "tool", False),
    ],
)
def test_when_pip_is_missing(installed: str, solution: str, lacks: bool) -> None:
    def named(text: str) -> tuple[Any, ...]:
        return tuple(SimpleNamespace(name=name) for name in text.split())

    request: Any = SimpleNamespace(no_deps=False, removals=(), installed=named(installed))
    solved: Any = SimpleNamespace(records=named(solution))
    assert (_python_without_pip(request, solved) is not None) is lacks
