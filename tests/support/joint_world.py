"""A recorded world: conda-forge's records and the metadata of wheels, as far as requests read them.

``bench/record_joint_world.py`` records it. It holds only what was read, so it is a world of its
own: what was not read does not exist in it. ``problems_with_wheels`` judges solutions by the
metadata of wheels, with :mod:`packaging` alone.
"""

from __future__ import annotations

import json
import lzma
from functools import cache
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from tests.support.real_channels import virtual_packages
from tests.support.solver_cases import MemoryIndex

from minicon.models.indexes.wheel_index import DistributionFile, Obstacle, Release
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.package_names import NameMap
from minicon.models.records import RepodataRecord
from minicon.pypi.index.releases import best_file
from minicon.pypi.wheels.wheel_tags import WheelTags
from minicon.solver.request import Solution, SolveRequest

FIXTURE = Path(__file__).parent.parent.parent / "fixtures" / "solver" / "joint-world.json.xz"
SUBDIRS = ("linux-64", "noarch")


class RecordedWheels:
    """A WheelIndex over the recorded metadata."""

    def __init__(self, data: dict) -> None:
        self.names = NameMap.built_in()
        self.tags = WheelTags("linux-64", virtual_packages("linux-64"))
        self.needs = data["needs"]
        self._raw = data["projects"]
        self._needs_of: dict[str, int] = {}
        self._releases: dict[str, tuple[Release, ...]] = {}
        self._parsed: dict[int, list[Requirement]] = {}
        self._shared: dict[str, Requirement] = {}

    def releases(self, name: str) -> tuple[Release, ...]:
        found = self._releases.get(name)
        if found is None:
            found = self._releases[name] = tuple(
                Release(
                    name=name,
                    version=Version(version),
                    files=tuple(self._file(*file) for file in files),
                )
                for version, files in self._raw.get(name, ())
            )
        return found

    def _file(self, filename, requires_python, yanked, needs) -> DistributionFile:
        self._needs_of[filename] = needs
        return DistributionFile(
            filename=filename, url=f"file:///{filename}", requires_python=requires_python,
            yanked=bool(yanked),
        )  # fmt: skip

    def file_for(self, release: Release, python_version: str) -> DistributionFile | None:
        minor = ".".join(python_version.split(".")[:2])
        files = [file for file in release.files if not file.yanked]
        return best_file(files, self.tags, python_version, minor)

    def requirements(self, file: DistributionFile) -> list[Requirement]:
        number = self._needs_of[file.filename]
        found = self._parsed.get(number)
        if found is None:
            # As in the real index, releases share the requirements that they have in common.
            for text in self.needs[number]:
                if text not in self._shared:
                    self._shared[text] = Requirement(text)
            found = self._parsed[number] = [self._shared[text] for text in self.needs[number]]
        return found

    def requires_python(self, file: DistributionFile) -> str | None:
        return file.requires_python

    def obstacles(self, name, accepts, python_versions) -> list[Obstacle]:
        return []

    def notes(self, release, file, extras) -> list[str]:
        return []

    def prefetch_requirements(self, files) -> None:
        pass

    def prefetch(self, names, python_version=None) -> None:
        pass

    def python_versions(self, release: Release) -> list[str]:
        return []

    def pypi_name(self, conda_name: str) -> str:
        return self.names.pypi_name(conda_name)

    def conda_names(self, pypi_name: str):
        return self.names.conda_names(pypi_name)

    def record_for(self, release, file, python_version, depends) -> RepodataRecord:
        data = {
            "name": release.name, "version": str(release.version), "build": "pypi_0",
            "build_number": 0, "depends": list(depends),
        }  # fmt: skip
        return RepodataRecord(
            data, channel="pypi", subdir="noarch", fn=file.filename, url=file.url, source="pypi"
        )


class World:
    """The recorded channel and package index."""

    def __init__(self) -> None:
        with lzma.open(FIXTURE, "rt", encoding="utf-8") as stream:
            data = json.load(stream)
        self.wheels = RecordedWheels(data)
        self.indices = [MemoryIndex("conda-forge", subdir) for subdir in SUBDIRS]
        texts = data["texts"]
        for row in data["records"]:
            name, version, build, number, subdir, stamp, depends, constrains = row
            record = {
                "name": name, "version": version, "build": build, "build_number": number,
                "timestamp": stamp, "depends": [texts[position] for position in depends],
                "constrains": [texts[position] for position in constrains],
            }  # fmt: skip
            fn = f"{name}-{version}-{build}.conda"
            self.indices[subdir].records.setdefault(name, []).append(
                RepodataRecord(
                    record,
                    channel="conda-forge",
                    subdir=SUBDIRS[subdir],
                    fn=fn,
                    url=f"file:///{fn}",
                )
            )

    def request(self, texts: list[str], **options) -> SolveRequest:
        """A request for python 3.11 and some packages, ``pypi:…`` ones from PyPI."""
        prefix = "pypi:"
        projects = [text.removeprefix(prefix) for text in texts if text.startswith(prefix)]
        specs = ["python=3.11", *(text for text in texts if not text.startswith(prefix))]
        return SolveRequest(
            specs=tuple(map(MatchSpec, specs)),
            requirements=tuple(map(Requirement, projects)),
            channels=(tuple(self.indices),),
            wheels=self.wheels,
            virtual_packages=tuple(virtual_packages("linux-64")),
            **options,
        )


@cache
def recorded_world() -> World:
    return World()


def environment_of(python_version: str) -> dict[str, str]:
    """The marker variables of a python on linux-64."""
    return {
        **default_environment(), "python_version": ".".join(python_version.split(".")[:2]),
        "python_full_version": python_version, "implementation_version": python_version,
        "implementation_name": "cpython", "platform_python_implementation": "CPython",
        "os_name": "posix", "sys_platform": "linux", "platform_system": "Linux",
        "platform_machine": "x86_64", "platform_release": "", "platform_version": "",
    }  # fmt: skip


def version_or_none(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def problems_with_wheels(world: World, request: SolveRequest, solution: Solution) -> list[str]:
    """What is wrong with the wheels of a solution, by their own metadata."""
    python = next(each for each in solution.records if each.name == "python")
    environment = environment_of(python.version)
    built = {each.name for each in solution.pip_requirements}
    provided: dict[str, list[RepodataRecord]] = {}
    for record in solution.records:
        own = record.name
        name = own if record.source == "pypi" else world.wheels.pypi_name(own)
        provided.setdefault(canonicalize_name(name), []).append(record)
    found = [
        f"{name} comes from {[str(each) for each in records]}"
        for name, records in provided.items()
        if len(records) > 1 and any(each.source == "pypi" for each in records)
    ]
    files = {
        file.filename: file
        for record in solution.records
        if record.source == "pypi"
        for release in world.wheels.releases(record.name)
        for file in release.files
    }
    pending = [(need, "request") for need in request.requirements]
    for record in solution.records:
        if record.source == "pypi":
            file = files[record.fn]
            specifier = SpecifierSet(file.requires_python or "")
            if not specifier.contains(python.version, prereleases=True):
                found.append(f"{record} needs python {specifier}")
            pending += [
                (need, record.name)
                for need in world.wheels.requirements(file)
                if need.marker is None or need.marker.evaluate({**environment, "extra": ""})
            ]
    seen = set()
    for need, parent in pending:  # grows: extras have requirements too
        name = canonicalize_name(need.name)
        if (str(need), parent) in seen or name in built:
            continue
        seen.add((str(need), parent))
        fitting = [
            each
            for each in provided.get(name, [])
            if (version := version_or_none(each.version)) is not None
            and need.specifier.contains(version, prereleases=True)
        ]
        if not fitting:
            there = [str(each) for each in provided.get(name, [])]
            found.append(f"{parent} needs {need}, there is {there}")
        for record in fitting:
            for extra in need.extras:
                pending += [
                    (other, f"{name}[{extra}]")
                    for other in _needs_of_version(world, name, record)
                    if other.marker is not None
                    and other.marker.evaluate({**environment, "extra": canonicalize_name(extra)})
                ]
    return found


def _needs_of_version(world: World, name: str, record: RepodataRecord) -> list[Requirement]:
    for release in world.wheels.releases(name):
        wheels = [file for file in release.files if file.is_wheel]
        same = str(release.version) == record.version and wheels
        if same:
            chosen = [file for file in wheels if file.filename == record.fn] or wheels
            return world.wheels.requirements(chosen[0])
    return []
