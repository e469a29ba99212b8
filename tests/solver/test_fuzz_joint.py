"""Random channels of conda packages and wheels: the joint resolution agrees with a SAT solver."""

from __future__ import annotations

import itertools
import os
import random

import pycosat
import pytest
from packaging.requirements import Requirement
from tests.support.solver_cases import SolverCase
from tests.support.wheel_world import WheelWorld

from minicon.errors import SolveError

WORLDS = int(os.environ.get("MINICON_FUZZ", "1500")) // 4
CHUNKS = 5
MINORS = ("3.11", "3.12")


class JointWorld:
    """The same random packages, for the solver and as plain data."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.case = SolverCase()
        self.wheels = WheelWorld()
        #: (name, version, python minor or None, needs, from a wheel)
        self.things: list[tuple[str, int, str | None, list[tuple[str, str]], bool]] = []
        for minor in MINORS:
            self.case.package("python", f"{minor}.1")
        names = [f"p{number}" for number in range(rng.randrange(3, 7))]
        for name in names:
            where = rng.choice(("conda", "wheel", "both"))
            if where != "wheel":
                self._add_conda(rng, name, names)
            if where != "conda":
                self._add_wheels(rng, name, names)
        conda = sorted({thing[0] for thing in self.things if not thing[4]})
        self.specs = [f"{name}{self._limit(rng)}" for name in conda if rng.random() < 0.4]
        chosen = rng.sample(names, rng.randrange(1, 3))
        self.requirements = [f"{name}{self._limit(rng)}" for name in chosen]
        # Nothing can be requested from both sources.
        self.specs = [text for text in self.specs if not named_by([text]) & set(chosen)]

    @staticmethod
    def _limit(rng: random.Random) -> str:
        return rng.choice(("", f">={rng.randrange(1, 4)}", f"<{rng.randrange(2, 5)}", "!=2"))

    def _needs(self, rng: random.Random, own: str, names: list[str]) -> list[tuple[str, str]]:
        others = [name for name in names if name != own]
        return [(rng.choice(others), self._limit(rng)) for _ in range(rng.choice((0, 1, 1, 2)))]

    def _add_conda(self, rng: random.Random, name: str, names: list[str]) -> None:
        for version in range(1, rng.randrange(2, 5)):
            for minor in rng.sample(MINORS, rng.randrange(1, 3)):
                conda = [
                    each for each in names if any(t[0] == each and not t[4] for t in self.things)
                ]
                needs = [need for need in self._needs(rng, name, names) if need[0] in conda]
                depends = [f"python {minor}.*", *(f"{a} {b}".strip() for a, b in needs)]
                self.case.package(name, str(version), f"py{minor}", depends=depends)
                self.things.append((name, version, minor, needs, False))

    def _add_wheels(self, rng: random.Random, name: str, names: list[str]) -> None:
        for version in range(1, rng.randrange(2, 5)):
            needs = self._needs(rng, name, names)
            pythons = rng.choice((None, ["3.11"], ["3.12"]))
            self.wheels.wheel(
                name, str(version), requires=[a + b for a, b in needs], pythons=pythons
            )
            for minor in pythons or MINORS:
                self.things.append((name, version, minor, needs, True))

    def is_satisfiable(self) -> bool:
        return any(self._is_satisfiable_for(minor) for minor in MINORS)

    def _is_satisfiable_for(self, minor: str) -> bool:
        things = [thing for thing in self.things if thing[2] == minor]

        def fitting(name: str, limit: str, conda_only: bool) -> list[int]:
            accepts = Requirement(f"x{limit}").specifier
            return [
                variable
                for variable, thing in enumerate(things, 1)
                if thing[0] == name
                and accepts.contains(str(thing[1]))
                and not (conda_only and thing[4])
            ]

        clauses = []
        for (i, left), (j, right) in itertools.combinations(enumerate(things, 1), 2):
            if left[0] == right[0]:
                clauses.append([-i, -j])
        for variable, (_, _, _, needs, wheel) in enumerate(things, 1):
            clauses += [[-variable, *fitting(name, limit, not wheel)] for name, limit in needs]
        for text in self.specs:
            requirement = Requirement(text)
            clauses.append(fitting(requirement.name, str(requirement.specifier), True))
        for text in self.requirements:
            requirement = Requirement(text)
            clauses.append(fitting(requirement.name, str(requirement.specifier), False))
        return all(clauses) and (not clauses or pycosat.solve(clauses) != "UNSAT")


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_joint_resolution_agrees_with_a_sat_solver(chunk: int) -> None:
    for seed in range(chunk, WORLDS, CHUNKS):
        world = JointWorld(seed)
        requirements = tuple(Requirement(text) for text in world.requirements)
        try:
            world.case.solve(*world.specs, requirements=requirements, wheels=world.wheels)
            found = True
        except SolveError:
            found = False
        assert found == world.is_satisfiable(), f"seed {seed}: {world.specs} {world.requirements}"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_constraints_apply_to_every_source(chunk: int) -> None:
    for seed in range(chunk, WORLDS, CHUNKS):
        world = JointWorld(seed)
        rng = random.Random(f"limits of {seed}")
        names = sorted({thing[0] for thing in world.things})
        limits = [f"{name}{world._limit(rng)}" for name in rng.sample(names, 2)]
        requirements = tuple(Requirement(text) for text in world.requirements)
        options = {"wheels": world.wheels, rng.choice(("pins", "constraints")): limits}
        try:
            world.case.solve(*world.specs, requirements=requirements, **options)
            found = True
        except SolveError:
            found = False
        accepted = {Requirement(text).name: Requirement(text).specifier for text in limits}
        world.things = [
            thing
            for thing in world.things
            if thing[0] not in accepted or accepted[thing[0]].contains(str(thing[1]))
        ]
        assert found == world.is_satisfiable(), f"seed {seed}: {limits}"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_requests_with_a_condition_reach_pypi(chunk: int) -> None:
    for seed in range(chunk, WORLDS, CHUNKS):
        world = JointWorld(seed)
        rng = random.Random(f"conditions of {seed}")
        conda = {thing[0] for thing in world.things if not thing[4]}
        wheels = sorted({thing[0] for thing in world.things} - conda)
        if not wheels:
            continue
        name, minor = rng.choice(wheels), rng.choice(MINORS)
        limit = world._limit(rng)
        request = f"{name}{limit}[when='python={minor}']"
        requirements = tuple(Requirement(text) for text in world.requirements)
        options = {"wheels": world.wheels, "wheels_for_missing_names": True}
        try:
            world.case.solve("python", *world.specs, request, requirements=requirements, **options)
            found = True
        except SolveError:
            found = False
        other = next(each for each in MINORS if each != minor)
        expected = world._is_satisfiable_for(other)
        world.requirements.append(f"{name}{limit}")
        expected = expected or world._is_satisfiable_for(minor)
        assert found == expected, f"seed {seed}: {request}"


def named_by(texts: list[str]) -> set[str]:
    return {Requirement(text).name for text in texts}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_earlier_requests_still_apply(chunk: int) -> None:
    for seed in range(chunk, WORLDS // 2, CHUNKS):
        world = JointWorld(seed)
        wheels = world.wheels
        *earlier, now = world.requirements if len(world.requirements) > 1 else ("", "p0")
        earlier = [text for text in earlier if text]
        try:
            requirements = tuple(map(Requirement, earlier))
            first = world.case.solve(*world.specs, requirements=requirements, wheels=wheels)
            installed = world.case.installed(*first.records)
        except SolveError:
            continue
        requested_again = named_by([now])
        specs = [text for text in world.specs if not named_by([text]) & requested_again]
        earlier = [text for text in earlier if not named_by([text]) & requested_again]
        minor = next((each.version[:4] for each in first.records if each.name == "python"), None)
        options = {
            "installed": installed, "history": specs, "wheels": wheels,
            "history_requirements": tuple(map(Requirement, earlier)),
        }  # fmt: skip
        try:
            world.case.solve(requirements=(Requirement(now),), **options)
            found = True
        except SolveError:
            found = False
        world.specs, world.requirements = specs, [*earlier, now]
        expected = world._is_satisfiable_for(minor) if minor else world.is_satisfiable()
        assert found == expected, f"seed {seed}: {specs} {earlier}, then {now}"
