"""What candidates of projects require: of python, of conda packages and of other projects."""

from __future__ import annotations

from minicon.models.match_spec.spec import parse_dependency
from minicon.models.package_names import normalize_pypi_name
from minicon.models.version import python_minor
from minicon.solver.joint.markers import applies, depends_on_patch, marker_environment
from minicon.solver.joint.requirements import (
    CondaBuilds,
    CondaRequirement,
    ExtraCandidate,
    InstalledWheel,
    ProjectRequirement,
    SourceOnly,
    Wheel,
    project_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packaging.requirements import Requirement

    from minicon.models.indexes.wheel_index import WheelIndex
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.joint.projects import Projects
    from minicon.solver.joint.pythons import PythonMinor
    from minicon.solver.joint.requirements import AnyRequirement, Choice
    from minicon.solver.request import SolveRequest


class CandidateNeeds:
    """Evaluates the requirements of candidates for the python that they are chosen for."""

    def __init__(self, request: SolveRequest, source: CandidateSource, projects: Projects) -> None:
        self._request = request
        self._source = source
        self._projects = projects
        self._environments: dict[str, dict[str, str]] = {}
        self._applying: dict[tuple[int, str, str], tuple[Requirement, bool]] = {}
        self._known: dict[tuple[str, PythonMinor, str], list[AnyRequirement]] = {}

    def of(self, choice: Choice) -> list[AnyRequirement]:
        """The requirements of a candidate of a project."""
        if isinstance(choice, CondaBuilds):
            return [CondaRequirement(choice.conda_name, choice.allowed, choice.text)]
        if isinstance(choice, InstalledWheel):
            return self._of_installed(choice)
        key = (choice.file.url, choice.minor, "")
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._of_file(choice)
        return known

    def of_extra(self, candidate: ExtraCandidate) -> list[AnyRequirement]:
        """The requirements of an extra beyond those of its project."""
        choice = candidate.choice
        file = choice.file.url if isinstance(choice, Wheel) else str(candidate.needs)
        key = (file, candidate.minor, candidate.extra)
        known = self._known.get(key)
        if known is None:
            label = f"{choice.name}[{candidate.extra}]"
            needs = self._evaluated(candidate.needs, candidate.minor, label, candidate.extra)
            known = self._known[key] = [_python_is(candidate.minor, label), *needs]
        return known

    def extra_of(self, choice: Choice, extra: str, minor: PythonMinor) -> ExtraCandidate:
        """An extra of a project that one candidate provides; a conda build by its version."""
        projects = self._projects
        needs: Sequence[Requirement] = ()
        if isinstance(choice, Wheel | SourceOnly):
            needs = projects.needs(choice.file)
        elif isinstance(choice, CondaBuilds):
            candidates = self._source.candidates(choice.conda_name)
            version = candidates.versions_in(choice.allowed)[0]
            needs = projects.needs_of_version(choice.name, version, minor)
        elif isinstance(choice, InstalledWheel):
            needs = projects.needs_of_version(choice.name, str(choice.version), minor)
        return ExtraCandidate(extra, choice, minor, tuple(needs))

    def _of_file(self, wheel: Wheel | SourceOnly) -> list[AnyRequirement]:
        label = f"{wheel.name} {wheel.version}"
        needs = self._projects.needs(wheel.file)
        allowed = self._projects.pythons.supported_by(wheel.file, wheel.minor)
        if any(depends_on_patch(each) for each in needs):
            python = self._source.candidates("python")
            exact = python.table.versions.index(wheel.minor.version)
            allowed = allowed & python.of_version(exact) or allowed
        for_python = CondaRequirement("python", allowed, f"{label} needs python {wheel.minor.text}")
        return [for_python, *self._evaluated(needs, wheel.minor, label)]

    def _of_installed(self, choice: InstalledWheel) -> list[AnyRequirement]:
        """The dependencies in an installed wheel's record, for the python it was installed for."""
        label = f"{choice.name} {choice.version}"
        found: list[AnyRequirement] = []
        python = self._source.candidates("python")
        for text in choice.record.depends:
            spec = parse_dependency(text)
            name = spec.exact_name or ""
            reason = f"{label} needs {text}"
            if name == "python":
                found.append(CondaRequirement("python", python.matching(text), reason))
            elif not name.startswith("__"):
                project = project_of(name, self._request.wheels)
                found.append(ProjectRequirement(project, reason, spec=spec))
        position = self._source.installed_position("python")
        is_built_again = choice.name in self._request.held and not choice.record.url
        if position is not None and not is_built_again:
            minor = python_minor(python.table.versions[position])
            same = python.matching(f"python {minor}.*")
            reason = f"{label} was installed for python {minor}"
            found.append(CondaRequirement("python", same, reason))
        return found

    def _evaluated(
        self, needs: Iterable[Requirement], minor: PythonMinor, label: str, extra: str = ""
    ) -> Iterator[AnyRequirement]:
        """Those requirements of a wheel whose markers are true; for an extra, only its own."""
        environment = self._environments.get(minor.version)
        if environment is None:
            environment = marker_environment(minor.version, self._request.platform)
            self._environments[minor.version] = environment
        for need in needs:
            # Versions of a project mostly share their requirements.
            key = (id(need), minor.version, extra)
            known = self._applying.get(key)
            if known is None:
                is_own = not extra or not applies(need, environment)
                known = (need, is_own and applies(need, environment, extra))
                self._applying[key] = known
            if known[1]:
                yield from project_requirements(need, f"{label} needs {_without_marker(need)}")


def _python_is(minor: PythonMinor, label: str) -> CondaRequirement:
    return CondaRequirement("python", minor.allowed, f"{label} needs python {minor.text}")


def spec_requirements(spec: MatchSpec, wheels: WheelIndex | None) -> Iterator[ProjectRequirement]:
    """A conda spec for PyPI as requirements on the project and on each of its extras."""
    name, text = project_of(spec.exact_name or "", wheels), f"you requested {spec}"
    yield ProjectRequirement(name, text, spec=spec)
    for extra in spec.extras:
        yield ProjectRequirement(name, text, spec=spec, extra=normalize_pypi_name(extra))


def project_requirements(requirement: Requirement, text: str) -> Iterator[ProjectRequirement]:
    """A PEP 508 requirement as requirements on the project and on each of its extras."""
    name = normalize_pypi_name(requirement.name)
    yield ProjectRequirement(name, text, requirement.specifier)
    for extra in sorted(requirement.extras):
        yield ProjectRequirement(
            name, text, requirement.specifier, extra=normalize_pypi_name(extra)
        )


def _without_marker(requirement: Requirement) -> str:
    """A requirement as text, without its marker: ``numpy<2``."""
    return str(requirement).partition(";")[0].strip()
