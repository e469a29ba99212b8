"""JointResolution: one resolvelib run over conda and PyPI for one request."""

from __future__ import annotations

import contextlib
from typing import cast

from packaging.utils import canonicalize_name
from resolvelib import BaseReporter, ResolutionImpossible
from resolvelib.resolvers import Resolution, ResolutionTooDeep

from minicon.errors import PackageNotFound, Unsatisfiable
from minicon.solver.candidates.missing_names import no_projects
from minicon.solver.joint.markers import applies, marker_environment
from minicon.solver.joint.projects import Projects
from minicon.solver.joint.provider import Provider, project_requirements, spec_requirements
from minicon.solver.joint.requirements import (
    CONDA,
    CondaRequirement,
    ProjectRequirement,
    SourceOnly,
    project_of,
)
from minicon.solver.joint.resolved import Impossible, Resolved
from minicon.solver.joint.wheel_records import WheelRecords

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packaging.requirements import Requirement

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.solver.joint.pypi_constraints import Limits
    from minicon.solver.joint.requirements import AnyCandidate, AnyRequirement, Model, PythonMinor
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaSubproblem


class JointResolution:
    """Resolves the PyPI part of a request together with its conda part.

    Args:
        request: The request.
        side: Its conda part.
        missing: Specs of the request that no channel can meet, to be met by PyPI.
    """

    def __init__(
        self, request: SolveRequest, side: CondaSubproblem, missing: Sequence[MatchSpec]
    ) -> None:
        self._request = request
        self._side = side
        self._projects = Projects(request, side)
        self._missing = [spec for spec in missing if spec.when is None]
        self._conditional = [spec for spec in missing if spec.when is not None]
        self._built_by_pip = [str(each) for each in request.requirements if each.url]

    def resolve(self) -> Resolved:
        """Find the solution.

        Raises:
            Impossible: There is none.
            PackageNotFound: Projects that were asked for, or python, are in no source.
            Unsatisfiable: It took too many steps.
        """
        if not self._side.source.candidates("python").size:
            raise PackageNotFound(
                "no-python",
                "packages from PyPI need a python, and no source has one",
                hint="add a channel that has python, or the interpreters of this machine: -c host",
            )
        asked = self._asked()
        names = dict.fromkeys(requirement.name for requirement in asked)
        nowhere = [name for name in names if not self._projects.exists(name)]
        if nowhere:
            raise no_projects(nowhere, self._request)
        try:
            return self._beside_installed(asked)
        except Impossible as impossible:
            if not self._conditional:
                raise
            never = self._without(self._conditional)
            self._conditional = []
            with contextlib.suppress(Impossible):
                return self._beside_installed([*never, *asked])
            raise impossible from None

    def _without(self, conditional: Sequence[MatchSpec]) -> list[CondaRequirement]:
        """That the conditions of some specs do not hold."""
        source = self._side.source
        return [
            CondaRequirement(source.unless(spec.when or ""), 1, f"{spec} cannot be had")
            for spec in conditional
        ]

    def _beside_installed(self, asked: Sequence[AnyRequirement]) -> Resolved:
        """Meet what was asked for, and keep what is installed if that can be."""
        kept, loose = self._installed()
        try:
            return self._resolve([*asked, *kept, *loose])
        except Impossible:
            if not loose:
                raise
        within = [each for each in loose if self._projects.is_within_limits(each.name)]
        if len(within) < len(loose):
            with contextlib.suppress(Impossible):
                return self._resolve([*asked, *kept, *within])
        return self._resolve([*asked, *kept])

    def _asked(self) -> list[ProjectRequirement]:
        """What the user asked of PyPI."""
        asked: list[ProjectRequirement] = []
        for requirement in self._request.requirements:
            if not requirement.url and self._concerns(requirement):
                asked += project_requirements(requirement, f"you asked for {requirement}")
        for requirement in self._request.history_requirements:
            if not requirement.url and self._concerns(requirement):
                text = f"you asked earlier for {requirement}"
                asked += project_requirements(self._projects.loosened(requirement), text)
        for spec in self._missing:
            asked += spec_requirements(spec, self._request.wheels)
        return asked

    def _concerns(self, requirement: Requirement) -> bool:
        """Whether a requirement's marker holds for some python that is possible."""
        return any(
            concerns(requirement, minor, self._request.platform) for minor in self._projects.minors
        )

    def _installed(self) -> tuple[list[ProjectRequirement], list[ProjectRequirement]]:
        """Installed wheels: those asked for earlier must stay, others should."""
        wheels = self._request.wheels
        removed = [project_of(spec.name.text, wheels) for spec in self._request.removals]
        named = {
            *removed,
            *(canonicalize_name(each.name) for each in self._request.requirements),
            *(canonicalize_name(each.name) for each in self._request.history_requirements),
            *(project_of(spec.exact_name or "", wheels) for spec in self._request.specs),
        }
        history = {project_of(spec.name.text, wheels): spec for spec in self._request.history}
        kept: list[ProjectRequirement] = []
        loose: list[ProjectRequirement] = []
        for name, record in self._projects.installed.items():
            if name in named:
                continue
            text = f"{record.name} {record.version} is installed"
            if name in history:
                kept.append(ProjectRequirement(name, text, spec=history[name]))
            else:
                loose.append(ProjectRequirement(name, text))
        return kept, loose

    def _resolve(self, requirements: Sequence[AnyRequirement]) -> Resolved:
        provider = Provider(self._request, self._side, self._projects, self._conditional)
        roots: list[AnyRequirement] = [CondaRequirement(), *requirements]
        if requirements or self._built_by_pip:
            python = self._side.source.candidates("python")
            roots.append(CondaRequirement("python", python.all, "wheels need python"))
        # Not Resolver, whose result walks the graph with recursion that cycles can make endless.
        resolution: Resolution[AnyRequirement, AnyCandidate, str]
        resolution = Resolution(provider, BaseReporter())
        try:
            state = resolution.resolve(roots, max_rounds=self._request.max_rounds)
        except ResolutionImpossible as impossible:
            causes = [(each.requirement, each.parent) for each in impossible.causes]
            alike = provider.interchangeable.stands_for
            raise Impossible(causes, provider.contradictions, alike) from None
        except ResolutionTooDeep:
            raise Unsatisfiable(
                "resolution-too-deep",
                f"no answer within {self._request.max_rounds} steps",
                hint="ask for narrower versions of the PyPI packages",
            ) from None
        return self._outcome(provider, roots, state.mapping)

    def _outcome(
        self,
        provider: Provider,
        roots: Sequence[AnyRequirement],
        mapping: Mapping[str, AnyCandidate],
    ) -> Resolved:
        needed, requirements = _reachable(provider, roots, mapping)
        conda = self._least(provider, requirements, cast("Model", mapping[CONDA]))
        needed[CONDA] = conda
        built = list(self._built_by_pip)
        for identifier in sorted(needed):
            candidate = needed[identifier]
            if isinstance(candidate, SourceOnly):
                built.append(_merged(candidate, requirements, self._projects.limits))
        wheels = WheelRecords(self._request, provider, conda.model, needed)
        return Resolved(
            model=conda.model,
            wheels=wheels.records(),
            names=wheels.names,
            reasons=wheels.reasons(),
            pip_requirements=tuple(built),
        )

    def _least(
        self, provider: Provider, requirements: Sequence[AnyRequirement], found: Model
    ) -> Model:
        """The best model for what is required, in which the same conditions hold as were found."""
        model = provider.models(requirements)[0]
        if provider.is_same_for_projects(model, found):
            return model
        untrue = [each for each in self._conditional if not found.holds(each)]
        model = provider.models([*requirements, *self._without(untrue)])[0]
        return model if provider.is_same_for_projects(model, found) else found


def _reachable(
    provider: Provider, roots: Sequence[AnyRequirement], mapping: Mapping[str, AnyCandidate]
) -> tuple[dict[str, AnyCandidate], list[AnyRequirement]]:
    """What the roots lead to, and all requirements on the way.

    Resolvelib forgets why a candidate was pinned when it goes back, and may leave it there.
    """
    needed: dict[str, AnyCandidate] = {}
    requirements = list(roots)
    for requirement in requirements:  # grows while it is walked
        identifier = requirement.identifier
        if identifier not in needed:
            needed[identifier] = mapping[identifier]
            requirements += provider.get_dependencies(mapping[identifier])
    return needed, requirements


def concerns(requirement: Requirement, minor: PythonMinor, platform: str) -> bool:
    """Whether a requirement's marker holds for a python."""
    return applies(requirement, marker_environment(minor.version, platform))


def _merged(choice: SourceOnly, requirements: Sequence[AnyRequirement], limits: Limits) -> str:
    """All requirements on a project as one line for pip: ``name[extras]specifiers``."""
    name = choice.name
    extras: set[str] = set()
    specifiers = {
        pep440_text(spec) or f"=={choice.version}"
        for spec in limits.specs(name)
        if spec.version is not None
    }
    for requirement in requirements:
        if isinstance(requirement, ProjectRequirement) and requirement.name == name:
            extras.update({requirement.extra} - {""})
            specifiers.update({_specifier_text(requirement)} - {""})
    brackets = f"[{','.join(sorted(extras))}]" if extras else ""
    return f"{name}{brackets}{','.join(sorted(specifiers))}"


def _specifier_text(requirement: ProjectRequirement) -> str:
    if requirement.spec is not None and requirement.choice is None:
        return pep440_text(requirement.spec)
    return str(requirement.specifier or "")


def pep440_text(spec: MatchSpec) -> str:
    """A conda spec's versions as a PEP 440 specifier; empty where PEP 440 cannot say it."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    text = "" if spec.version is None else str(spec.version)
    if text and text[0] not in "<>=!~":
        text = f"=={text}"
    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        return ""
