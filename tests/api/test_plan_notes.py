"""Notes of a plan on where projects come from."""

from __future__ import annotations

from packaging.requirements import Requirement
from tests.support.solver_cases import SolverCase
from tests.support.wheel_world import WheelWorld

from minicon.api.plan.planning import build_notes, channel_notes
from minicon.models.environment_files.pip_requirement import PipRequirement


def test_a_channels_build_instead_of_a_wheel_is_reported() -> None:
    case, wheels = SolverCase(), WheelWorld()
    case.package("python", "3.12.1")
    case.package("numpy", "2.1", depends=["python"])
    case.package("scipy", "1.0", depends=["numpy", "python"])
    wheels.wheel("numpy", "2.2")
    wheels.wheel("httpx", "1.0", requires=["numpy"])
    requirements = (Requirement("numpy>=2"), Requirement("httpx"))
    solution = case.solve("scipy", requirements=requirements, wheels=wheels)
    assert list(channel_notes(requirements, solution)) == [
        "numpy comes from a channel, not from PyPI: scipy depends on numpy 2.1"
    ]
    alone = case.solve(requirements=requirements, wheels=wheels)
    assert list(channel_notes(requirements, alone)) == []


def test_only_projects_without_a_fitting_wheel_are_noted() -> None:
    """A lock or a user who names a repository chose what is built."""
    lines = ("ancient==0.1", "own @ git+https://host.test/own.git@0123")
    notes = list(build_notes([PipRequirement(text=line) for line in lines]))
    assert [note.split()[0] for note in notes] == ["ancient==0.1"]
