"""resolvelib's provider for conda packages, wheels and the python that they share.

Every Python project is an identifier beside ``@conda``. A wheel is chosen for one minor version of
python and requires that version of ``@conda``, so its markers are evaluated for the right one::

    @conda ◄──────── python is 3.11.* ──────── pypi:gensim = wheel 4.3.3 for 3.11
       ▲                                             │ needs numpy <2
       └──── numpy is 1.26.4 or older ──── pypi:numpy = conda builds of numpy ◄─┘
"""

from __future__ import annotations

from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import parse_dependency
from minicon.models.package_names import normalize_pypi_name
from minicon.models.version import python_minor
from minicon.solver.joint.conda_provider import CondaProvider
from minicon.solver.joint.equivalent_wheels import EquivalentWheels
from minicon.solver.joint.markers import applies, depends_on_patch, marker_environment
from minicon.solver.joint.projects import Projects, meets
from minicon.solver.joint.requirements import (
    CONDA,
    CondaBuilds,
    CondaCandidate,
    CondaRequirement,
    ExtraCandidate,
    InstalledWheel,
    ProjectRequirement,
    SourceOnly,
    Wheel,
    project_and_extra,
    project_identifier,
    project_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from packaging.requirements import Requirement
    from packaging.version import Version

    from minicon.models.indexes import WheelIndex
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.solver.joint.pythons import PythonMinor
    from minicon.solver.joint.requirements import AnyCandidate, AnyRequirement, Choice
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaSubproblem


class ProjectProvider(CondaProvider):
    """Answers resolvelib's questions about conda packages and Python projects.

    Args:
        request: The request.
        conda: Its conda packages.
        projects: Candidates of projects.
        conditional: Specs with a condition that PyPI has to meet where the condition is met.
    """

    def __init__(
        self,
        request: SolveRequest,
        conda: CondaSubproblem,
        projects: Projects,
        conditional: Sequence[MatchSpec] = (),
    ) -> None:
        super().__init__(conda)
        self._request = request
        self._projects = projects
        self._conditional = conditional
        self._environments: dict[str, dict[str, str]] = {}
        self._equivalent = EquivalentWheels(self._needs_of)

    @property
    def skipped(self) -> Mapping[tuple[str, Version], Collection[Version]]:
        """See :class:`~minicon.solver.joint.requirements.Impossible`."""
        return self._equivalent.skipped

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[AnyRequirement]],
        incompatibilities: Mapping[str, Iterator[AnyCandidate]],
    ) -> Sequence[AnyCandidate] | Callable[[], Iterator[AnyCandidate]]:
        """Candidates that meet all requirements on an identifier, best first."""
        if identifier == CONDA:
            return super().find_matches(identifier, requirements, incompatibilities)
        rejected = list(incompatibilities[identifier])
        wanted = [each for each in requirements[identifier] if isinstance(each, ProjectRequirement)]
        self._equivalent.note(wanted)
        # Not from the requirements: resolvelib also asks about projects without any.
        name, extra = project_and_extra(identifier)
        if extra:
            base = requirements.get(project_identifier(name), iter(()))
            wanted += [each for each in base if isinstance(each, ProjectRequirement)]

        def matches() -> Iterator[AnyCandidate]:
            choices = self._projects.choices(name, wanted)
            if extra:
                found = self._with_extra(choices, extra)
                return (each for each in found if each not in rejected)
            return self._equivalent.worth_trying(choices, rejected)

        return matches

    def is_satisfied_by(self, requirement: AnyRequirement, candidate: AnyCandidate) -> bool:
        """Whether a pinned candidate meets a requirement."""
        if isinstance(requirement, CondaRequirement):
            return super().is_satisfied_by(requirement, candidate)
        assert not isinstance(candidate, CondaCandidate)
        choice = candidate.choice if isinstance(candidate, ExtraCandidate) else candidate
        if isinstance(choice, CondaBuilds):
            accepted = self._projects.builds_accepted(choice.conda_name, [requirement])
            return not choice.allowed & ~accepted
        return meets(requirement, choice)

    def get_dependencies(self, candidate: AnyCandidate) -> Iterable[AnyRequirement]:
        """Requirements of a candidate on other identifiers."""
        found = list(self._dependencies(candidate))
        self._equivalent.note(found)
        return found

    def conda_candidate(self, requirements: Iterable[AnyRequirement]) -> CondaCandidate | None:
        """The best conda packages for some requirements; its python is the current one."""
        candidate = super().conda_candidate(requirements)
        python = candidate.model.record("python") if candidate is not None else None
        if python is not None:
            self._projects.pythons.current = python_minor(python.version)
        return candidate

    def is_same_for_projects(self, one: CondaCandidate, other: CondaCandidate) -> bool:
        """Whether two sets of conda packages require the same projects."""
        return self._of_conda(one) == self._of_conda(other)

    def _dependencies(self, candidate: AnyCandidate) -> Iterable[AnyRequirement]:
        if isinstance(candidate, CondaCandidate):
            return self._of_conda(candidate)
        if isinstance(candidate, ExtraCandidate):
            return self._of_extra(candidate)
        if isinstance(candidate, CondaBuilds):
            return [CondaRequirement(candidate.conda_name, candidate.allowed, candidate.text)]
        excluded = [
            *self._instead_of_conda(candidate),
            *self._projects.constraints.conda_requirements(candidate),
        ]
        if isinstance(candidate, Wheel):
            return [*excluded, *self._of_wheel(candidate)]
        if isinstance(candidate, InstalledWheel):
            return [*excluded, *self._of_installed(candidate)]
        return [*excluded, _python_is(candidate.minor, str(candidate.name))]

    def _of_conda(self, candidate: CondaCandidate) -> list[ProjectRequirement]:
        """Specs whose condition is met, and pip as a wheel."""
        found = self._pip_of(candidate)
        for spec in self._conditional:
            if candidate.meets_condition(spec):
                found += spec_requirements(spec, self._request.wheels)
        return found

    def _pip_of(self, candidate: CondaCandidate) -> list[ProjectRequirement]:
        """Python depends on pip: of a channel (see CandidateSource), or else on its wheel."""
        request = self._request
        has_pip = self._conda.source.candidates("pip").size
        if not request.add_pip or request.wheels is None or has_pip:
            return []
        if "pip" not in self._projects.installed and not self._projects.releases("pip"):
            return []
        if candidate.model.record("python") is None:
            return []
        return [ProjectRequirement("pip", "pip, a dependency of python")]

    def _with_extra(self, choices: Iterable[Choice], extra: str) -> Iterator[ExtraCandidate]:
        for choice in choices:
            if isinstance(choice, Wheel):
                needs = self._projects.needs(choice.file)
                yield ExtraCandidate(extra, choice, choice.minor, tuple(needs))
            elif isinstance(choice, CondaBuilds):
                yield from self._extra_of_builds(choice, extra)
            elif isinstance(choice, SourceOnly):
                yield ExtraCandidate(extra, choice, choice.minor, ())
            else:
                for minor in self._projects.pythons.ordered():
                    needs = self._projects.needs_of_version(choice.name, str(choice.version), minor)
                    yield ExtraCandidate(extra, choice, minor, tuple(needs))

    def _extra_of_builds(self, builds: CondaBuilds, extra: str) -> Iterator[ExtraCandidate]:
        """Extras of conda packages: their requirements are those of the same version's wheel."""
        candidates = self._conda.source.candidates(builds.conda_name)
        for minor in self._projects.pythons.ordered():
            for version in candidates.versions_in(builds.allowed):
                same = candidates.of_version(candidates.table.versions.index(version))
                choice = replace(builds, allowed=builds.allowed & same)
                needs = self._projects.needs_of_version(builds.name, version, minor)
                yield ExtraCandidate(extra, choice, minor, tuple(needs))

    def _of_extra(self, candidate: ExtraCandidate) -> list[AnyRequirement]:
        choice, extra = candidate.choice, candidate.extra
        label = f"{choice.name}[{extra}]"
        itself = ProjectRequirement(choice.name, label, choice=choice)
        python = _python_is(candidate.minor, label)
        return [itself, python, *self._evaluated(candidate.needs, candidate.minor, label, extra)]

    def _of_wheel(self, wheel: Wheel) -> list[AnyRequirement]:
        label = f"{wheel.name} {wheel.version}"
        needs = self._projects.needs(wheel.file)
        allowed = self._projects.pythons.supported_by(wheel.file, wheel.minor)
        if any(depends_on_patch(each) for each in needs):
            python = self._conda.source.candidates("python")
            exact = python.table.versions.index(wheel.minor.version)
            allowed = allowed & python.of_version(exact) or allowed
        for_python = CondaRequirement("python", allowed, f"{label} needs python {wheel.minor.text}")
        return [for_python, *self._evaluated(needs, wheel.minor, label)]

    def _of_installed(self, choice: InstalledWheel) -> list[AnyRequirement]:
        """The dependencies in an installed wheel's record, for the python it was installed for."""
        label = f"{choice.name} {choice.version}"
        found: list[AnyRequirement] = []
        python = self._conda.source.candidates("python")
        for text in choice.record.depends:
            spec = parse_dependency(text)
            name = spec.exact_name or ""
            reason = f"{label} needs {text}"
            if name == "python":
                found.append(CondaRequirement("python", python.matching(text), reason))
            elif not name.startswith("__"):
                project = project_of(name, self._request.wheels)
                found.append(ProjectRequirement(project, reason, spec=spec))
        position = self._conda.source.installed_position("python")
        if position is not None:
            minor = python_minor(python.table.versions[position])
            same = python.matching(f"python {minor}.*")
            reason = f"{label} was installed for python {minor}"
            found.append(CondaRequirement("python", same, reason))
        return found

    def _evaluated(
        self, needs: Iterable[Requirement], minor: PythonMinor, label: str, extra: str = ""
    ) -> Iterator[AnyRequirement]:
        """Those requirements of a wheel, or of an extra of it, whose markers are true."""
        environment = self._environments.get(minor.version)
        if environment is None:
            environment = marker_environment(minor.version, self._request.platform)
            self._environments[minor.version] = environment
        for need in needs:
            if applies(need, environment, extra):
                yield from project_requirements(need, f"{label} needs {_without_marker(need)}")

    def _instead_of_conda(
        self, choice: Wheel | InstalledWheel | SourceOnly
    ) -> list[AnyRequirement]:
        """Each project has one source: conda must not install it too."""
        return [
            CondaRequirement(
                name,
                1 << self._conda.source.candidates(name).size,
                f"{choice.name} comes from PyPI, which excludes conda's {name}",
            )
            for name in self._projects.conda_names(choice.name)
        ]

    def _needs_of(self, wheel: Wheel) -> tuple[int, tuple[str, ...], tuple[CondaRequirement, ...]]:
        """All requirements of a wheel, as a value that can be compared."""
        return (
            self._projects.pythons.supported_by(wheel.file, wheel.minor),
            tuple(sorted(map(str, self._projects.needs(wheel.file)))),
            tuple(self._projects.constraints.conda_requirements(wheel)),
        )


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
