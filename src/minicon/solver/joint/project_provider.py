"""resolvelib's provider for conda packages, wheels and the python that they share.

Every Python project is an identifier beside ``@conda``, and so is each of its extras. A wheel is
chosen for one minor version of python and requires that version of ``@conda``, so its markers are
evaluated for the right one::

    @conda ◄──────── python is 3.11.* ──────── pypi:gensim = wheel 4.3.3 for 3.11
       ▲                                             │ needs numpy <2
       └──── numpy is 1.26.4 or older ──── pypi:numpy = conda builds of numpy ◄─┘

The search decides about conda packages and wheels together, when resolvelib asks for ``@conda``.
Its choice is the only candidate of every other identifier. resolvelib walks from the requests
through everything that the chosen candidates require, and verifies each requirement on the way;
since the choices are consistent, it never goes back.
"""

from __future__ import annotations

from minicon.solver.joint.conda_provider import CondaProvider
from minicon.solver.joint.projects import meets
from minicon.solver.joint.requirements import (
    CONDA,
    CondaBuilds,
    CondaCandidate,
    CondaRequirement,
    ExtraCandidate,
    ProjectRequirement,
    project_and_extra,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from minicon.solver.joint.candidate_needs import CandidateNeeds
    from minicon.solver.joint.project_variables import ProjectVariables
    from minicon.solver.joint.projects import Projects
    from minicon.solver.joint.requirements import AnyCandidate, AnyRequirement, Choice
    from minicon.solver.search.conda_subproblem import CondaModel, CondaSubproblem


class ProjectProvider(CondaProvider):
    """Answers resolvelib's questions about conda packages and Python projects.

    Args:
        conda: The conda packages.
        find: Finds the best conda packages and wheels for the request.
        required_by: What the request requires of projects, beside some conda packages.
        projects: Looks projects up.
        variables: Projects in the search.
        needs: What candidates require.
    """

    def __init__(
        self,
        conda: CondaSubproblem,
        find: Callable[[], CondaModel],
        required_by: Callable[[CondaModel], Iterable[AnyRequirement]],
        projects: Projects,
        variables: ProjectVariables,
        needs: CandidateNeeds,
    ) -> None:
        super().__init__(conda)
        self._find = find
        self._required_by = required_by
        self._projects = projects
        self._variables = variables
        self._needs = needs
        self._model: CondaModel | None = None

    def model(self) -> CondaModel:
        """The best conda packages and wheels; found once."""
        if self._model is None:
            self._model = self._find()
        return self._model

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[AnyRequirement]],
        incompatibilities: Mapping[str, Iterator[AnyCandidate]],
    ) -> Sequence[AnyCandidate]:
        """The search's choice for an identifier, if it meets all requirements."""
        if identifier == CONDA:
            return super().find_matches(identifier, requirements, incompatibilities)
        name, extra = project_and_extra(identifier)
        choice = self._variables.choice(name, self.model())
        if choice is None or any(incompatibilities[identifier]):
            return []
        found: AnyCandidate = self._extra(choice, extra) if extra else choice
        return [found] if self.meets_all(requirements[identifier], found) else []

    def _meets(self, requirement: AnyRequirement, candidate: AnyCandidate) -> bool:
        if isinstance(requirement, CondaRequirement):
            return super()._meets(requirement, candidate)
        assert not isinstance(candidate, CondaCandidate)
        choice = candidate.choice if isinstance(candidate, ExtraCandidate) else candidate
        if isinstance(choice, CondaBuilds):
            name, builds = requirement.name, choice.conda_name
            return not choice.allowed & ~self._projects.builds_accepted(name, builds, [requirement])
        return meets(requirement, choice)

    def get_dependencies(self, candidate: AnyCandidate) -> Iterable[AnyRequirement]:
        """Requirements of a candidate on other identifiers.

        Those on conda packages are verified here: their model is known, and resolvelib would repeat
        it for each of them. It only sees those that are not met.
        """
        for requirement in self._requirements(candidate):
            is_conda = isinstance(requirement, CondaRequirement)
            if not is_conda or not super()._meets(requirement, CondaCandidate(self.model())):
                yield requirement

    def _requirements(self, candidate: AnyCandidate) -> Iterable[AnyRequirement]:
        if isinstance(candidate, CondaCandidate):
            return self._required_by(candidate.model)
        if isinstance(candidate, ExtraCandidate):
            choice = candidate.choice
            label = f"{choice.name}[{candidate.extra}]"
            itself = ProjectRequirement(choice.name, label, choice=choice)
            return [itself, *self._needs.of_extra(candidate)]
        if isinstance(candidate, CondaBuilds):
            return self._needs.of(candidate)
        return [*self._instead_of_conda(candidate), *self._needs.of(candidate)]

    def _extra(self, choice: Choice, extra: str) -> ExtraCandidate:
        return self._needs.extra_of(choice, extra, self._projects.pythons.of(self.model()))

    def _instead_of_conda(self, choice: Choice) -> list[AnyRequirement]:
        """Each project has one source: conda must not install it too."""
        return [
            CondaRequirement(
                name,
                1 << self._conda.source.candidates(name).size,
                f"{choice.name} comes from PyPI, which excludes conda's {name}",
            )
            for name in self._projects.excluded_by_wheel(choice.name)
            if self._conda.source.candidates(name).size
        ]
