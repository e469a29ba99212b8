"""Random worlds in which conda packages and wheels carry the same projects, under other names too.

Wheels have extras, conda packages limit others (``constrains``), and wheels require what either
source may have. The joint resolution agrees with a SAT solver, and its solutions are judged by
:func:`problems`.
"""

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
from minicon.solver.request import Solution

WORLDS = int(os.environ.get("MINICON_FUZZ", "3000")) // 10
CHUNKS = 5
MINORS = ("3.11", "3.12")
EXTRAS = ("x", "y")


class CarriedWorld:
    """The same random world as the solver sees it and as plain data.

    Attributes:
        packages: (conda name, project, version, minor, dependencies, limits).
        files: (project, version, minor, needs), each need with the extra that it belongs to.
    """

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.projects = [f"p{number}" for number in range(rng.randrange(3, 6))]
        self.conda_names = {name: rng.choice((name, f"c-{name}")) for name in self.projects}
        self.case = SolverCase()
        self.wheels = WheelWorld({conda: name for name, conda in self.conda_names.items()})
        self.packages: list[tuple[str, str, int, str, list[str], list[str]]] = []
        self.files: list[tuple[str, int, str, list[tuple[str, str]]]] = []
        for minor in MINORS:
            self.case.package("python", f"{minor}.1")
        sources = {name: rng.choice(("conda", "wheel", "both", "both")) for name in self.projects}
        self.carried = [name for name in self.projects if sources[name] != "wheel"]
        for name in self.projects:
            if sources[name] != "wheel":
                self._add_packages(name)
            if sources[name] != "conda":
                self._add_wheels(name)
        self.requirements = [self._need("") for _ in range(rng.randrange(1, 3))]
        named = {Requirement(text).name for text in self.requirements}
        self.specs = [
            f"{self.conda_names[name]}{self._limit()}"
            for name in self.carried
            if name not in named and rng.random() < 0.5
        ]

    def _limit(self) -> str:
        rng = self.rng
        return rng.choice(("", f">={rng.randrange(1, 4)}", f"<{rng.randrange(2, 5)}", "!=2"))

    def _need(self, own: str) -> str:
        name = self.rng.choice([each for each in self.projects if each != own])
        extras = self.rng.choice(("", "", "[x]", "[x,y]"))
        return f"{name}{extras}{self._limit()}"

    def _limited(self, names: list[str]) -> list[str]:
        return [f"{each} {self._limit()}".strip() for each in names if self.rng.random() < 0.2]

    def _add_packages(self, name: str) -> None:
        rng, conda = self.rng, self.conda_names[name]
        others = [self.conda_names[each] for each in self.carried if each != name]
        for version in range(1, rng.randrange(2, 5)):
            for minor in rng.sample(MINORS, rng.randrange(1, 3)):
                depends = self._limited(others)
                limits = self._limited(others)
                self.case.package(
                    conda, str(version), f"py{minor}", depends=[f"python {minor}.*", *depends],
                    constrains=limits,
                )  # fmt: skip
                self.packages.append((conda, name, version, minor, depends, limits))

    def _add_wheels(self, name: str) -> None:
        rng = self.rng
        for version in range(1, rng.randrange(2, 5)):
            needs = [
                (self._need(name), rng.choice(("", "", *EXTRAS)))
                for _ in range(rng.choice((0, 1, 2, 3)))
            ]
            pythons = rng.choice((None, ["3.11"], ["3.12"]))
            texts = [text + (f"; extra == '{extra}'" if extra else "") for text, extra in needs]
            self.wheels.wheel(name, str(version), requires=texts, pythons=pythons)
            for minor in pythons or MINORS:
                self.files.append((name, version, minor, needs))

    def is_satisfiable(self) -> bool:
        return any(_Clauses(self, minor).is_satisfiable() for minor in MINORS)


class _Clauses:
    """A world for one python as clauses."""

    def __init__(self, world: CarriedWorld, minor: str) -> None:
        self.world = world
        self.packages = [each for each in world.packages if each[3] == minor]
        self.files = [each for each in world.files if each[2] == minor]
        names = [(name, extra) for name in world.projects for extra in EXTRAS]
        base = len(self.packages) + len(self.files)
        self.extras = {key: base + position for position, key in enumerate(names, 1)}
        self.clauses: list[list[int]] = []

    def is_satisfiable(self) -> bool:
        self._one_source()
        for number, (_, _, _, _, depends, limits) in enumerate(self.packages, 1):
            self.clauses += [[-number, *self._conda(text)] for text in depends]
            for text in limits:
                self.clauses += [[-number, -other] for other in self._excluded(text)]
        for position, (name, version, _, needs) in enumerate(self.files, len(self.packages) + 1):
            same = [
                other
                for other, package in enumerate(self.packages, 1)
                if package[1:3] == (name, version)
            ]
            for text, extra in needs:
                for provider in (position, *same) if extra else (position,):
                    premise = [provider, self.extras[name, extra]] if extra else [provider]
                    self._require(premise, text)
        for text in self.world.specs:
            self.clauses.append(self._conda(str(Requirement(text)).replace(" ", "")))
        for text in self.world.requirements:
            self._require([], text)
        return all(self.clauses) and pycosat.solve(self.clauses) != "UNSAT"

    def _one_source(self) -> None:
        """One candidate of each project at most."""
        things = [package[1] for package in self.packages] + [file[0] for file in self.files]
        pairs = itertools.combinations(enumerate(things, 1), 2)
        self.clauses += [[-i, -j] for (i, one), (j, other) in pairs if one == other]

    def _conda(self, text: str) -> list[int]:
        requirement = Requirement(text)
        return [
            number
            for number, package in enumerate(self.packages, 1)
            if package[0] == requirement.name and requirement.specifier.contains(str(package[2]))
        ]

    def _excluded(self, text: str) -> list[int]:
        """What a limit on a conda package excludes: its other versions, as wheels too."""
        requirement = Requirement(text)
        own = {conda: name for name, conda in self.world.conda_names.items()}[requirement.name]
        things = [(package[1], package[2]) for package in self.packages]
        things += [file[:2] for file in self.files]
        return [
            number
            for number, (name, version) in enumerate(things, 1)
            if name == own and not requirement.specifier.contains(str(version))
        ]

    def _require(self, premise: list[int], text: str) -> None:
        requirement = Requirement(text)
        head = [-each for each in premise]
        accepts = requirement.specifier.contains
        fitting = [
            number
            for number, package in enumerate(self.packages, 1)
            if package[1] == requirement.name and accepts(str(package[2]))
        ]
        fitting += [
            number
            for number, file in enumerate(self.files, len(self.packages) + 1)
            if file[0] == requirement.name and accepts(str(file[1]))
        ]
        self.clauses.append([*head, *fitting])
        for extra in requirement.extras:
            self.clauses.append([*head, self.extras[requirement.name, extra]])


def problems(world: CarriedWorld, solution: Solution) -> list[str]:
    """What is wrong with a solution, by the plain data."""
    python = next(each.version for each in solution.records if each.name == "python")
    minor = python.removesuffix(".1")
    project_of = {conda: name for name, conda in world.conda_names.items()}
    chosen: dict[str, int] = {}
    found: list[str] = []
    for record in solution.records:
        if record.name == "python":
            continue
        name = record.name if record.source == "pypi" else project_of[record.name]
        if name in chosen:
            found.append(f"{name} has two sources")
        chosen[name] = int(record.version)
    pending = list(world.requirements)
    for record in solution.records:
        if record.source == "pypi":
            version = int(record.version)
            file = next(each for each in world.files if each[:3] == (record.name, version, minor))
            pending += [text for text, extra in file[3] if not extra]
    seen = set()
    for text in pending:  # grows
        requirement = Requirement(text)
        version = chosen.get(requirement.name)
        if version is None or not requirement.specifier.contains(str(version)):
            found.append(f"{text} is not met: {version}")
        for extra in requirement.extras:
            key = (requirement.name, extra)
            if key in seen:
                continue
            seen.add(key)
            for file in world.files:
                if file[:3] == (requirement.name, version, minor):
                    pending += [text for text, own in file[3] if own == extra]
    return found


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_sources_of_the_same_projects_agree_with_a_sat_solver(chunk: int) -> None:
    for seed in range(chunk, WORLDS, CHUNKS):
        world = CarriedWorld(seed)
        requirements = tuple(map(Requirement, world.requirements))
        prefer_conda = seed % 3 > 0
        request = f"seed {seed}: {world.specs} {world.requirements}"
        try:
            solution = world.case.solve(
                *world.specs, requirements=requirements, wheels=world.wheels,
                prefer_conda=prefer_conda,
            )  # fmt: skip
        except SolveError:
            solution = None
        assert (solution is not None) == world.is_satisfiable(), request
        assert solution is None or not problems(world, solution), request
