"""The wheels of projects as candidates: one per release and minor version of python."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from minicon.solver.candidates.candidate_table import WHEELS
from minicon.solver.joint.projects import with_yanked_files
from minicon.solver.joint.requirements import SourceOnly, Wheel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from packaging.version import Version

    from minicon.models.indexes import Release
    from minicon.solver.joint.projects import Projects
    from minicon.solver.joint.pythons import PythonMinor
    from minicon.solver.joint.requirements import ProjectRequirement
    from minicon.solver.search.conda_subproblem import CondaModel


class Offer(NamedTuple):
    """A candidate of a project's wheels.

    Attributes:
        release: Its release.
        minor: The python that it is for.
        is_source: Whether it is to be built by pip, because the release has no compatible wheel.
    """

    release: Release
    minor: PythonMinor
    is_source: bool


def wheels_of(name: str) -> str:
    """The variable for the wheels of a project."""
    return f"{WHEELS}[{name}]"


class WheelOffers:
    """The offers of projects, best first; whether there is such a file is found out later.

    Args:
        projects: Looks projects up.
    """

    def __init__(self, projects: Projects) -> None:
        self._projects = projects
        self._offers: dict[str, list[Offer]] = {}
        self._positions: dict[str, dict[Version, int]] = {}

    def forget(self) -> None:
        """Forget all offers, because their order or what requirements accept has changed."""
        self._offers.clear()
        self._positions.clear()

    def offers(self, name: str) -> list[Offer]:
        """The offers of a project: wheels first, then what pip would have to build."""
        known = self._offers.get(name)
        if known is None:
            releases = [with_yanked_files(release) for release in self._ordered(name)]
            known = self._offers[name] = [
                Offer(release, minor, is_source)
                for is_source in (False, True)
                for minor in self._projects.pythons.minors
                for release in releases
            ]
        return known

    def positions(self, name: str) -> dict[Version, int]:
        """Per version of a project, the positions of its offers."""
        known = self._positions.get(name)
        if known is None:
            known = self._positions[name] = {}
            for position, offer in enumerate(self.offers(name)):
                version = offer.release.version
                known[version] = known.get(version, 0) | 1 << position
        return known

    def accepted(self, name: str, requirement: ProjectRequirement) -> int:
        """The offers of a project that a requirement accepts."""
        positions = self.positions(name)
        found = 0
        for release in self._projects.accepted(name, requirement):
            found |= positions[release.version]
        return found

    def choice(self, name: str, position: int) -> Wheel | SourceOnly | None:
        """An offer as a candidate of its project; None if there is no such file."""
        release, minor, is_source = self.offers(name)[position]
        file = self._projects.readable_file(release, minor)
        if file is None or file.is_wheel == is_source:
            return None
        if is_source:
            return SourceOnly(name, release.version, minor, file)
        return Wheel(name, release.version, minor, release, file)

    def built(self, model: CondaModel) -> list[str]:
        """The projects that a model leaves to pip, since they have no compatible wheel."""
        return [
            name
            for name, offers in self._offers.items()
            if (position := model.positions.get(wheels_of(name))) is not None
            and offers[position].is_source
        ]

    def not_built(self, name: str) -> int:
        """The domain of a project's offers that leaves nothing of it to pip."""
        size = len(self._offers[name])
        return (1 << size // 2) - 1 | 1 << size

    def _ordered(self, name: str) -> list[Release]:
        """All releases of a project, in the order in which to try them."""
        projects = self._projects
        releases = [*projects.releases(name)]
        if name in projects.lowest:
            releases.reverse()
        kept = projects.installed_wheel(name) if name not in projects.updated else None
        return sorted(releases, key=partial(projects.reluctance, kept=kept))
