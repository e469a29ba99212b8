"""--satisfied-skip-solve and --constraint: in the solver, and on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.support.command_line import CommandLine, small_channel
from tests.support.solver_cases import SolverCase, versions

from minicon.errors import SolveError
from minicon.solver.request import UpdatePolicy

SKIP = {"update_policy": UpdatePolicy.SATISFIED_SKIP_SOLVE}


def world() -> SolverCase:
    case = SolverCase()
    for version in ("1.0", "2.0"):
        case.package("a", version, depends=["b"])
        case.package("b", version)
    return case


def test_nothing_changes_if_all_specs_are_satisfied() -> None:
    case = world()
    installed = case.installed(*case.solve("a=1", "b=1").records)
    for specs in (["a"], ["a>=1", "b=1.0"], []):
        skipped = case.solve(*specs, installed=installed, **SKIP)
        assert versions(skipped) == {"a": "1.0", "b": "1.0"}
    assert versions(case.solve("a", installed=installed)) == {"a": "2.0", "b": "1.0"}
    again = case.solve("a", installed=installed, history=["b <2"], **SKIP)
    assert again.requested == {"a": ("a",), "b": ("b <2",)}
    assert [reason.parent for reason in again.reasons["b"]] == [None, "a"]


@pytest.mark.parametrize("spec", ["a>=2", "a[extras=[x]]", 'a[when="b"]', "c"])
def test_unsatisfied_specs_are_solved(spec: str) -> None:
    case = world()
    case.package("c", "1.0")
    installed = case.installed(*case.solve("a=1", "b=1").records)
    read = case.indices["main", "noarch"].names_read
    read.clear()
    case.solve(spec, installed=installed, **SKIP)
    assert read


def test_projects_can_be_satisfied_too() -> None:
    case = world()
    project = case.package("Some.Project", "1.5", source="pypi")
    installed = case.installed(project)
    met = case.request(requirements=(Requirement("some-project>=1"),), installed=installed, **SKIP)
    from minicon.solver.result.solution import is_satisfied

    assert is_satisfied(met)
    assert not is_satisfied(
        case.request(requirements=(Requirement("some-project>=2"),), installed=installed, **SKIP)
    )


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    command = CommandLine(tmp_path, monkeypatch, capsys)
    command.set(MINICON_CHANNELS=small_channel(tmp_path / "channel").as_uri())
    return command


def test_no_channel_is_read_if_all_specs_are_satisfied(command: CommandLine) -> None:
    assert command("create -y -n e hello=1.0").code == 0
    command.set(MINICON_CHANNELS="https://127.0.0.1:1/nowhere")
    for flag in ("-S", "--satisfied-skip-solve"):
        outcome = command("install", "-y", "-n", "e", flag, "hello")
        assert outcome.code == 0, outcome.err
        assert "already installed" in outcome.out
    assert command("install -y -n e -S hello>=2").code == 1


def test_constraints_apply_to_installed_packages_only(command: CommandLine) -> None:
    outcome = command("create -d -n e hello --constraint hello<2 --constraint lone>=5")
    assert outcome.code == 0, outcome.err
    assert "1.0" in outcome.out
    assert "lone" not in outcome.out
    outcome = command("create -d -n e hello>=2 --constraint hello<2")
    assert outcome.code == 1
    assert "hello >=2 and the constraint hello <2 cannot be installed together" in outcome.err
    assert "leave the constraint hello <2 out" in outcome.err


def test_constraints_in_the_solver() -> None:
    case = world()
    assert versions(case.solve("a", constraints=["b<2"])) == {"a": "2.0", "b": "1.0"}
    with pytest.raises(SolveError):
        case.solve("a", constraints=["b<1"])
