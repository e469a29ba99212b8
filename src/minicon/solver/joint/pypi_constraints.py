"""Limits: pins and constraints, as they bind what PyPI has.

A limit names a conda package. It holds for the project that this package stands for too, whatever
source answers. What only a conda build can have, a build or a channel, no wheel has.
"""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass
from minicon.solver.candidates.candidates import says_more
from minicon.solver.joint.requirements import CondaRequirement, ProjectRequirement, project_of
from minicon.solver.search.demands import Kind, Origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.version import Version

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.joint.requirements import InstalledWheel, SourceOnly, Wheel
    from minicon.solver.request import SolveRequest


@dataclass(frozen=True, slots=True)
class _Limit:
    """One limit on a project.

    Attributes:
        kind: A pin or a constraint.
        spec: It, without its condition.
        condition: When it holds; None for always.
    """

    kind: Kind
    spec: MatchSpec
    condition: str | None

    def admits(self, version: Version) -> bool:
        """Whether a version from PyPI is within the limit."""
        plain = self.spec.replace(channel=None) if self.spec.channel == "pypi" else self.spec
        number, build = plain.build_number, plain.build
        if says_more(plain) or not (number is None or number.matches(0)):
            return False
        # A pattern such as py* is meant for builds of channels, though it fits "pypi_0" too.
        if not (build is None or build.matches_all or build.text.startswith("pypi")):
            return False
        return ProjectRequirement("", "", spec=plain).accepts(version)


class Limits:
    """The limits of one request, by project."""

    def __init__(self, request: SolveRequest, source: CandidateSource) -> None:
        self._source = source
        self._limits: dict[str, list[_Limit]] = {}
        for specs, kind in ((request.pins, Kind.PIN), (request.constraints, Kind.CONSTRAINT)):
            for spec in specs:
                limit = _Limit(kind, spec.replace(when=None), spec.when)
                project = project_of(spec.exact_name or "", request.wheels)
                self._limits.setdefault(project, []).append(limit)

    def admit(self, name: str, version: Version) -> bool:
        """Whether no limit that always holds forbids a version of a project from PyPI."""
        return all(each.admits(version) for each in self._on(name) if each.condition is None)

    def leave(self, choice: InstalledWheel) -> bool:
        """Whether an installed wheel may stay if nothing else will do: it breaks pins at most."""
        return all(
            each.admits(choice.version)
            for each in self._on(choice.name)
            if each.condition is None and each.kind is not Kind.PIN
        )

    def builds(self, name: str, conda_name: str) -> int:
        """Builds of a conda package that a project's limits allow.

        A limit that names a package of a channel binds that one alone, in the search itself.
        """
        candidates = self._source.candidates(conda_name)
        found = candidates.all
        for each in self._on(name):
            limited = each.spec.exact_name or ""
            if each.condition is None and not self._source.candidates(limited).size:
                found &= candidates.matching_spec(each.spec)
        return found

    def demands(self, choice: InstalledWheel | SourceOnly | Wheel) -> Iterator[CondaRequirement]:
        """That conditions do not hold under which a choice from PyPI would be forbidden."""
        for each in self._on(choice.name):
            if each.condition is not None and not each.admits(choice.version):
                text = f"{choice.name} from PyPI: {_sentence(each)} if {each.condition}"
                yield CondaRequirement(self._source.unless(each.condition), 1, text)

    def sentences(self, name: str) -> Iterator[str]:
        """What is limited of a project: ``numpy <2 is a constraint``."""
        return (_sentence(each) for each in self._on(name) if each.condition is None)

    def specs(self, name: str) -> list[MatchSpec]:
        """The limits on a project that always hold."""
        return [each.spec for each in self._on(name) if each.condition is None]

    def _on(self, name: str) -> list[_Limit]:
        return self._limits.get(name, [])


def _sentence(limit: _Limit) -> str:
    return Origin(limit.kind, str(limit.spec)).sentence
