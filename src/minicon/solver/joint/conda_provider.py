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

        resolvelib repeats this in every round; an identifier has only one candidate.
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


class RememberingResolution(BaseResolution):
    """Verifies once that a pinned candidate meets the requirements of its identifier.

    resolvelib does so for all identifiers in each round, twice: N² times for N of them. A criterion
    is never changed, but replaced by another one, and so is a candidate.
    """

    def __init__(self, provider: CondaProvider, reporter: Reporter) -> None:
        super().__init__(provider, reporter)
        self._provider = provider
        self._met: dict[str, tuple[object, object]] = {}

    def _is_current_pin_satisfying(
        self, name: str, criterion: Criterion[AnyRequirement, AnyCandidate]
    ) -> bool:
        pin = self.state.mapping.get(name)
        if pin is None:
            return False
        known = self._met.get(name)
        if known is not None and known[0] is criterion and known[1] is pin:
            return True
        is_met = self._provider.meets_all(criterion.iter_requirement(), pin)
        if is_met:
            self._met[name] = criterion, pin
        return is_met
