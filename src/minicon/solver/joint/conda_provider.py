"""resolvelib's provider for the channels: all conda packages as one identifier.

The only candidate of ``@conda`` is the best set of packages for everything that is required of
it. :mod:`minicon.solver.search` finds that set; resolvelib asks again when the requirements
change. :class:`~minicon.solver.joint.project_provider.ProjectProvider` adds Python projects.
"""

from __future__ import annotations

from resolvelib import AbstractProvider

from minicon.solver.joint.requirements import CONDA, CondaCandidate, CondaRequirement
from minicon.solver.search.clauses import Demand
from minicon.solver.search.conda_subproblem import domains_of
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import Kind, Origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from packaging.version import Version

    from minicon.solver.joint.requirements import AnyCandidate, AnyRequirement
    from minicon.solver.search.conda_subproblem import CondaSubproblem

    Base = AbstractProvider[AnyRequirement, AnyCandidate, str]
else:
    Base = AbstractProvider


class CondaProvider(Base):
    """Answers resolvelib's questions about conda packages.

    Attributes:
        contradictions: Demands on conda packages that contradicted each other, latest last.
        skipped: See :class:`~minicon.solver.joint.requirements.Impossible`.
    """

    def __init__(self, conda: CondaSubproblem) -> None:
        self._conda = conda
        self.contradictions: list[Contradiction] = []

    @property
    def skipped(self) -> Mapping[tuple[str, Version], Collection[Version]]:
        """See the class; conda packages are never skipped."""
        return {}

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
        """Order: conda, causes of the last conflict, requests of the user, then by name."""
        is_cause = any(cause.requirement.identifier == identifier for cause in backtrack_causes)
        is_requested = any(each.parent is None for each in information[identifier])
        return (identifier != CONDA, not is_cause, not is_requested, identifier)

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[AnyRequirement]],
        incompatibilities: Mapping[str, Iterator[AnyCandidate]],
    ) -> Sequence[AnyCandidate] | Callable[[], Iterator[AnyCandidate]]:
        """Candidates that meet all requirements on an identifier, best first."""
        rejected = list(incompatibilities[identifier])
        found = self.conda_candidate(requirements[identifier])
        return [] if found is None or found in rejected else [found]

    def is_satisfied_by(self, requirement: AnyRequirement, candidate: AnyCandidate) -> bool:
        """Whether a pinned candidate meets a requirement."""
        assert isinstance(requirement, CondaRequirement)
        assert isinstance(candidate, CondaCandidate)
        name = requirement.name
        return not name or candidate.model.meets(name, requirement.allowed)

    def get_dependencies(self, candidate: AnyCandidate) -> Iterable[AnyRequirement]:  # noqa: ARG002
        """Requirements of a candidate on other identifiers."""
        return ()

    def conda_candidate(self, requirements: Iterable[AnyRequirement]) -> CondaCandidate | None:
        """The best conda packages for some requirements; None if they cannot be met.

        Raises:
            Contradiction: Nothing is required and the request contradicts itself: that needs no
                resolution, and is explained more precisely without one.
        """
        demands = [
            Demand(each.name, each.allowed, Origin(Kind.WHEEL, each.text))
            for each in requirements
            if isinstance(each, CondaRequirement) and each.name
        ]
        try:
            model = self._conda.model(demands)
        except Contradiction as contradiction:
            if not demands:
                raise
            self.contradictions.append(contradiction)
            return None
        return CondaCandidate(domains_of(demands), model)
