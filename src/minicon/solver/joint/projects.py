"""Candidates of Python projects: conda builds, installed wheels, wheels, source distributions."""

from __future__ import annotations

from copy import copy

from packaging.specifiers import SpecifierSet

from minicon.constants import PYPI_CHANNEL
from minicon.errors import PackageError
from minicon.models.package_names import normalize_pypi_name
from minicon.solver.candidates.candidate_table import WHEELS
from minicon.solver.joint.markers import applies, marker_environment
from minicon.solver.joint.pypi_constraints import PypiConstraints
from minicon.solver.joint.pythons import PythonMinor, Pythons, pep440_version
from minicon.solver.joint.releases import around, before, versions_named, within
from minicon.solver.joint.requirements import (
    CondaBuilds,
    InstalledWheel,
    without_upper_bounds,
)
from minicon.solver.joint.updated_projects import requested_projects, updated_projects
from minicon.solver.request import Strategy, UpdatePolicy
from minicon.solver.search.demands import by_name, or_newer
from minicon.solver.search.search import UndecidedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packaging.requirements import Requirement
    from packaging.version import Version

    from minicon.models.indexes.wheel_index import DistributionFile, Release
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import RepodataRecord
    from minicon.solver.joint.requirements import Choice, ProjectRequirement
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaSubproblem


#: Minor versions of python that an explanation considers beside those that a request allows.
_PYTHONS = 5
#: Source distributions of one project whose metadata may be read.
_SOURCES = 5


class Projects:
    """Finds the candidates of projects; every look-up is made once.

    Attributes:
        pythons: The versions of python that wheels can be chosen for.
        installed: Records of installed wheels by project.
        updated: Installed projects that this request updates to their newest version.
        lowest: Projects of which the oldest version is wanted.
        constraints: Pins and constraints on projects.
    """

    def __init__(self, request: SolveRequest, conda: CondaSubproblem) -> None:
        self._request = request
        self._wheels = request.wheels
        self._source = conda.source
        self.constraints = PypiConstraints(request, conda.source)
        self.pythons = Pythons(conda.source, conda.possible("python"), request.wheels)
        self._is_widened = False
        self._releases: dict[str, Sequence[Release]] = {}
        self._files: dict[tuple[str, Version, str, bool], DistributionFile | None] = {}
        self._needs: dict[str, Sequence[Requirement]] = {}
        self._unreadable: set[str] = set()
        self._builds: dict[tuple[str, str], int] = {}
        self.updated = updated_projects(request)
        lowest = request.strategy is Strategy.LOWEST
        self.lowest = requested_projects(request) if lowest else frozenset()
        self._prereleases: set[str] = set()
        self._exact: set[tuple[str, Version]] = set()
        self._sources: dict[str, set[str]] = {}
        self._noted_prereleases: set[str] = set()
        self._noted_exact: set[tuple[str, Version]] = set()
        self.installed: dict[str, RepodataRecord] = {
            normalize_pypi_name(each.name): each.record
            for each in request.installed
            if each.record.source == "pypi"
        }

    def exists(self, name: str) -> bool:
        """Whether some source has a project."""
        return bool(self.conda_names(name) or name in self.installed or self.releases(name))

    def loosened(self, requirement: Requirement) -> Requirement:
        """An earlier requirement; without its versions if the installed one breaks it already.

        If the project is updated, it still says which versions are too old.
        """
        name = normalize_pypi_name(requirement.name)
        record = self.installed.get(name)
        version = pep440_version(record.version) if record is not None else None
        if version is None:
            return requirement
        loose = copy(requirement)
        if not requirement.specifier.contains(version, prereleases=True):
            loose.specifier = SpecifierSet()
        elif name in self.updated:
            loose.specifier = without_upper_bounds(requirement.specifier, version)
        return loose

    def loosened_spec(self, spec: MatchSpec, installed: RepodataRecord) -> MatchSpec:
        """The same for an earlier spec that a wheel meets."""
        if spec.version is not None and not spec.version.contains(installed.version):
            return by_name(spec)
        if normalize_pypi_name(installed.name) in self.updated:
            return or_newer(spec, installed.version)
        return spec

    def may_stay(self, kept: InstalledWheel) -> bool:
        """Whether an installed wheel is allowed, or it is frozen and only a pin forbids it."""
        frozen = self._request.update_policy is UpdatePolicy.FREEZE_INSTALLED
        is_exempt = frozen and kept.name not in self.updated and self.constraints.exempt(kept)
        return is_exempt or self.constraints.allow(kept.name, kept.version)

    def is_allowed(self, name: str) -> bool:
        """Whether pins and constraints allow the installed version of a project."""
        version = pep440_version(self.installed[name].version)
        return version is None or self.constraints.allow(name, version)

    def conda_names(self, name: str) -> list[str]:
        """The packages in the request's channels that provide a project and depend on python."""
        return [each for each in self.names_in_channels(name) if self._for_python(each)]

    def excluded_by_wheel(self, name: str) -> list[str]:
        """The conda packages that cannot be installed beside a wheel of a project.

        They are those that provide it, and one of the same name, whatever it contains: brotli of
        conda-forge is no python package, and brotli-python has the project.
        """
        record = self.installed.get(name)
        own = {name} if record is None else {name, record.name}
        return list(dict.fromkeys([*self.conda_names(name), *sorted(own)]))

    def names_in_channels(self, name: str) -> list[str]:
        """The names that packages which carry a project may have."""
        given = [*self._wheels.conda_names(name)] if self._wheels is not None else []
        return list(dict.fromkeys([*given, name, name.replace("-", "_"), name.replace("-", ".")]))

    def needs(self, file: DistributionFile) -> Sequence[Requirement]:
        """The requirements in a wheel's metadata, markers not evaluated."""
        known = self._needs.get(file.url)
        if known is None:
            assert self._wheels is not None
            known = self._needs[file.url] = self._wheels.requirements(file)
            self._prefetch(known)
        return known

    def _prefetch(self, needs: Sequence[Requirement]) -> None:
        """Let the index fetch the projects that a wheel requires, and no conda package provides."""
        if not self.pythons.minors:
            return
        assert self._wheels is not None
        version = self.pythons.minors[0].version
        environment = marker_environment(version, self._request.platform)
        own = [each for each in needs if "extra" not in str(each.marker)]
        names = {normalize_pypi_name(each.name) for each in own if applies(each, environment)}
        unknown = [each for each in sorted(names) if each not in self._releases]
        if self._request.prefer_conda:
            unknown = [each for each in unknown if not self.conda_names(each)]
        if unknown:
            self._wheels.prefetch(unknown, version)

    def announce(self, offers: Iterable[tuple[Release, PythonMinor]]) -> None:
        """Let the index fetch what wheels require that may be tried next."""
        assert self._wheels is not None
        files = [self._file(release, minor) for release, minor in offers]
        self._wheels.prefetch_requirements([f for f in files if f is not None and f.is_wheel])

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
            limit = self._request.age_limits.of(name, PYPI_CHANNEL)
            if limit is not None:
                found = [before(release, limit) for release in found]
            known = self._releases[name] = found
        return known

    def note(self, requirement: ProjectRequirement) -> None:
        """Remember that a requirement names a pre-release, or exactly one version."""
        name = requirement.name
        if requirement.allows_prereleases and name not in self._prereleases:
            self._noted_prereleases.add(name)
        for each in versions_named(requirement):
            if (name, each) not in self._exact:
                self._noted_exact.add((name, each))

    def adopt(self) -> set[str]:
        """Accept what was noted for every requirement.

        Returns:
            The projects of which releases that are known so far are accepted from now on.

        Whether a requirement accepts pre-releases and yanked releases depends on the others.
        """
        early, exact = self._noted_prereleases, self._noted_exact
        noted = {
            name
            for name in early | {name for name, _ in exact}
            for release in self._releases.get(name, ())
            if (name in early and release.version.is_prerelease)
            or (release.is_yanked and (name, release.version) in exact)
        }
        self._prereleases |= self._noted_prereleases
        self._exact |= self._noted_exact
        self._noted_prereleases.clear()
        self._noted_exact.clear()
        return noted

    def widen(self) -> bool:
        """Consider pythons that the request excludes too; False if that are no more.

        Only explanations need them: a conflict may be about python or not.
        """
        before = {minor.text for minor in self.pythons.minors}
        everything = Pythons(self._source, self._source.candidates("python").all)
        newest = everything.minors[:_PYTHONS]
        wide = [each for each in everything.minors if each in newest or each.text in before]
        if self._is_widened or len(wide) == len(before):
            return False
        self._is_widened = True
        self.pythons.minors = wide
        return True

    def reluctance(self, release: Release, kept: InstalledWheel | None) -> tuple[bool, bool, bool]:
        """Releases with lower values are tried first; see :meth:`adopt`."""
        is_early = release.version.is_prerelease and release.name not in self._prereleases
        other = kept is not None and kept.version != release.version
        return (other, release.is_yanked, is_early)

    def accepted(self, name: str, requirement: ProjectRequirement) -> list[Release]:
        """The releases of a project that a requirement accepts, newest first.

        Pre-releases are among them only if a requirement names one, or if no other release is
        accepted; yanked releases only if a requirement names exactly this version (PEP 592).
        """
        named = versions_named(requirement)
        releases = self.releases(name)
        if named:
            releases = [*around(releases, named[0])]
        if requirement.spec is not None or requirement.specifier is None:
            found = [each for each in releases if requirement.accepts(each.version)]
        else:
            found = [*within(releases, requirement.specifier)]
        if not named:
            found = [r for r in found if not r.is_yanked or (name, r.version) in self._exact]
        if requirement.allows_prereleases or name in self._prereleases:
            return found
        return [each for each in found if not each.version.is_prerelease] or found

    def _for_python(self, conda_name: str) -> int:
        """Builds of a conda package that depend on python."""
        found = 0
        for name, _, premise in self._source.candidates(conda_name).table.dependencies:
            if name == "python":
                found |= premise
        return found

    def builds_accepted(
        self, name: str, conda_name: str, requirements: Sequence[ProjectRequirement]
    ) -> int:
        """Builds of a conda package for python that all requirements on a project accept."""
        found = self._for_python(conda_name) & self.constraints.builds_allowed(name, conda_name)
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

    def installed_wheel(self, name: str) -> InstalledWheel | None:
        """The installed wheel of a project; None if there is none, or its version is invalid."""
        record = self.installed.get(name)
        version = pep440_version(record.version) if record is not None else None
        return None if record is None or version is None else InstalledWheel(name, version, record)

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

    def readable_file(
        self, release: Release, minor: PythonMinor, *, is_source: bool
    ) -> DistributionFile | None:
        """The best file of a release whose metadata can be read, if it is of the given kind.

        The metadata of a source distribution may have to be built, so it is read only if wanted.
        """
        while True:
            file = self._file(release, minor)
            if file is None or file.is_wheel == is_source:
                return None
            if is_source and file.wheel is None:
                self._count_source(release.name, file)
            try:
                self.needs(file)
            except PackageError:
                self._unreadable.add(file.url)
                del self._files[_file_key(release, minor)]
            else:
                return file

    def states_nothing(self, release: Release, minor: PythonMinor) -> bool:
        """Whether only a source distribution contains what a release requires."""
        file = self._file(release, minor)
        return file is not None and not file.is_wheel and file.wheel is None

    def _count_source(self, name: str, file: DistributionFile) -> None:
        """Count the source distributions of a project whose metadata is read.

        Raises:
            UndecidedError: There are too many; often each has to be downloaded and built.
        """
        read = self._sources.setdefault(name, set())
        if len(read | {file.url}) > _SOURCES:
            raise UndecidedError(f"reading {_SOURCES} source distributions", [f"{WHEELS}[{name}]"])
        read.add(file.url)


def _file_key(release: Release, minor: PythonMinor) -> tuple[str, Version, str, bool]:
    """A release, a python, and whether yanked files count (:func:`with_yanked_files`)."""
    return (release.name, release.version, minor.text, any(file.yanked for file in release.files))


def meets(requirement: ProjectRequirement, choice: Choice) -> bool:
    """Whether a candidate other than conda builds meets a requirement."""
    if requirement.choice is not None:
        return requirement.choice == choice
    return not isinstance(choice, CondaBuilds) and requirement.accepts(choice.version)
