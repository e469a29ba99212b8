"""Pins and constraints as they apply to Python projects from PyPI.

A constraint names a conda package. It applies to the project of the same name too, whichever
source provides it. A constraint on something that only conda builds have, a build string or a
channel, excludes every wheel.
"""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass
from minicon.solver.candidates.candidates import needs_record
from minicon.solver.joint.requirements import ProjectRequirement, project_of
from minicon.solver.search.demands import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from packaging.version import Version

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.joint.requirements import InstalledWheel
    from minicon.solver.request import SolveRequest


@dataclass(frozen=True, slots=True)
class Limit:
    """One pin or constraint on a project.

    Attributes:
        kind: PIN or CONSTRAINT.
        spec: The spec.
        plain: The spec for versions from PyPI; None if it allows none of them.
    """

    kind: Kind
    spec: MatchSpec
    plain: ProjectRequirement | None

    def allows(self, version: Version) -> bool:
        """Whether a version from PyPI meets the constraint."""
        return self.plain is not None and self.plain.accepts(version)


def for_versions(spec: MatchSpec) -> ProjectRequirement | None:
    """What a constraint means for versions from PyPI; None if it excludes all of them."""
    plain = spec.replace(when=None)
    plain = plain.replace(channel=None) if plain.channel == "pypi" else plain
    number, build = plain.build_number, plain.build
    if needs_record(plain) or not (number is None or number.matches(0)):
        return None
    # A pattern such as py* is meant for conda builds, though it matches "pypi_0" too.
    if not (build is None or build.matches_all or build.text.startswith("pypi")):
        return None
    return ProjectRequirement("", "", spec=plain)


class PypiConstraints:
    """The pins and constraints of one request, by project.

    Attributes:
        all: All of them.
    """

    def __init__(self, request: SolveRequest, source: CandidateSource) -> None:
        self._source = source
        self.all: list[Limit] = []
        self._limits: dict[str, list[Limit]] = {}
        for specs, kind in ((request.pins, Kind.PIN), (request.constraints, Kind.CONSTRAINT)):
            for spec in specs:
                limit = Limit(kind, spec, for_versions(spec))
                self.all.append(limit)
                project = project_of(spec.exact_name or "", request.wheels)
                self._limits.setdefault(project, []).append(limit)

    def concern(self, name: str) -> bool:
        """Whether there are constraints on a project."""
        return name in self._limits

    def forbidding(self, name: str, version: Version) -> list[Limit]:
        """The constraints, conditional ones too, that a version of a project from PyPI breaks."""
        return [each for each in self._limits.get(name, ()) if not each.allows(version)]

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

    def specs(self, name: str) -> list[MatchSpec]:
        """The specs of all unconditional constraints on a project."""
        return [each.spec for each in self._unconditional(name)]

    def _unconditional(self, name: str) -> list[Limit]:
        return [each for each in self._limits.get(name, ()) if each.spec.when is None]
