"""Candidates of Python projects: conda builds, installed wheels, wheels, source distributions."""

from __future__ import annotations

from copy import copy

from packaging.specifiers import SpecifierSet

from minicon.constants import PYPI_CHANNEL
from minicon.errors import PackageError
from minicon.lean_dataclasses import replace
from minicon.models.package_names import normalize_pypi_name
from minicon.solver.joint.pypi_constraints import PypiConstraints
from minicon.solver.joint.pythons import PythonMinor, Pythons, pep440_version
from minicon.solver.joint.requirements import (
    CondaBuilds,
    InstalledWheel,
    SourceOnly,
    Wheel,
    project_of,
)
from minicon.solver.request import Strategy, UpdatePolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packaging.requirements import Requirement
    from packaging.version import Version

    from minicon.models.indexes import DistributionFile, Release
    from minicon.models.records import RepodataRecord
    from minicon.solver.joint.requirements import Choice, ProjectRequirement
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaSubproblem


class Projects:
    """Finds the candidates of projects; every look-up is made once.

    Attributes:
        pythons: The versions of python that wheels can be chosen for.
        installed: Records of installed wheels by project.
        constraints: Pins and constraints on projects.
    """

    def __init__(self, request: SolveRequest, conda: CondaSubproblem) -> None:
        self._request = request
        self._wheels = request.wheels
        self._source = conda.source
        self.constraints = PypiConstraints(request, conda.source)
        self.pythons = Pythons(conda.source, conda.possible("python"))
        self._releases: dict[str, Sequence[Release]] = {}
        self._files: dict[tuple[str, Version, str, bool], DistributionFile | None] = {}
        self._needs: dict[str, Sequence[Requirement]] = {}
        self._unreadable: set[str] = set()
        self._builds: dict[tuple[str, str], int] = {}
        self._updated = self._to_update()
        lowest = request.strategy is Strategy.LOWEST
        self._lowest = self._requested() if lowest else frozenset()
        self.installed: dict[str, RepodataRecord] = {
            normalize_pypi_name(each.name): each.record
            for each in request.installed
            if each.record.source == "pypi"
        }

    def _to_update(self) -> frozenset[str]:
        """Installed projects that this request updates to their newest version."""
        if self._request.update_policy is UpdatePolicy.UPDATE_ALL:
            return frozenset(normalize_pypi_name(each.name) for each in self._request.installed)
        return self._requested()

    def _requested(self) -> frozenset[str]:
        """Projects that this request names, be it by the name of a conda package."""
        request = self._request
        projects = [normalize_pypi_name(requirement.name) for requirement in request.requirements]
        conda = [spec.exact_name for spec in request.specs if spec.exact_name]
        projects += [normalize_pypi_name(name) for name in conda]
        return frozenset([*projects, *(project_of(name, request.wheels) for name in conda)])

    def exists(self, name: str) -> bool:
        """Whether some source has a project."""
        return bool(self.conda_names(name) or name in self.installed or self.releases(name))

    def loosened(self, requirement: Requirement) -> Requirement:
        """An earlier requirement; without its versions if the installed one breaks it already."""
        record = self.installed.get(normalize_pypi_name(requirement.name))
        version = pep440_version(record.version) if record is not None else None
        if version is None or requirement.specifier.contains(version, prereleases=True):
            return requirement
        loose = copy(requirement)
        loose.specifier = SpecifierSet()
        return loose

    def choices(self, name: str, requirements: Sequence[ProjectRequirement]) -> Iterator[Choice]:
        """The candidates that meet all requirements on a project, best first.

        Order: conda builds; the installed wheel, unless it is to be updated; wheels for the current
        python; wheels for others; source distributions.
        """
        yield from self._conda_builds(name, requirements)
        kept = self._installed_wheel(name, requirements)
        broken = kept if kept is not None and not self._may_stay(kept) else None
        if broken is not None:
            kept = None
        if kept is not None and name not in self._updated:
            yield kept
            if self._request.update_policy is UpdatePolicy.FREEZE_INSTALLED:
                return
            # Another python needs another wheel, which can be of the same version.
            same = [r for r in self._fitting(name, requirements) if r.version == kept.version]
            yield from self._wheels_of(name, same, None)
        yield from self._wheels_of(name, self._fitting(name, requirements), kept)
        if kept is not None:
            yield kept
        elif broken is not None and name not in self._updated and self.constraints.exempt(broken):
            yield broken

    def _may_stay(self, kept: InstalledWheel) -> bool:
        """Whether an installed wheel is allowed, or it is frozen and only a pin forbids it."""
        frozen = self._request.update_policy is UpdatePolicy.FREEZE_INSTALLED
        is_exempt = frozen and kept.name not in self._updated and self.constraints.exempt(kept)
        return is_exempt or self.constraints.allow(kept.name, kept.version)

    def is_allowed(self, name: str) -> bool:
        """Whether pins and constraints allow the installed version of a project."""
        version = pep440_version(self.installed[name].version)
        return version is None or self.constraints.allow(name, version)

    def _wheels_of(
        self, name: str, releases: Sequence[Release], kept: InstalledWheel | None
    ) -> Iterator[Choice]:
        """Wheels for the current python, wheels for others, then source distributions.

        The installed wheel comes before another wheel of its version.
        """
        sources: list[Choice] = []
        for minor in self.pythons.ordered():
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
        """The packages in the request's channels that provide a project and depend on python."""
        given = [*self._wheels.conda_names(name)] if self._wheels is not None else []
        names = dict.fromkeys([*given, name, name.replace("-", "_"), name.replace("-", ".")])
        return [each for each in names if self._for_python(each)]

    def needs(self, file: DistributionFile) -> Sequence[Requirement]:
        """The requirements in a wheel's metadata, markers not evaluated."""
        known = self._needs.get(file.url)
        if known is None:
            assert self._wheels is not None
            known = self._needs[file.url] = self._wheels.requirements(file)
            self._prefetch(known)
        return known

    def _prefetch(self, needs: Sequence[Requirement]) -> None:
        """Let the index fetch the projects that a wheel requires."""
        assert self._wheels is not None
        names = [
            normalize_pypi_name(need.name) for need in needs if "extra" not in str(need.marker)
        ]
        unknown = [each for each in names if each not in self._releases]
        if unknown and self.pythons.minors:
            self._wheels.prefetch(unknown, self.pythons.ordered()[0].version)

    def needs_of_version(
        self, name: str, version: str, minor: PythonMinor
    ) -> Sequence[Requirement]:
        """The requirements of one version of a project; empty if it has no wheel."""
        for release in self.releases(name):
            if str(release.version) == version:
                file = self._file(release, minor)
                return self.needs(file) if file is not None and file.is_wheel else ()
        return ()

    def releases(self, name: str) -> Sequence[Release]:
        """All releases of a project within the age limits, newest first."""
        known = self._releases.get(name)
        if known is None:
            found = self._wheels.releases(name) if self._wheels is not None else ()
            known = self._releases[name] = [self._within_age_limit(each) for each in found]
        return known

    def _within_age_limit(self, release: Release) -> Release:
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
        """Builds of a conda package that depend on python."""
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
            known = self._builds[key] = self._matching(conda_name, requirement.specifier)
        return known

    def _matching(self, conda_name: str, specifier: SpecifierSet | None) -> int:
        """Builds of a conda package whose versions a PEP 440 specifier contains."""
        candidates = self._source.candidates(conda_name)
        if specifier is None or not str(specifier):
            return candidates.all
        is_contained: dict[str, bool] = {}
        found = 0
        for position, text in enumerate(candidates.table.versions):
            if text not in is_contained:
                version = pep440_version(text)
                is_contained[text] = version is not None and specifier.contains(version, True)
            if is_contained[text]:
                found |= 1 << position
        return found

    def _conda_builds(
        self, name: str, requirements: Sequence[ProjectRequirement]
    ) -> Iterator[CondaBuilds]:
        for conda_name in self.conda_names(name):
            allowed = self.builds_accepted(conda_name, requirements)
            if allowed:
                allowed &= self.constraints.builds_allowed(name, conda_name)
            if allowed:
                texts = dict.fromkeys(each.text for each in requirements if each.choice is None)
                yield CondaBuilds(name, conda_name, allowed, " and ".join(texts))

    def _installed_wheel(
        self, name: str, requirements: Sequence[ProjectRequirement]
    ) -> InstalledWheel | None:
        record = self.installed.get(name)
        version = pep440_version(record.version) if record is not None else None
        if record is None or version is None:
            return None
        choice = InstalledWheel(name, version, record)
        return choice if all(meets(each, choice) for each in requirements) else None

    def _fitting(self, name: str, requirements: Sequence[ProjectRequirement]) -> list[Release]:
        """Releases that all requirements and constraints accept, in order of preference."""
        allowed = (r for r in self.releases(name) if self.constraints.allow(name, r.version))
        return _accepted_releases(allowed, requirements, lowest=name in self._lowest)

    def _file(self, release: Release, minor: PythonMinor) -> DistributionFile | None:
        """The best file of a release for a minor version of python; None if none is compatible."""
        assert self._wheels is not None
        key = _file_key(release, minor)
        if key not in self._files:
            file = self._wheels.file_for(release, minor.version) if release.files else None
            is_usable = (
                file is not None
                and file.url not in self._unreadable
                and self.pythons.supported_by(file, minor)
            )
            self._files[key] = file if is_usable else None
        return self._files[key]

    def _readable_file(self, release: Release, minor: PythonMinor) -> DistributionFile | None:
        """The best file of a release whose metadata can be read."""
        while True:
            file = self._file(release, minor)
            if file is None or not file.is_wheel:
                return file
            try:
                self.needs(file)
            except PackageError:
                self._unreadable.add(file.url)
                del self._files[_file_key(release, minor)]
            else:
                return file


def _file_key(release: Release, minor: PythonMinor) -> tuple[str, Version, str, bool]:
    """A release, a python, and whether yanked files count (see :func:`_with_yanked_files`)."""
    return (release.name, release.version, minor.text, any(file.yanked for file in release.files))


def meets(requirement: ProjectRequirement, choice: Choice) -> bool:
    """Whether a candidate other than conda builds meets a requirement."""
    if requirement.choice is not None:
        return requirement.choice == choice
    return not isinstance(choice, CondaBuilds) and requirement.accepts(choice.version)


def _accepted_releases(
    releases: Iterable[Release], requirements: Sequence[ProjectRequirement], *, lowest: bool
) -> list[Release]:
    """Releases that all requirements accept, in the order in which to try them.

    Pre-releases are among them only if a requirement names one, or no other release is accepted.

    Args:
        releases: Releases of one project, newest first.
        requirements: Requirements on the project.
        lowest: Whether to begin with the oldest.
    """
    accepted = [each for each in releases if all(_accepts(r, each) for r in requirements)]
    if lowest:
        accepted.reverse()
    if any(_names_one_version(each) for each in requirements):
        accepted = [_with_yanked_files(release) for release in accepted]
    if any(each.allows_prereleases or each.choice for each in requirements):
        return accepted
    return [each for each in accepted if not each.version.is_prerelease] or accepted


def _accepts(requirement: ProjectRequirement, release: Release) -> bool:
    if requirement.choice is None:
        return requirement.accepts(release.version)
    choice = requirement.choice
    return isinstance(choice, Wheel | SourceOnly) and choice.version == release.version


def _names_one_version(requirement: ProjectRequirement) -> bool:
    """Whether a requirement names one exact version, as ``==1.2`` does."""
    return any(
        each.operator in ("==", "===") and not each.version.endswith(".*")
        for each in requirement.specifier or ()
    )


def _with_yanked_files(release: Release) -> Release:
    """A yanked release can be installed by requirements that name its version (PEP 592)."""
    if not release.files or not all(file.yanked for file in release.files):
        return release
    return replace(release, files=tuple(replace(file, yanked=False) for file in release.files))
