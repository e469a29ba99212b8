"""Whether a request over the recorded world can be met at all, by PicoSAT.

Only for requests of python 3.11. One number for each record, each file of a project that python
3.11 can use, and each extra; everything that records and metadata say becomes plain clauses.
"""

from __future__ import annotations

from itertools import pairwise

import pycosat
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.support.joint_world import World, environment_of, version_or_none

from minicon.models.match_spec.spec import MatchSpec
from minicon.models.records import RepodataRecord
from minicon.solver.request import SolveRequest

MINOR = "3.11"


class Oracle:
    """The clauses of one request."""

    def __init__(self, world: World, request: SolveRequest) -> None:
        self._world = world
        self._request = request
        self._clauses: list[list[int]] = []
        self._numbers = 0
        self._packages: dict[str, list[tuple[int, RepodataRecord]]] = {}
        self._wheels: dict[str, list] = {}
        self._extras: dict[tuple[str, str], int] = {}
        self._texts: dict[tuple[str, str], list[int]] = {}
        pythons = [
            record.version
            for index in world.indices
            for record in index.records.get("python", ())
            if record.version.startswith(f"{MINOR}.")
        ]
        self._newest = max(pythons, key=lambda text: int(text.split(".")[2]))
        self._environment = environment_of(self._newest)
        self._virtual = {each.name: each.as_record() for each in request.virtual_packages}

    def is_satisfiable(self) -> bool:
        for spec in self._request.specs:
            self._clauses.append(self._matching(spec.exact_name, str(spec)))
        for requirement in self._request.requirements:
            self._add([], requirement)
        self._clauses.append([number for number, _ in self._named("python")])
        if not all(self._clauses):
            return False
        return pycosat.solve(self._clauses) != "UNSAT"

    def _new(self) -> int:
        self._numbers += 1
        return self._numbers

    def _named(self, name: str) -> list[tuple[int, RepodataRecord]]:
        """The records of a name, with their clauses."""
        known = self._packages.get(name)
        if known is not None:
            return known
        records = [each for index in self._world.indices for each in index.records.get(name, ())]
        known = self._packages[name] = [(self._new(), record) for record in records]
        self._at_most_one([number for number, _ in known])
        for number, record in known:
            for text in record.depends:
                other = MatchSpec(text).exact_name
                if other.startswith("__"):
                    virtual = self._virtual.get(other)
                    if virtual is None or not MatchSpec(text).matches(virtual):
                        self._clauses.append([-number])
                elif name != "python" or other != "pip":
                    self._clauses.append([-number, *self._matching(other, text)])
            for text in record.constrains:
                other = MatchSpec(text).exact_name
                if other.startswith("__"):
                    virtual = self._virtual.get(other)
                    if virtual is not None and not MatchSpec(text).matches(virtual):
                        self._clauses.append([-number])
                    continue
                fitting = set(self._matching(other, text))
                self._clauses += [
                    [-number, -each] for each, _ in self._named(other) if each not in fitting
                ]
        return known

    def _matching(self, name: str, text: str) -> list[int]:
        found = self._texts.get((name, text))
        if found is None:
            spec = MatchSpec(text)
            found = [number for number, record in self._named(name) if spec.matches(record)]
            self._texts[name, text] = found
        return found

    def _at_most_one(self, numbers: list[int]) -> None:
        """A ladder: once one of the numbers is true, no later one is."""
        rungs = [self._new() for _ in numbers]
        self._clauses += [[-number, rung] for number, rung in zip(numbers, rungs, strict=True)]
        self._clauses += [[-one, other] for one, other in pairwise(rungs)]
        self._clauses += [
            [-rung, -number] for rung, number in zip(rungs, numbers[1:], strict=False)
        ]

    def _carriers(self, project: str) -> list[tuple[int, RepodataRecord]]:
        """The records for python that carry a project."""
        names = [*self._world.wheels.conda_names(project), project]
        names += [project.replace("-", "_"), project.replace("-", ".")]
        return [
            (number, record)
            for name in dict.fromkeys(names)
            for number, record in self._named(name)
            if any(text.split()[0] == "python" for text in record.depends)
        ]

    def _files(self, project: str) -> list:
        """Numbers, versions and requirements of a project's files, with their clauses."""
        known = self._wheels.get(project)
        if known is not None:
            return known
        known = self._wheels[project] = []
        for release in self._world.wheels.releases(project):
            file = self._world.wheels.file_for(release, self._newest)
            if file is not None:
                needs = self._world.wheels.requirements(file) if file.is_wheel else []
                known.append((self._new(), release.version, needs))
        numbers = [number for number, _, _ in known]
        self._at_most_one(numbers)
        carriers = self._all_carriers(project)
        self._clauses += [[-wheel, -other] for wheel in numbers for other in carriers]
        python = self._matching("python", f"python {MINOR}.*")
        for number, _, needs in known:
            self._clauses.append([-number, *python])
            for need in needs:
                self._add([number], need)
        return known

    def _all_carriers(self, project: str) -> list[int]:
        names = {record.name for _, record in self._carriers(project)} | {project}
        return [number for name in names for number, _ in self._named(name)]

    def _add(self, premise: list[int], need: Requirement, extra: str = "") -> None:
        """Clauses for: if all of the premise is chosen, then a requirement is met."""
        if need.marker and not need.marker.evaluate({**self._environment, "extra": extra}):
            return
        project = canonicalize_name(need.name)
        head = [-each for each in premise]
        carriers = [
            number
            for number, record in self._carriers(project)
            if (version := version_or_none(record.version)) is not None
            and need.specifier.contains(version, prereleases=True)
        ]
        wheels = [
            number
            for number, version, _ in self._files(project)
            if need.specifier.contains(version, prereleases=True)
        ]
        self._clauses.append([*head, *carriers, *wheels])
        for name in need.extras:
            self._clauses.append([*head, self._extra(project, canonicalize_name(name))])

    def _extra(self, project: str, extra: str) -> int:
        known = self._extras.get((project, extra))
        if known is not None:
            return known
        known = self._extras[project, extra] = self._new()
        by_version = {}
        for number, version, needs in self._files(project):
            by_version[str(version)] = needs
            for need in needs:
                if need.marker is not None and "extra" in str(need.marker):
                    self._add([known, number], need, extra)
        for number, record in self._carriers(project):
            for need in by_version.get(record.version, ()):
                if need.marker is not None and "extra" in str(need.marker):
                    self._add([known, number], need, extra)
        return known
