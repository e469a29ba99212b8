"""The part of a request that concerns PyPI: what resolvelib is to resolve, and the outcome."""

from __future__ import annotations

from typing import NamedTuple, cast

from minicon.errors import PackageNotFound
from minicon.models.environment_files.pip_requirement import PipRequirement
from minicon.models.package_names import normalize_pypi_name
from minicon.solver.candidates.missing_names import no_projects
from minicon.solver.joint.markers import applies, marker_environment
from minicon.solver.joint.project_provider import (
    ProjectProvider,
    project_requirements,
    spec_requirements,
)
from minicon.solver.joint.projects import Projects
from minicon.solver.joint.requirements import (
    CONDA,
    CondaRequirement,
    ProjectRequirement,
    Resolved,
    SourceOnly,
    project_of,
)
from minicon.solver.joint.wheel_records import WheelRecords

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from packaging.requirements import Requirement

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.solver.joint.pypi_constraints import PypiConstraints
    from minicon.solver.joint.requirements import AnyCandidate, AnyRequirement, CondaCandidate
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaSubproblem


class Attempt(NamedTuple):
    """One set of requirements to be resolved.

    Attributes:
        provider: Answers resolvelib's questions about it.
        requirements: All requirements, of the user and of what is installed.
        is_as_requested: False if conditions of the user's specs must not be met in it.
    """

    provider: ProjectProvider
    requirements: Sequence[AnyRequirement]
    is_as_requested: bool


class JointProblem:
    """Resolution of a request's PyPI part together with its conda part.

    Args:
        request: The request.
        conda: Its conda part.
        for_pypi: Specs of the request whose names no channel has, to be met by PyPI.

    Raises:
        PackageNotFound: A requested project, or python, is in no source.
    """

    def __init__(
        self, request: SolveRequest, conda: CondaSubproblem, for_pypi: Sequence[MatchSpec]
    ) -> None:
        self._request = request
        self._conda = conda
        self._projects = Projects(request, conda)
        self._specs = [spec for spec in for_pypi if spec.when is None]
        self._conditional = [spec for spec in for_pypi if spec.when is not None]
        self._built_by_pip = [
            PipRequirement(text=str(each), name=normalize_pypi_name(each.name))
            for each in request.requirements
            if each.url
        ]
        if not conda.source.candidates("python").size:
            raise PackageNotFound(
                "no-python",
                "packages from PyPI need a python, and no source has one",
                hint="add a channel that has python, or the interpreters of this machine: -c host",
            )
        self._requested = self._requirements_of_the_user()
        names = dict.fromkeys(requirement.name for requirement in self._requested)
        unknown = [name for name in names if not self._projects.exists(name)]
        if unknown:
            raise no_projects(unknown, request)

    def attempts(self) -> Iterator[Attempt]:
        """What to resolve, in order, until one attempt succeeds.

        Installed wheels that nothing requires stay if possible; if not, those that pins and
        constraints allow; if not, none has to. When nothing helps, conditional specs are avoided
        instead of met.
        """
        kept, optional = self._installed()
        allowed = [each for each in optional if self._projects.is_allowed(each.name)]
        variants = dict.fromkeys([tuple(optional), tuple(allowed), ()])
        for variant in variants:
            yield self._attempt([*self._requested, *kept, *variant], self._conditional)
        if self._conditional:
            never = self._unmet(self._conditional)
            for variant in variants:
                yield self._attempt([*never, *self._requested, *kept, *variant], ())

    def _attempt(
        self, requirements: Sequence[AnyRequirement], conditional: Sequence[MatchSpec]
    ) -> Attempt:
        python: list[AnyRequirement] = []
        if requirements or self._built_by_pip:
            every = self._conda.source.candidates("python").all
            python.append(CondaRequirement("python", every, "wheels need python"))
        return Attempt(
            ProjectProvider(self._request, self._conda, self._projects, conditional),
            [CondaRequirement(), *requirements, *python],
            is_as_requested=len(conditional) == len(self._conditional),
        )

    def _unmet(self, conditional: Sequence[MatchSpec]) -> list[CondaRequirement]:
        """Requirements that exclude the conditions of some specs."""
        source = self._conda.source
        return [
            CondaRequirement(source.unless(spec.when or ""), 1, f"{spec} cannot be installed")
            for spec in conditional
        ]

    def _requirements_of_the_user(self) -> list[ProjectRequirement]:
        found: list[ProjectRequirement] = []
        for requirement in self._request.requirements:
            if not requirement.url and self._concerns(requirement):
                found += project_requirements(requirement, f"you requested {requirement}")
        for requirement in self._request.history_requirements:
            if not requirement.url and self._concerns(requirement):
                text = f"you requested {requirement} earlier"
                found += project_requirements(self._projects.loosened(requirement), text)
        for spec in self._specs:
            found += spec_requirements(spec, self._request.wheels)
        return found

    def _concerns(self, requirement: Requirement) -> bool:
        """Whether a requirement's marker is true for some possible python."""
        return any(
            applies(requirement, marker_environment(minor.version, self._request.platform))
            for minor in self._projects.pythons.minors
        )

    def _installed(self) -> tuple[list[ProjectRequirement], list[ProjectRequirement]]:
        """Installed wheels that must stay, since they were requested earlier; and the others."""
        wheels = self._request.wheels
        removed = [project_of(spec.name.text, wheels) for spec in self._request.removals]
        named = {
            *removed,
            *(normalize_pypi_name(each.name) for each in self._request.requirements),
            *(normalize_pypi_name(each.name) for each in self._request.history_requirements),
            *(project_of(spec.exact_name or "", wheels) for spec in self._request.specs),
        }
        history = {project_of(spec.name.text, wheels): spec for spec in self._request.history}
        kept: list[ProjectRequirement] = []
        optional: list[ProjectRequirement] = []
        for name, record in self._projects.installed.items():
            if name in named:
                continue
            text = f"{record.name} {record.version} is installed"
            if name in history:
                kept.append(ProjectRequirement(name, text, spec=history[name]))
            else:
                optional.append(ProjectRequirement(name, text))
        return kept, optional

    def outcome(self, attempt: Attempt, mapping: Mapping[str, AnyCandidate]) -> Resolved:
        """The packages and wheels that a successful attempt chose.

        Args:
            attempt: The attempt.
            mapping: resolvelib's result: the chosen candidate of each identifier.
        """
        provider = attempt.provider
        needed, requirements = _needed(attempt, mapping)
        conda = self._fewest(provider, requirements, cast("CondaCandidate", mapping[CONDA]))
        needed[CONDA] = conda
        built = list(self._built_by_pip)
        for identifier in sorted(needed):
            candidate = needed[identifier]
            if isinstance(candidate, SourceOnly):
                built.append(_merged(candidate, requirements, self._projects.constraints))
        wheels = WheelRecords(self._request, provider, conda.model, needed)
        return Resolved(
            model=conda.model,
            wheels=wheels.records(),
            names=wheels.names,
            reasons=wheels.reasons(),
            pip_requirements=tuple(built),
        )

    def _fewest(
        self,
        provider: ProjectProvider,
        requirements: Sequence[AnyRequirement],
        found: CondaCandidate,
    ) -> CondaCandidate:
        """The best conda packages for the final requirements; the same conditions are met."""
        candidate = provider.conda_candidate(requirements)
        if candidate is None or not provider.is_same_for_projects(candidate, found):
            unmet = [each for each in self._conditional if not found.meets_condition(each)]
            candidate = provider.conda_candidate([*requirements, *self._unmet(unmet)])
        is_same = candidate is not None and provider.is_same_for_projects(candidate, found)
        return candidate if candidate is not None and is_same else found


def _needed(
    attempt: Attempt, mapping: Mapping[str, AnyCandidate]
) -> tuple[dict[str, AnyCandidate], list[AnyRequirement]]:
    """The candidates that are reachable from the requirements, and all requirements on the way.

    resolvelib doesn't record why it pinned a candidate, so after backtracking its result may
    contain candidates that nothing requires any more.
    """
    needed: dict[str, AnyCandidate] = {}
    requirements = list(attempt.requirements)
    for requirement in requirements:  # grows during the iteration
        identifier = requirement.identifier
        if identifier not in needed:
            needed[identifier] = mapping[identifier]
            requirements += attempt.provider.get_dependencies(mapping[identifier])
    return needed, requirements


def _merged(
    choice: SourceOnly, requirements: Sequence[AnyRequirement], constraints: PypiConstraints
) -> PipRequirement:
    """All requirements on a project as one line for pip: ``name[extras]specifiers``."""
    name = choice.name
    extras: set[str] = set()
    specifiers = {
        _pep440_text(spec) or f"=={choice.version}"
        for spec in constraints.specs(name)
        if spec.version is not None
    }
    for requirement in requirements:
        if isinstance(requirement, ProjectRequirement) and requirement.name == name:
            extras.update({requirement.extra} - {""})
            specifiers.update({_specifier_text(requirement)} - {""})
    brackets = f"[{','.join(sorted(extras))}]" if extras else ""
    text = f"{name}{brackets}{','.join(sorted(specifiers))}"
    return PipRequirement(text=text, name=name)


def _specifier_text(requirement: ProjectRequirement) -> str:
    if requirement.spec is not None and requirement.choice is None:
        return _pep440_text(requirement.spec)
    return str(requirement.specifier or "")


def _pep440_text(spec: MatchSpec) -> str:
    """A conda spec's versions as a PEP 440 specifier; empty if PEP 440 cannot express them."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    text = "" if spec.version is None else str(spec.version)
    if text and text[0] not in "<>=!~":
        text = f"=={text}"
    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        return ""
