"""resolvelib's provider for the channels: all conda packages as one identifier.

The only candidate of ``@conda`` is the best set of packages for the request, which
:mod:`minicon.solver.search` finds.
:class:`~minicon.solver.joint.project_provider.ProjectProvider` adds Python projects.
"""

from __future__ import annotations

from resolvelib import AbstractProvider
from resolvelib.resolvers import Resolution

from minicon.solver.joint.requirements import CondaCandidate, CondaRequirement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from resolvelib import BaseReporter
    from resolvelib.resolvers import Criterion

    from minicon.solver.joint.requirements import AnyCandidate, AnyRequirement
    from minicon.solver.search.conda_subproblem import CondaModel, CondaSubproblem

    Base = AbstractProvider[AnyRequirement, AnyCandidate, str]
    BaseResolution = Resolution[AnyRequirement, AnyCandidate, str]
    Reporter = BaseReporter[AnyRequirement, AnyCandidate, str]
else:
    Base, BaseResolution = AbstractProvider, Resolution


class CondaProvider(Base):
    """Answers resolvelib's questions about conda packages."""

    def __init__(self, conda: CondaSubproblem) -> None:
        self._conda = conda
        self._met: dict[int, AnyRequirement] = {}

    def model(self) -> CondaModel:
        """The best conda packages for the request.

        Raises:
            Contradiction: The request contradicts itself.
        """
        return self._conda.model()

    def identify(self, requirement_or_candidate: AnyRequirement | AnyCandidate) -> str:
        """The identifier of a requirement or candidate."""
        return requirement_or_candidate.identifier

    def narrow_requirement_selection(
        self,
        identifiers: Iterable[str],
        resolutions: Mapping[str, AnyCandidate],  # noqa: ARG002
        candidates: Mapping[str, Iterator[AnyCandidate]],  # noqa: ARG002
        information: Mapping[str, Iterator[Any]],  # noqa: ARG002
        backtrack_causes: Sequence[Any],  # noqa: ARG002
    ) -> Iterable[str]:
        """The first identifier: the search has decided about all, so the order does not matter."""
        return [next(iter(identifiers))]

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, AnyCandidate],  # noqa: ARG002
        candidates: Mapping[str, Iterator[AnyCandidate]],  # noqa: ARG002
        information: Mapping[str, Iterator[Any]],  # noqa: ARG002
        backtrack_causes: Sequence[Any],  # noqa: ARG002
    ) -> str:
        """Order by name; unused, since there is never a choice between identifiers."""
        return identifier

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[AnyRequirement]],
        incompatibilities: Mapping[str, Iterator[AnyCandidate]],
    ) -> Sequence[AnyCandidate]:
        """The search's choice for an identifier, if it meets all requirements."""
        found = CondaCandidate(self.model())
        is_met = self.meets_all(requirements[identifier], found)
        return [found] if is_met and not any(incompatibilities[identifier]) else []

    def meets_all(self, requirements: Iterable[AnyRequirement], candidate: AnyCandidate) -> bool:
        """Whether a candidate meets all requirements; those before the last are often known to."""
        found = list(requirements)
        if self._met.keys() >= set(map(id, found[:-1])):
            found = found[-1:]
        return all(self.is_satisfied_by(each, candidate) for each in found)

    def is_satisfied_by(self, requirement: AnyRequirement, candidate: AnyCandidate) -> bool:
        """Whether a pinned candidate meets a requirement.

        resolvelib does this again for each further requirement; an identifier has one candidate.
        """
        if id(requirement) in self._met:
            return True
        is_met = self._meets(requirement, candidate)
        if is_met:
            self._met[id(requirement)] = requirement
        return is_met

    def _meets(self, requirement: AnyRequirement, candidate: AnyCandidate) -> bool:
        assert isinstance(requirement, CondaRequirement)
        assert isinstance(candidate, CondaCandidate)
        name = requirement.name
        return not name or candidate.model.meets(name, requirement.allowed)

    def get_dependencies(self, candidate: AnyCandidate) -> Iterable[AnyRequirement]:  # noqa: ARG002
        """Requirements of a candidate on other identifiers."""
        return ()


class DecidedResolution(BaseResolution):
    """Pins all identifiers in the first round, since each has only one candidate.

    resolvelib pins one in each round, and looks at all identifiers before and after: N² times for N
    of them.
    """

    def __init__(self, provider: CondaProvider, reporter: Reporter) -> None:
        super().__init__(provider, reporter)
        self._required: list[str] = []

    def _add_to_criteria(
        self,
        criteria: dict[str, Criterion[AnyRequirement, AnyCandidate]],
        requirement: AnyRequirement,
        parent: AnyCandidate | None,
    ) -> None:
        super()._add_to_criteria(criteria, requirement, parent)
        self._required.append(requirement.identifier)

    def _attempt_to_pin_criterion(self, name: str) -> list[Criterion[AnyRequirement, AnyCandidate]]:
        """Pin an identifier, and what its candidate requires, directly or not.

        Returns:
            Why that is impossible; empty if it is not.
        """
        self._required = [name]
        for each in self._required:  # pinning appends to it
            if not self._is_current_pin_satisfying(each, self.state.criteria[each]):
                causes = super()._attempt_to_pin_criterion(each)
                if causes:
                    return causes
        return []
