"""Captured requests are solved again with the same solution, without their channels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from tests.solver.test_fuzz import random_case
from tests.solver.test_fuzz_joint import JointWorld
from tests.support.joint_requests import CONFLICTS, SATISFIABLE
from tests.support.joint_world import recorded_world
from tests.support.solver_cases import SolverCase
from tests.support.wheel_world import WheelWorld

from minicon.api.plan.solving import replay, solve_captured
from minicon.errors import FileError, SolveError
from minicon.lean_dataclasses import replace
from minicon.solver.capture import capture, captured_request, recording
from minicon.solver.request import SolveRequest
from minicon.solver.solver import CondaSolver


def answer(request: SolveRequest) -> object:
    try:
        solution = CondaSolver().solve(request)
    except SolveError as error:
        return error.message, error.hint
    return [record.to_json() for record in solution.records], dict(solution.hold_backs)


def again(request: SolveRequest) -> SolveRequest:
    return captured_request(json.loads(json.dumps(capture(request))))


@pytest.mark.parametrize("modern", [False, True])
def test_random_requests(modern: bool) -> None:
    for seed in range(100):
        case, specs, options = random_case(seed, modern=modern)
        request = recording(case.request(*specs, **options))
        first = answer(request)
        assert answer(again(request)) == first, f"seed {seed}"


def test_multichannels_are_captured() -> None:
    case = SolverCase("first", "second")
    case.package("lib", "2.0", channel="first")
    lib = case.package("lib", "1.0", channel="second")
    request = case.request("group::lib")
    group = request.specs[0].in_channels(["second", "third"])
    request = recording(replace(request, specs=(group,)))
    assert CondaSolver().solve(request).records == (lib,)
    assert answer(again(request)) == answer(request)


def test_a_capture_has_everything_that_determines_the_solution() -> None:
    case = SolverCase("first", "second")
    case.virtual("__glibc=2.28", "__archspec=1=x86_64_v3")
    old = case.package("lib", "1.0", depends=["__glibc >=2.17"])
    case.package("lib", "2.0", channel="second")
    case.package("tool", "1.0", depends=["lib"])
    request = recording(
        case.request(
            "tool",
            pins=["lib <3"],
            constraints=["lib >=1"],
            history=["lib"],
            installed=case.installed(old),
            exclude_newer=5,
            add_pip=True,
        )
    )
    answer(request)
    found = again(request)
    plain = replace(found, channels=(), installed=())
    assert plain == replace(request, channels=(), installed=())
    assert [each.record for each in found.installed] == [old]


def test_a_capture_is_written_though_the_request_fails(tmp_path: Path) -> None:
    case = SolverCase()
    case.package("lib", "1.0")
    path = tmp_path / "capture.json"
    with pytest.raises(SolveError) as first:
        solve_captured(case.request("lib=2"), path)
    with pytest.raises(SolveError) as second:
        replay(path)
    assert second.value.message == first.value.message
    assert "only lib 1.0 is available" in first.value.message


def test_random_requests_of_wheels() -> None:
    for seed in range(200):
        world = JointWorld(seed)
        request = recording(
            world.case.request(
                *world.specs,
                requirements=tuple(map(Requirement, world.requirements)),
                wheels=world.wheels,
            )
        )
        first = answer(request)
        assert answer(again(request)) == first, f"seed {seed}"


def test_real_requests_of_wheels() -> None:
    world = recorded_world()
    for texts in (*SATISFIABLE[:8], *CONFLICTS[:6]):
        request = recording(world.request(list(texts)))
        first = answer(request)
        assert answer(again(request)) == first, texts


def test_captured_projects_have_no_credentials() -> None:
    world = WheelWorld()
    world.wheel(
        "leaf", "1.0", requires=["lib @ https://me:secret@example.org/lib-1-py3-none-any.whl"]
    )
    case = SolverCase()
    case.package("python", "3.11.1")
    request = recording(case.request(requirements=(Requirement("leaf"),), wheels=world))
    answer(request)
    text = json.dumps(capture(request))
    assert "example.org" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("releases", "leaf", 0, "version"), "one"),
        (("releases", "leaf", 0, "files", 0, "requirements"), ["==="]),
        (("releases", "leaf", 0, "files", 0, "record"), {"data": {"name": 1}, "subdir": "noarch"}),
        (("releases", "leaf", 0, "files", 0, "url"), None),
        (("releases",), []),
    ],
)
def test_damaged_projects_are_rejected(keys: tuple[Any, ...], value: object) -> None:
    world = WheelWorld()
    world.wheel("leaf", "1.0")
    case = SolverCase()
    case.package("python", "3.11.1")
    request = recording(case.request(requirements=(Requirement("leaf"),), wheels=world))
    assert "leaf" in str(answer(request))
    document = json.loads(json.dumps(capture(request)))
    inner = document["projects"]
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    with pytest.raises(FileError):
        captured_request(document)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"minicon_capture": 3}', '{"minicon_capture": 1}', "null"]
)
def test_a_file_that_is_no_capture_is_rejected(tmp_path: Path, text: str) -> None:
    path = tmp_path / "capture.json"
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        replay(path)
    assert caught.value.reference == "invalid-capture"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        replay(tmp_path / "none.json")
