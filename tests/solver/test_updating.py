"""Updates beyond earlier requests, what they never change, and what is reported instead."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from tests.support.solver_cases import SolverCase, versions
from tests.support.wheel_world import WheelWorld

from minicon.errors import Unsatisfiable
from minicon.models.match_spec.spec import MatchSpec
from minicon.solver.request import UpdatePolicy
from minicon.solver.search.demands import or_newer

EVERYTHING = {"update_policy": UpdatePolicy.UPDATE_ALL}
WITH_DEPENDENCIES = {"update_policy": UpdatePolicy.UPDATE_DEPS}


def held_case() -> SolverCase:
    case = SolverCase()
    for version in ("1.0", "1.5", "2.0"):
        case.package("dep", version)
    case.package("top", "1.0", depends=["dep >=1"])
    case.package("top", "2.0", depends=["dep >=2"])
    case.package("other", "1.0")
    case.package("other", "2.0")
    return case


def test_an_update_goes_beyond_the_versions_that_were_requested_first() -> None:
    case = held_case()
    installed = case.installed(*case.solve("dep=1.0", "top", "other=1").records)
    before = {"installed": installed, "history": ["dep=1.0", "top", "other=1"]}
    found = case.solve(**before, **EVERYTHING)
    assert versions(found) == {"dep": "2.0", "top": "2.0", "other": "2.0"}
    assert found.requested == {"dep": ("dep",), "top": ("top",), "other": ("other",)}

    before["history"] = ["dep=1.0", "other=1"]
    found = case.solve("top", **before, **WITH_DEPENDENCIES)
    assert versions(found) == {"dep": "2.0", "top": "2.0", "other": "1.0"}
    assert found.requested["other"] == ("other 1.*",)
    found = case.solve("top=2", **before, **WITH_DEPENDENCIES)
    assert versions(found)["dep"] == "2.0"

    kept = case.solve("top", **before)
    assert versions(kept) == {"dep": "1.0", "top": "1.0", "other": "1.0"}
    assert "you requested dep 1.0.* earlier" in kept.hold_backs["top"]
    with pytest.raises(Unsatisfiable, match=r"top 2.* and dep 1\.0.*"):
        case.solve("top=2", **before)


def test_an_update_does_not_go_below_what_was_requested() -> None:
    case = SolverCase()
    case.package("lib", "1.0")
    case.package("lib", "2.0")
    case.package("app", "1.0", depends=["lib"])
    case.package("app", "2.0", depends=["lib <2"])
    installed = case.installed(*case.solve("app=1", "lib").records)
    before = {"installed": installed, **EVERYTHING}
    found = case.solve(**before, history=["app", "lib >=2"])
    assert versions(found) == {"app": "1.0", "lib": "2.0"}
    assert "you requested lib >=2 earlier" in found.hold_backs["app"]
    assert versions(case.solve(**before, history=["app", "lib"]))["app"] == "2.0"


@pytest.mark.parametrize(
    ("earlier", "loose"),
    [
        ("dep", "dep"),
        ("dep <2", "dep <2|>1.0"),
        ("c::dep =1.0=py_0", "c::dep 1.0|>1.0"),
        ("dep[md5=d41d8cd98f00b204e9800998ecf8427e]", "dep >=1.0"),
        ("dep >=1[extras=[a],when='x']", "dep >=1|>1.0[extras=[a],when='x']"),
    ],
)
def test_earlier_specs_as_they_apply_to_updates(earlier: str, loose: str) -> None:
    assert or_newer(MatchSpec(earlier), "1.0") == MatchSpec(loose)


def test_what_pins_keep_back_is_reported() -> None:
    case = held_case()
    installed = case.installed(*case.solve("dep=1.0", "top").records)
    before = {"installed": installed, "pins": ["dep <2"]}
    found = case.solve(**before, history=["top"], **EVERYTHING)
    assert versions(found) == {"dep": "1.5", "top": "1.0"}
    assert found.hold_backs == {
        "dep": "dep 1.5, not 2.0: dep <2 is pinned",
        "top": "top 1.0, not 2.0: top 2.0 needs dep >=2; dep <2 is pinned",
    }
    assert "is pinned" in case.solve("dep", **before).hold_backs["dep"]


def test_the_minor_version_of_python_is_reported() -> None:
    case = SolverCase()
    for version in ("3.11.1", "3.12.1"):
        case.package("python", version)
    installed = case.installed(*case.solve("python=3.11").records)
    found = case.solve(installed=installed, history=["python=3.11"], **EVERYTHING)
    assert "keeps its minor version" in found.hold_backs["python"]
    assert found.requested == {"python": ("python 3.11.*",)}


@pytest.mark.parametrize(
    ("earlier", "version"),
    [("tool==1.0", "2.0"), ("tool<2", "2.0"), ("tool~=1.0", "2.0"), ("tool!=2.0", "1.5")],
)
def test_wheels_are_updated_too(earlier: str, version: str) -> None:
    case = SolverCase()
    case.package("python", "3.12.1")
    wheels = WheelWorld()
    wheels.wheel("tool", "1.0")
    options = {"wheels": wheels, "history": ["python"]}
    first = case.solve(requirements=(Requirement("tool==1.0"),), wheels=wheels)
    for each in ("1.5", "2.0"):
        wheels.wheel("tool", each)
    options["installed"] = case.installed(*first.records)
    options["history_requirements"] = (Requirement(earlier),)
    assert versions(case.solve(**options, **EVERYTHING))["tool"] == version
    assert versions(case.solve(**options))["tool"] == "1.0"


def test_named_packages_that_another_requires_are_dependencies() -> None:
    case = held_case()
    assert versions(case.solve("top", "dep", only_deps=True)) == {"dep": "2.0"}
    installed = case.installed(*case.solve("dep=1.0").records)
    found = case.solve("top", "dep", only_deps=True, installed=installed)
    assert versions(found) == {"dep": "2.0"}


def test_packages_in_a_cycle_are_not_dependencies_of_others() -> None:
    case = SolverCase()
    case.package("app", "1.0", depends=["plugin"])
    case.package("plugin", "1.0", depends=["app", "lib"])
    case.package("lib", "1.0")
    assert versions(case.solve("app", "plugin", only_deps=True)) == {"lib": "1.0"}


FROZEN = {"update_policy": UpdatePolicy.FREEZE_INSTALLED}


def test_without_freezing_is_a_fix() -> None:
    case = held_case()
    installed = case.installed(*case.solve("dep=1.0", "other=1").records)
    with pytest.raises(Unsatisfiable) as caught:
        case.solve("top=2", installed=installed, **FROZEN)
    assert "leave --freeze-installed out, so that dep 1.0 may change" in caught.value.hint
    with pytest.raises(Unsatisfiable) as caught:
        case.solve("top=2", installed=installed, history=["dep=1.0"], **FROZEN)
    assert 'add "dep>=2.0" to replace dep 1.0.*' in caught.value.hint
    found = case.solve("top=2", "dep>=2.0", installed=installed, **FROZEN)
    assert versions(found) == {"dep": "2.0", "top": "2.0", "other": "1.0"}


def test_without_freezing_wheels_is_a_fix() -> None:
    case, wheels = SolverCase(), WheelWorld()
    case.package("python", "3.12.1")
    wheels.wheel("lib", "1.0")
    first = case.solve(requirements=(Requirement("lib"),), wheels=wheels)
    wheels.wheel("lib", "2.0")
    wheels.wheel("app", "1.0", requires=["lib>=2"])
    options = {"wheels": wheels, "installed": case.installed(*first.records)}
    with pytest.raises(Unsatisfiable) as caught:
        case.solve(requirements=(Requirement("app"),), **options, **FROZEN)
    assert "leave --freeze-installed out" in caught.value.hint


def test_the_channel_is_why_a_package_is_downgraded() -> None:
    """The channels of the request come before the one that the installed package is from."""
    case = SolverCase("main", "other")
    case.package("lib", "2.0", channel="main")
    case.package("lib", "1.0", channel="other")
    installed = case.installed(*case.solve("lib").records)
    for channels, rest in (
        (("other",), "main, where it came from, is not searched"),
        (("other", "main"), "other, which comes before main"),
    ):
        case.channels = channels
        reason = case.solve("lib", installed=installed).hold_backs["lib"]
        assert reason.startswith("lib 1.0, not 2.0: no newer version is in other")
        assert reason.endswith(rest)
