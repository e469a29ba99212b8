"""resolvelib drives every solve."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from resolvelib.resolvers import Resolution
from tests.support.solver_cases import SolverCase, versions
from tests.support.wheel_world import WheelWorld

from minicon.solver.joint.requirements import CONDA


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The identifiers that resolvelib resolved, one set per resolution."""
    found: list[set[str]] = []
    resolve = Resolution.resolve

    def counted(self, requirements, max_rounds):
        state = resolve(self, requirements, max_rounds)
        found.append(set(state.mapping))
        return state

    monkeypatch.setattr(Resolution, "resolve", counted)
    return found


def test_channels_alone_are_one_identifier_of_resolvelib(resolved: list[set[str]]) -> None:
    case = SolverCase()
    case.package("a", "1.0", depends=["b"])
    case.package("b", "2.0")
    assert versions(case.solve("a")) == {"a": "1.0", "b": "2.0"}
    assert resolved == [{CONDA}]


def test_projects_are_identifiers_beside_conda(resolved: list[set[str]]) -> None:
    case = SolverCase()
    case.package("python", "3.11.4")
    wheels = WheelWorld()
    wheels.wheel("rich", "13.7.1")
    case.solve("python", requirements=(Requirement("rich"),), wheels=wheels)
    assert resolved == [{CONDA, "pypi:rich"}]
