"""Provider: how resolvelib sees conda packages, wheels and the python they share.

All of conda is one identifier, whose only candidate is the best model of the search core for
all that is demanded of it; every Python project is an identifier of its own. A wheel is chosen
for a python minor and demands that the model has it, so its markers are never stale::

    @conda ◄──────── python is 3.11.* ──────── pypi:gensim = wheel 4.3.3 for 3.11
       ▲                                             │ needs numpy <2
       └──── numpy is 1.26.4 or older ──── pypi:numpy = conda builds of numpy ◄─┘
"""

from __future__ import annotations

from packaging.utils import canonicalize_name
from resolvelib import AbstractProvider

from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import parse_dependency
from minicon.solver.joint.equivalent_wheels import EquivalentWheels
from minicon.solver.joint.markers import applies, depends_on_patch, marker_environment
from minicon.solver.joint.projects import Projects, meets
from minicon.solver.joint.requirements import (
    CONDA,
    CondaBuilds,
    CondaRequirement,
    InstalledWheel,
    Model,
    ProjectRequirement,
    SourceOnly,
    Wheel,
    WithExtra,
    project_and_extra,
    project_identifier,
    project_of,
)
from minicon.solver.search.clauses import Root
from minicon.solver.search.conda_subproblem import domains_of
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import Kind, Origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from packaging.requirements import Requirement

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.wheel_index import WheelIndex
    from minicon.solver.joint.requirements import AnyCandidate, AnyRequirement, Choice, PythonMinor
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaSubproblem

    Base = AbstractProvider[AnyRequirement, AnyCandidate, str]
else:
    Base = AbstractProvider


class Provider(Base):
    """Answers resolvelib's questions about one request.

    Attributes:
        contradictions: What the conda side refused so far, latest last.

    Args of the constructor beside request, conda side and projects: ``conditional`` are specs for
    PyPI that hold under a condition.
    """

    def __init__(
        self,
        request: SolveRequest,
        side: CondaSubproblem,
        projects: Projects,
        conditional: Sequence[MatchSpec] = (),
    ) -> None:
        self._request = request
        self._side = side
        self._projects = projects
        self._conditional = conditional
        self._environments: dict[str, dict[str, str]] = {}
        self.contradictions: list[Contradiction] = []
        self.interchangeable = EquivalentWheels(self._needs_of)

    def _needs_of(self, wheel: Wheel) -> tuple[int, tuple[str, ...], tuple[CondaRequirement, ...]]:
        needs = self._projects.needs(wheel.file)
        demands = tuple(self._projects.limits.demands(wheel))
        return self._projects.python_for(wheel), tuple(sorted(map(str, needs))), demands

    def identify(self, requirement_or_candidate: AnyRequirement | AnyCandidate) -> str:
        """The identifier of a requirement or candidate."""
        return requirement_or_candidate.identifier

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, AnyCandidate],  # noqa: ARG002
        candidates: Mapping[str, Iterator[AnyCandidate]],  # noqa: ARG002
        information: Mapping[str, Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> tuple[bool, bool, bool, str]:
        """Conda first, then what caused trouble, then what the user asked for, then by name."""
        in_trouble = any(cause.requirement.identifier == identifier for cause in backtrack_causes)
        asked = any(each.parent is None for each in information[identifier])
        return (identifier != CONDA, not in_trouble, not asked, identifier)

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[AnyRequirement]],
        incompatibilities: Mapping[str, Iterator[AnyCandidate]],
    ) -> Sequence[AnyCandidate] | Callable[[], Iterator[AnyCandidate]]:
        """Candidates that meet all requirements on an identifier, best first."""
        refused = list(incompatibilities[identifier])
        if identifier == CONDA:
            return [each for each in self.models(requirements[CONDA]) if each not in refused]
        wanted = [each for each in requirements[identifier] if isinstance(each, ProjectRequirement)]
        self.interchangeable.note(wanted)
        # Not from the requirements: resolvelib may ask for what nothing requires any more.
        name, extra = project_and_extra(identifier)
        if extra:
            base = requirements.get(project_identifier(name), iter(()))
            wanted += [each for each in base if isinstance(each, ProjectRequirement)]

        def matches() -> Iterator[AnyCandidate]:
            choices = self._projects.choices(name, wanted)
            if extra:
                found = self._with_extra(choices, extra)
                return (each for each in found if each not in refused)
            return self.interchangeable.worth_trying(choices, refused)

        return matches

    def is_satisfied_by(self, requirement: AnyRequirement, candidate: AnyCandidate) -> bool:
        """Whether a pinned candidate meets a requirement."""
        if isinstance(requirement, CondaRequirement):
            assert isinstance(candidate, Model)
            return not requirement.name or candidate.model.meets(
                requirement.name, requirement.allowed
            )
        assert not isinstance(candidate, Model)
        choice = candidate.choice if isinstance(candidate, WithExtra) else candidate
        if isinstance(choice, CondaBuilds):
            accepted = self._projects.builds_accepted(choice.conda_name, [requirement])
            return not choice.allowed & ~accepted
        return meets(requirement, choice)

    def get_dependencies(self, candidate: AnyCandidate) -> Iterable[AnyRequirement]:
        """What a candidate requires of other identifiers."""
        found = list(self._dependencies(candidate))
        self.interchangeable.note(found)
        return found

    def _dependencies(self, candidate: AnyCandidate) -> Iterable[AnyRequirement]:
        if isinstance(candidate, Model):
            return self._of_model(candidate)
        if isinstance(candidate, WithExtra):
            return self._of_extra(candidate)
        if isinstance(candidate, CondaBuilds):
            return [CondaRequirement(candidate.conda_name, candidate.allowed, candidate.text)]
        excluded = [*self._instead_of_conda(candidate), *self._projects.limits.demands(candidate)]
        if isinstance(candidate, Wheel):
            return [*excluded, *self._of_wheel(candidate)]
        if isinstance(candidate, InstalledWheel):
            return [*excluded, *self._of_installed(candidate)]
        return [*excluded, self._python_is(candidate.minor, str(candidate.name))]

    def models(self, requirements: Iterable[AnyRequirement]) -> list[Model]:
        """The best model for what is demanded, if there is any."""
        roots = [
            Root(each.name, each.allowed, Origin(Kind.WHEEL, each.text))
            for each in requirements
            if isinstance(each, CondaRequirement) and each.name
        ]
        try:
            model = self._side.model(roots)
        except Contradiction as contradiction:
            self.contradictions.append(contradiction)
            return []
        python = model.record("python")
        if python is not None:
            self._projects.current = ".".join(python.version.split(".")[:2])
        return [Model(domains_of(roots), model)]

    def _of_model(self, candidate: Model) -> list[ProjectRequirement]:
        found = self._pip_of(candidate)
        for spec in self._conditional:
            if candidate.holds(spec):
                found += spec_requirements(spec, self._request.wheels)
        return found

    def is_same_for_projects(self, one: Model, other: Model) -> bool:
        """Whether two models require the same projects."""
        return self._of_model(one) == self._of_model(other)

    def _pip_of(self, candidate: Model) -> list[ProjectRequirement]:
        """Python brings pip along: from a channel (see CandidateSource), or as a wheel, if any."""
        request = self._request
        has_pip = self._side.source.candidates("pip").size
        if not request.add_pip or request.wheels is None or has_pip:
            return []
        if "pip" not in self._projects.installed and not self._projects.releases("pip"):
            return []
        if candidate.model.record("python") is None:
            return []
        return [ProjectRequirement("pip", "pip, which python brings along")]

    def _with_extra(self, choices: Iterable[Choice], extra: str) -> Iterator[WithExtra]:
        for choice in choices:
            if isinstance(choice, Wheel):
                yield WithExtra(
                    extra, choice, choice.minor, tuple(self._projects.needs(choice.file))
                )
            elif isinstance(choice, CondaBuilds):
                yield from self._extra_of_builds(choice, extra)
            elif isinstance(choice, SourceOnly):
                yield WithExtra(extra, choice, choice.minor, ())
            else:
                for minor in self._projects.ordered_minors():
                    needs = self._projects.needs_of_version(choice.name, str(choice.version), minor)
                    yield WithExtra(extra, choice, minor, tuple(needs))

    def _extra_of_builds(self, builds: CondaBuilds, extra: str) -> Iterator[WithExtra]:
        """Conda packages know no extras: those of the same version's wheel are taken."""
        candidates = self._side.source.candidates(builds.conda_name)
        for minor in self._projects.ordered_minors():
            for version in candidates.versions_in(builds.allowed):
                same = candidates.of_version(candidates.table.versions.index(version))
                choice = replace(builds, allowed=builds.allowed & same)
                needs = self._projects.needs_of_version(builds.name, version, minor)
                yield WithExtra(extra, choice, minor, tuple(needs))

    def _of_extra(self, candidate: WithExtra) -> list[AnyRequirement]:
        choice, extra = candidate.choice, candidate.extra
        label = f"{choice.name}[{extra}]"
        itself = ProjectRequirement(choice.name, label, choice=choice)
        python = self._python_is(candidate.minor, label)
        return [itself, python, *self._evaluated(candidate.needs, candidate.minor, label, extra)]

    def _of_wheel(self, wheel: Wheel) -> list[AnyRequirement]:
        label = f"{wheel.name} {wheel.version}"
        needs = self._projects.needs(wheel.file)
        allowed = self._projects.python_for(wheel)
        if any(depends_on_patch(each) for each in needs):
            python = self._side.source.candidates("python")
            exact = python.table.versions.index(wheel.minor.version)
            allowed = allowed & python.of_version(exact) or allowed
        for_python = CondaRequirement("python", allowed, f"{label} needs python {wheel.minor.text}")
        return [for_python, *self._evaluated(needs, wheel.minor, label)]

    def _of_installed(self, choice: InstalledWheel) -> list[AnyRequirement]:
        """An installed wheel's record tells what it depends on, for the python it is for."""
        label = f"{choice.name} {choice.version}"
        found: list[AnyRequirement] = []
        python = self._side.source.candidates("python")
        for text in choice.record.depends:
            spec = parse_dependency(text)
            name = spec.exact_name or ""
            reason = f"{label} needs {text}"
            if name == "python":
                found.append(CondaRequirement("python", python.matching(text), reason))
            elif not name.startswith("__"):
                project = project_of(name, self._request.wheels)
                found.append(ProjectRequirement(project, reason, spec=spec))
        position = self._side.source.installed_position("python")
        if position is not None:
            minor = ".".join(python.table.versions[position].split(".")[:2])
            same = python.matching(f"python {minor}.*")
            found.append(CondaRequirement("python", same, f"{label} was installed for {minor}"))
        return found

    def _evaluated(
        self, needs: Iterable[Requirement], minor: PythonMinor, label: str, extra: str = ""
    ) -> Iterator[AnyRequirement]:
        environment = self._environments.get(minor.version)
        if environment is None:
            environment = marker_environment(minor.version, self._request.platform)
            self._environments[minor.version] = environment
        for need in needs:
            if applies(need, environment, extra):
                yield from project_requirements(need, f"{label} needs {without_marker(need)}")

    def _instead_of_conda(
        self, choice: Wheel | InstalledWheel | SourceOnly
    ) -> list[AnyRequirement]:
        """One project, one source: conda must not bring it too."""
        return [
            CondaRequirement(
                name,
                1 << self._side.source.candidates(name).size,
                f"{choice.name} comes from PyPI, so conda's {name} must not be there",
            )
            for name in self._projects.conda_names(choice.name)
        ]

    @staticmethod
    def _python_is(minor: PythonMinor, label: str) -> CondaRequirement:
        return CondaRequirement("python", minor.allowed, f"{label} needs python {minor.text}")


def spec_requirements(spec: MatchSpec, wheels: WheelIndex | None) -> Iterator[ProjectRequirement]:
    """A spec that PyPI is to meet as requirements on the project and on each of its extras."""
    name, text = project_of(spec.exact_name or "", wheels), f"you asked for {spec}"
    yield ProjectRequirement(name, text, spec=spec)
    for extra in spec.extras:
        yield ProjectRequirement(name, text, spec=spec, extra=canonicalize_name(extra))


def project_requirements(requirement: Requirement, text: str) -> Iterator[ProjectRequirement]:
    """A PEP 508 requirement as requirements on the project and on each of its extras."""
    name = canonicalize_name(requirement.name)
    yield ProjectRequirement(name, text, requirement.specifier)
    for extra in sorted(requirement.extras):
        yield ProjectRequirement(name, text, requirement.specifier, extra=canonicalize_name(extra))


def without_marker(requirement: Requirement) -> str:
    """A requirement as text, its marker left out: ``numpy<2``."""
    return str(requirement).partition(";")[0].strip()
