"""Which of two Python projects is older, when not both can be the newest."""

from __future__ import annotations

from packaging.requirements import Requirement
from tests.support.solver_cases import SolverCase, versions
from tests.support.wheel_world import WheelWorld


def two_dependencies(releases: int) -> tuple[SolverCase, WheelWorld]:
    """Tool needs lib and app; so many of app's releases need an older lib."""
    case, wheels = SolverCase(), WheelWorld()
    case.package("python", "3.12.1")
    wheels.wheel("tool", "1.0", requires=["lib", "app"])
    wheels.wheel("lib", "1.0")
    wheels.wheel("lib", "2.0")
    wheels.wheel("app", "0.9")
    for number in range(releases):
        wheels.wheel("app", f"1.{number}", requires=["lib<2"])
    return case, wheels


def solved(case: SolverCase, wheels: WheelWorld, *texts: str, **options) -> dict[str, str]:
    requirements = tuple(map(Requirement, texts))
    solution = case.solve(requirements=requirements, wheels=wheels, **options)
    built = {text.partition("==")[0]: text for text in map(str, solution.pip_requirements)}
    return {**versions(solution), **built}


def test_a_dependency_does_not_exclude_many_releases_of_another() -> None:
    case, wheels = two_dependencies(5)
    assert solved(case, wheels, "tool") == {
        "python": "3.12.1", "tool": "1.0", "lib": "1.0", "app": "1.4",
    }  # fmt: skip


def test_a_dependency_may_exclude_a_few_releases_of_another() -> None:
    case, wheels = two_dependencies(4)
    found = solved(case, wheels, "tool")
    assert (found["lib"], found["app"]) == ("2.0", "0.9")


def test_requested_projects_are_decided_first() -> None:
    case, wheels = two_dependencies(9)
    found = solved(case, wheels, "lib", "tool")
    assert (found["lib"], found["app"]) == ("2.0", "0.9")


def test_what_becomes_required_later_may_take_precedence() -> None:
    case, wheels = two_dependencies(9)
    wheels.wheel("first", "1.0", requires=["lib"])
    wheels.source("second", "1.0", requires=["middle"])  # is read after everything else
    wheels.wheel("middle", "1.0", requires=["app"])
    found = solved(case, wheels, "first", "second")
    assert (found["lib"], found["app"]) == ("1.0", "1.8")


def test_a_dependency_that_limits_a_project_is_right_about_it() -> None:
    case, wheels = SolverCase(), WheelWorld()
    case.package("python", "3.12.1")
    wheels.wheel("tool", "1.0", requires=["client", "transport"])
    wheels.wheel("client", "1.0")
    wheels.wheel("client", "2.0", requires=["transport<2"])
    for number in range(9):
        wheels.wheel("transport", f"1.{number}")
        wheels.wheel("transport", f"2.{number}")
    found = solved(case, wheels, "tool")
    assert (found["client"], found["transport"]) == ("2.0", "1.8")


def test_no_requested_project_is_older_to_avoid_a_build() -> None:
    case, wheels = SolverCase(), WheelWorld()
    case.package("python", "3.12.1")
    wheels.wheel("tool", "2.0", requires=["helper"])
    wheels.wheel("tool", "1.0")
    wheels.source("helper", "1.0")
    assert solved(case, wheels, "tool") == {
        "python": "3.12.1", "tool": "2.0", "helper": "helper==1.0",
    }  # fmt: skip


def test_no_dependency_is_older_to_avoid_a_build() -> None:
    case, wheels = SolverCase(), WheelWorld()
    case.package("python", "3.12.1")
    wheels.wheel("tool", "2.0", requires=["middle"])
    wheels.wheel("middle", "2.0", requires=["helper"])
    wheels.wheel("middle", "1.0")
    wheels.source("helper", "1.0")
    found = solved(case, wheels, "tool")
    assert (found["middle"], found["helper"]) == ("2.0", "helper==1.0")


def test_python_is_older_to_avoid_a_build() -> None:
    case, wheels = SolverCase(), WheelWorld()
    case.package("python", "3.12.1")
    case.package("python", "3.11.1")
    wheels.wheel("tool", "2.0", requires=["middle", "helper"])
    wheels.wheel("middle", "2.0", pythons=["3.12"])
    wheels.wheel("middle", "1.0", pythons=["3.11"])
    wheels.source("helper", "1.0")
    wheels.wheel("helper", "1.0", pythons=["3.11"])
    assert solved(case, wheels, "tool") == {
        "python": "3.11.1", "tool": "2.0", "middle": "1.0", "helper": "1.0",
    }  # fmt: skip
    assert solved(case, wheels, "tool", "middle") == {
        "python": "3.12.1", "tool": "2.0", "middle": "2.0", "helper": "helper==1.0",
    }  # fmt: skip


def test_no_old_release_is_built_to_avoid_a_build() -> None:
    case, wheels = SolverCase(), WheelWorld()
    case.package("python", "3.12.1")
    for number in range(9):
        wheels.source("tool", f"1.{number}", requires=["helper"])
    wheels.source("tool", "0.9")
    wheels.source("helper", "1.0")
    assert solved(case, wheels, "tool") == {
        "python": "3.12.1", "tool": "tool==1.8", "helper": "helper==1.0",
    }  # fmt: skip
    assert wheels.metadata_reads == 2
