"""Projects: the ways in which a Python project can be provided."""

from __future__ import annotations

import re
from copy import copy

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from minicon.constants import PYPI_CHANNEL
from minicon.errors import PackageError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import replace
from minicon.solver.candidates.candidates import members
from minicon.solver.joint.pypi_constraints import Limits
from minicon.solver.joint.requirements import (
    CondaBuilds,
    InstalledWheel,
    PythonMinor,
    SourceOnly,
    Wheel,
    project_of,
)
from minicon.solver.request import Strategy, UpdatePolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packaging.requirements import Requirement

    from minicon.models.records import RepodataRecord
    from minicon.models.wheel_index import DistributionFile, Release
    from minicon.solver.joint.requirements import Choice, ProjectRequirement
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaSubproblem


#: Builds of python that ordinary CPython wheels do not fit: free-threaded ones, PyPy, GraalPy.
_FOREIGN_BUILD = lazy_pattern(r".*(?:_cp\d+t$|pypy|graalpy)")


class Projects:
    """Looks up conda builds, wheels and source distributions of projects; remembers all answers.

    Attributes:
        minors: The pythons that are possible, best first.
        current: The minor of the python in the latest model of the conda side.
        installed: Records of installed wheels by project.
        limits: What pins and constraints say of projects.
    """

    def __init__(self, request: SolveRequest, side: CondaSubproblem) -> None:
        self._request = request
        self._wheels = request.wheels
        self._source = side.source
        self.limits = Limits(request, side.source)
        self._releases: dict[str, Sequence[Release]] = {}
        self._files: dict[tuple[str, Version, str, bool], DistributionFile | None] = {}
        self._needs: dict[str, Sequence[Requirement]] = {}
        self._broken: set[str] = set()
        self._builds: dict[tuple[str, str], int] = {}
        self.current: str | None = None
        self._moving = self._to_move()
        lowest = request.strategy is Strategy.LOWEST
        self._lowest = self._named() if lowest else frozenset()
        self.minors = self._python_minors(side.possible("python"))
        self.installed: dict[str, RepodataRecord] = {
            canonicalize_name(each.name): each.record
            for each in request.installed
            if each.record.source == "pypi"
        }

    def _to_move(self) -> frozenset[str]:
        """Installed projects that this request is to move to their newest."""
        if self._request.update_policy is UpdatePolicy.UPDATE_ALL:
            return frozenset(canonicalize_name(each.name) for each in self._request.installed)
        return self._named()

    def _named(self) -> frozenset[str]:
        """Projects that this request asks for."""
        request = self._request
        named = [canonicalize_name(requirement.name) for requirement in request.requirements]
        conda = [spec.exact_name for spec in request.specs if spec.exact_name]
        named += [canonicalize_name(name) for name in conda]
        return frozenset([*named, *(project_of(name, request.wheels) for name in conda)])

    def loosened(self, requirement: Requirement) -> Requirement:
        """An earlier requirement; its name and extras only if the environment breaks it already."""
        record = self.installed.get(canonicalize_name(requirement.name))
        version = _pep440(record.version) if record is not None else None
        if version is None or requirement.specifier.contains(version, prereleases=True):
            return requirement
        loose = copy(requirement)
        loose.specifier = SpecifierSet()
        return loose

    def _python_minors(self, domain: int) -> list[PythonMinor]:
        """The pythons that the request leaves possible, best first."""
        table = self._source.candidates("python").table
        allowed: dict[str, int] = {}
        newest: dict[str, str] = {}
        for place in members(domain & self._source.candidates("python").all):
            if _FOREIGN_BUILD.match(table.builds[place]):
                continue
            minor = ".".join(table.versions[place].split(".")[:2])
            allowed[minor] = allowed.get(minor, 0) | 1 << place
            newest.setdefault(minor, table.versions[place])
        return [PythonMinor(text, newest[text], allowed[text]) for text in allowed]

    def ordered_minors(self) -> list[PythonMinor]:
        """All minors, that of the current model's python first."""
        return sorted(self.minors, key=lambda minor: minor.text != self.current)

    def choices(self, name: str, requirements: Sequence[ProjectRequirement]) -> Iterator[Choice]:
        """The ways to meet all requirements on a project, best first.

        Conda builds; what is installed, unless it is to move; wheels for the current python, then
        for others; what only pip can build.
        """
        yield from self._conda_builds(name, requirements)
        kept = self._installed_wheel(name, requirements)
        broken = kept if kept is not None and not self._admits_installed(kept) else None
        if broken is not None:
            kept = None
        if kept is not None and name not in self._moving:
            yield kept
            if self._request.update_policy is UpdatePolicy.FREEZE_INSTALLED:
                return
            # For another python it is another wheel, but need not be another version.
            same = [r for r in self._fitting(name, requirements) if r.version == kept.version]
            yield from self._wheels_of(name, same, None)
        yield from self._wheels_of(name, self._fitting(name, requirements), kept)
        if kept is not None:
            yield kept
        elif broken is not None and name not in self._moving and self.limits.leave(broken):
            yield broken

    def _admits_installed(self, kept: InstalledWheel) -> bool:
        """Whether what is installed may stay: within the limits, or frozen and pinned later."""
        frozen = self._request.update_policy is UpdatePolicy.FREEZE_INSTALLED
        may_stay = frozen and kept.name not in self._moving and self.limits.leave(kept)
        return may_stay or self.limits.admit(kept.name, kept.version)

    def is_within_limits(self, name: str) -> bool:
        """Whether an installed project is what pins and constraints allow."""
        version = _pep440(self.installed[name].version)
        return version is None or self.limits.admit(name, version)

    def _wheels_of(
        self, name: str, releases: Sequence[Release], kept: InstalledWheel | None
    ) -> Iterator[Choice]:
        """Wheels for the current python, then for others, then what only pip can build.

        What is installed comes before a wheel of its version.
        """
        sources: list[Choice] = []
        for minor in self.ordered_minors():
            for release in releases:
                file = self._readable_file(release, minor)
                if kept is not None and kept.version == release.version:
                    yield kept
                if file is not None and file.is_wheel:
                    yield Wheel(name, release.version, minor, release, file)
                elif file is not None:
                    sources.append(SourceOnly(name, release.version, minor))
        yield from sources

    def conda_names(self, name: str) -> list[str]:
        """The conda packages that carry a project, for python, in channels of this request."""
        given = [*self._wheels.conda_names(name)] if self._wheels is not None else []
        names = dict.fromkeys([*given, name, name.replace("-", "_"), name.replace("-", ".")])
        return [each for each in names if self._for_python(each)]

    def needs(self, file: DistributionFile) -> Sequence[Requirement]:
        """What a wheel requires, markers unevaluated."""
        known = self._needs.get(file.url)
        if known is None:
            assert self._wheels is not None
            known = self._needs[file.url] = self._wheels.requirements(file)
            self._announce(known)
        return known

    def _announce(self, needs: Sequence[Requirement]) -> None:
        """Let the index fetch ahead what a wheel just read leads to."""
        assert self._wheels is not None
        names = [canonicalize_name(need.name) for need in needs if "extra" not in str(need.marker)]
        unknown = [each for each in names if each not in self._releases]
        if unknown and self.minors:
            python = self.ordered_minors()[0].version
            self._wheels.prefetch(unknown, python)

    def needs_of_version(
        self, name: str, version: str, minor: PythonMinor
    ) -> Sequence[Requirement]:
        """What some version of a project requires by its wheel; nothing if there is none."""
        for release in self.releases(name):
            if str(release.version) == version:
                file = self._file(release, minor)
                return self.needs(file) if file is not None and file.is_wheel else ()
        return ()

    def python_for(self, wheel: Wheel) -> int:
        """Candidates of python that a wheel is for: its minor, and the patches it requires."""
        return self._fitting_patches(wheel.file, wheel.minor)

    def releases(self, name: str) -> Sequence[Release]:
        """All releases of a project that are old enough, newest first."""
        known = self._releases.get(name)
        if known is None:
            found = self._wheels.releases(name) if self._wheels is not None else ()
            known = self._releases[name] = [self._old_enough(each) for each in found]
        return known

    def _old_enough(self, release: Release) -> Release:
        limit = self._request.age_limits.of(release.name, PYPI_CHANNEL)
        if limit is None:
            return release
        files = tuple(
            file
            for file in release.files
            if file.upload_time is not None and file.upload_time <= limit
        )
        return replace(release, files=files)

    def _for_python(self, conda_name: str) -> int:
        """Those builds of a conda package that depend on python."""
        found = 0
        for name, _, premise in self._source.candidates(conda_name).table.dependencies:
            if name == "python":
                found |= premise
        return found

    def builds_accepted(self, conda_name: str, requirements: Sequence[ProjectRequirement]) -> int:
        """Builds of a conda package for python that all requirements accept."""
        found = self._for_python(conda_name)
        for requirement in requirements:
            if found:
                found &= self._accepted(conda_name, requirement)
        return found

    def _accepted(self, conda_name: str, requirement: ProjectRequirement) -> int:
        if requirement.choice is not None:
            choice = requirement.choice
            is_it = isinstance(choice, CondaBuilds) and choice.conda_name == conda_name
            return choice.allowed if is_it and isinstance(choice, CondaBuilds) else 0
        if requirement.spec is not None:
            return self._source.candidates(conda_name).matching_spec(requirement.spec)
        key = (conda_name, str(requirement.specifier or ""))
        known = self._builds.get(key)
        if known is None:
            known = self._builds[key] = self._accepted_by(conda_name, requirement.specifier)
        return known

    def _accepted_by(self, conda_name: str, specifier: SpecifierSet | None) -> int:
        candidates = self._source.candidates(conda_name)
        if specifier is None or not str(specifier):
            return candidates.all
        answers: dict[str, bool] = {}
        found = 0
        for place, text in enumerate(candidates.table.versions):
            if text not in answers:
                version = _pep440(text)
                answers[text] = version is not None and specifier.contains(version, True)
            if answers[text]:
                found |= 1 << place
        return found

    def _conda_builds(
        self, name: str, requirements: Sequence[ProjectRequirement]
    ) -> Iterator[CondaBuilds]:
        for conda_name in self.conda_names(name):
            allowed = self.builds_accepted(conda_name, requirements)
            if allowed:
                allowed &= self.limits.builds(name, conda_name)
            if allowed:
                texts = dict.fromkeys(each.text for each in requirements if each.choice is None)
                yield CondaBuilds(name, conda_name, allowed, " and ".join(texts))

    def _installed_wheel(
        self, name: str, requirements: Sequence[ProjectRequirement]
    ) -> InstalledWheel | None:
        record = self.installed.get(name)
        version = _pep440(record.version) if record is not None else None
        if record is None or version is None:
            return None
        choice = InstalledWheel(name, version, record)
        return choice if all(meets(each, choice) for each in requirements) else None

    def _fitting(self, name: str, requirements: Sequence[ProjectRequirement]) -> list[Release]:
        """Releases within the limits that all requirements accept, in order of preference."""
        admitted = (r for r in self.releases(name) if self.limits.admit(name, r.version))
        return fitting(admitted, requirements, lowest=name in self._lowest)

    def _file(self, release: Release, minor: PythonMinor) -> DistributionFile | None:
        """The file of a release for a python, if any fits some patch of it."""
        assert self._wheels is not None
        key = _file_key(release, minor)
        if key not in self._files:
            file = self._wheels.file_for(release, minor.version) if release.files else None
            fits = (
                file is not None
                and file.url not in self._broken
                and self._fitting_patches(file, minor)
            )
            self._files[key] = file if fits else None
        return self._files[key]

    def _readable_file(self, release: Release, minor: PythonMinor) -> DistributionFile | None:
        """The same, but only if its requirements can be read; else the next best file."""
        while True:
            file = self._file(release, minor)
            if file is None or not file.is_wheel:
                return file
            try:
                self.needs(file)
            except PackageError:
                self._broken.add(file.url)
                del self._files[_file_key(release, minor)]
            else:
                return file

    def _fitting_patches(self, file: DistributionFile, minor: PythonMinor) -> int:
        if not file.requires_python:
            return minor.allowed
        specifier = lenient_specifier(file.requires_python)
        versions = self._source.candidates("python").table.versions
        found = 0
        for place in members(minor.allowed):
            version = _pep440(versions[place])
            if version is not None and specifier.contains(version, True):
                found |= 1 << place
        return found

    def exists(self, name: str) -> bool:
        """Whether some source knows a project."""
        return bool(self.conda_names(name) or name in self.installed or self.releases(name))


def _file_key(release: Release, minor: PythonMinor) -> tuple[str, Version, str, bool]:
    """Of one release there are two views: as it is, and as if nothing of it was yanked."""
    return (release.name, release.version, minor.text, any(file.yanked for file in release.files))


def meets(requirement: ProjectRequirement, choice: Choice) -> bool:
    """Whether a choice other than conda builds is what a requirement accepts."""
    if requirement.choice is not None:
        return requirement.choice == choice
    return not isinstance(choice, CondaBuilds) and requirement.accepts(choice.version)


def lenient_specifier(text: str) -> SpecifierSet:
    """A requires-python text, old forms such as ``>=3.6.*`` included; nonsense allows all."""
    try:
        return SpecifierSet(re.sub(r"([<>]=?\s*[0-9.]+?)\.\*", r"\1", text))
    except InvalidSpecifier:
        return SpecifierSet()


def _pep440(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def fitting(
    releases: Iterable[Release], requirements: Sequence[ProjectRequirement], *, lowest: bool
) -> list[Release]:
    """Releases that all requirements accept; pre-releases only if asked, or if no others do.

    Args:
        releases: Newest first.
        requirements: On their project.
        lowest: Whether the oldest come first.
    """
    accepted = [each for each in releases if all(_meets(each, r) for r in requirements)]
    if lowest:
        accepted.reverse()
    if any(_pins(each) for each in requirements):
        accepted = [_as_if_not_yanked(release) for release in accepted]
    if any(each.asks_for_prereleases or each.choice for each in requirements):
        return accepted
    return [each for each in accepted if not each.version.is_prerelease] or accepted


def _meets(release: Release, requirement: ProjectRequirement) -> bool:
    if requirement.choice is None:
        return requirement.accepts(release.version)
    choice = requirement.choice
    return isinstance(choice, Wheel | SourceOnly) and choice.version == release.version


def _pins(requirement: ProjectRequirement) -> bool:
    """Whether a requirement names one version, as ``==1.2`` does."""
    return any(
        each.operator in ("==", "===") and not each.version.endswith(".*")
        for each in requirement.specifier or ()
    )


def _as_if_not_yanked(release: Release) -> Release:
    """A release that is wholly yanked may be had by those who name its version (PEP 592)."""
    if not release.files or not all(file.yanked for file in release.files):
        return release
    return replace(release, files=tuple(replace(file, yanked=False) for file in release.files))
