"""Resolved and Impossible: the two outcomes of a resolution."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from packaging.version import Version

    from minicon.models.records import RepodataRecord
    from minicon.solver.joint.requirements import AnyCandidate, AnyRequirement
    from minicon.solver.request import Reason
    from minicon.solver.search.conda_subproblem import CondaModel
    from minicon.solver.search.conflict_analysis import Contradiction


@dataclass(frozen=True, slots=True)
class Resolved:
    """What meets a request.

    Attributes:
        model: The conda side.
        wheels: Records of wheels by package name.
        names: Per Python project, the package that provides it.
        reasons: Reasons beyond those that records' dependencies tell.
        pip_requirements: What pip has to build.
    """

    model: CondaModel
    wheels: Mapping[str, RepodataRecord] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, Sequence[Reason]] = field(default_factory=dict)
    pip_requirements: tuple[str, ...] = ()


class Impossible(Exception):
    """Nothing meets all requirements.

    Attributes:
        causes: Requirements that clashed last, each with the candidate that has it.
        contradictions: What the conda side refused meanwhile.
        stands_for: Versions of projects that were not tried, by one that needs the same.
    """

    def __init__(
        self,
        causes: Sequence[tuple[AnyRequirement, AnyCandidate | None]],
        contradictions: Sequence[Contradiction],
        stands_for: Mapping[tuple[str, Version], Collection[Version]] | None = None,
    ) -> None:
        super().__init__()
        self.causes = causes
        self.contradictions = contradictions
        self.stands_for = stands_for or {}
