"""Pins and constraints as they apply to Python projects from PyPI.

A constraint names a conda package. It applies to the project of the same name too, whichever
source provides it. A constraint on something that only conda builds have, a build string or a
channel, excludes every wheel.
"""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass
from minicon.solver.candidates.candidates import needs_record
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
class _Constraint:
    """One pin or constraint on a project.

    Attributes:
        kind: PIN or CONSTRAINT.
        spec: The spec, without its condition.
        condition: When it applies; None for always.
    """

    kind: Kind
    spec: MatchSpec
    condition: str | None

    @property
    def sentence(self) -> str:
        """For an explanation: ``numpy <2 is pinned``."""
        return Origin(self.kind, str(self.spec)).sentence

    def allows(self, version: Version) -> bool:
        """Whether a version from PyPI meets the constraint."""
        plain = self.spec.replace(channel=None) if self.spec.channel == "pypi" else self.spec
        number, build = plain.build_number, plain.build
        if needs_record(plain) or not (number is None or number.matches(0)):
            return False
        # A pattern such as py* is meant for conda builds, though it matches "pypi_0" too.
        if not (build is None or build.matches_all or build.text.startswith("pypi")):
            return False
        return ProjectRequirement("", "", spec=plain).accepts(version)


class PypiConstraints:
    """The pins and constraints of one request, by project."""

    def __init__(self, request: SolveRequest, source: CandidateSource) -> None:
        self._source = source
        self._constraints: dict[str, list[_Constraint]] = {}
        for specs, kind in ((request.pins, Kind.PIN), (request.constraints, Kind.CONSTRAINT)):
            for spec in specs:
                constraint = _Constraint(kind, spec.replace(when=None), spec.when)
                project = project_of(spec.exact_name or "", request.wheels)
                self._constraints.setdefault(project, []).append(constraint)

    def allow(self, name: str, version: Version) -> bool:
        """Whether all unconditional constraints allow a version of a project from PyPI."""
        return all(each.allows(version) for each in self._unconditional(name))

    def exempt(self, choice: InstalledWheel) -> bool:
        """Whether an installed wheel may stay as a last resort: nothing but pins forbids it."""
        return all(
            each.allows(choice.version)
            for each in self._unconditional(choice.name)
            if each.kind is not Kind.PIN
        )

    def builds_allowed(self, name: str, conda_name: str) -> int:
        """Builds of a conda package that the constraints on its project allow.

        A constraint on a package that a channel has binds that package alone, in the search.
        """
        candidates = self._source.candidates(conda_name)
        found = candidates.all
        for each in self._unconditional(name):
            if not self._source.candidates(each.spec.exact_name or "").size:
                found &= candidates.matching_spec(each.spec)
        return found

    def conda_requirements(
        self, choice: InstalledWheel | SourceOnly | Wheel
    ) -> Iterator[CondaRequirement]:
        """Requirements that exclude the conditions under which a candidate is forbidden."""
        for each in self._constraints.get(choice.name, ()):
            if each.condition is not None and not each.allows(choice.version):
                text = f"{choice.name} from PyPI: {each.sentence} if {each.condition}"
                yield CondaRequirement(self._source.unless(each.condition), 1, text)

    def sentences(self, name: str) -> Iterator[str]:
        """The unconditional constraints on a project: ``numpy <2 is a constraint``."""
        return (each.sentence for each in self._unconditional(name))

    def specs(self, name: str) -> list[MatchSpec]:
        """The specs of all unconditional constraints on a project."""
        return [each.spec for each in self._unconditional(name)]

    def _unconditional(self, name: str) -> list[_Constraint]:
        return [each for each in self._constraints.get(name, ()) if each.condition is None]
