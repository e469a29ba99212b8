"""The wheels of projects as candidates: one per release and minor version of python."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from minicon.solver.candidates.candidate_table import WHEELS
from minicon.solver.joint.releases import with_yanked_files
from minicon.solver.joint.requirements import SourceOnly, Wheel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.version import Version

    from minicon.models.indexes.wheel_index import Release
    from minicon.solver.joint.projects import Projects
    from minicon.solver.joint.pythons import PythonMinor
    from minicon.solver.joint.requirements import ProjectRequirement
    from minicon.solver.search.conda_subproblem import CondaModel


#: Most releases of a project whose metadata is fetched before it is needed.
_MOST_AHEAD = 24


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
        self._releases: dict[str, list[Release]] = {}
        self._numbers: dict[str, dict[int, int]] = {}
        self._texts: dict[str, list[str]] = {}
        self._read: dict[str, int] = {}
        self._announced: dict[str, int] = {}

    def forget(self, ordered: Iterable[str]) -> None:
        """Forget all offers, since there are others, and the order of some projects' releases."""
        self._announced.clear()
        for name in ordered:
            for known in (self._releases, self._numbers, self._texts):
                known.pop(name, None)

    def releases(self, name: str) -> list[Release]:
        """The releases of a project, in the order in which to try them."""
        known = self._releases.get(name)
        if known is None:
            ordered = self._ordered(name)
            self._numbers[name] = {id(release): number for number, release in enumerate(ordered)}
            known = self._releases[name] = [with_yanked_files(release) for release in ordered]
        return known

    def versions(self, name: str) -> list[str]:
        """The version of each offer: wheels for each python, then what pip would have to build."""
        texts = self._texts.get(name)
        if texts is None:
            texts = self._texts[name] = [each.version_text for each in self.releases(name)]
        return texts * (2 * len(self._projects.pythons.minors))

    def offer(self, name: str, position: int) -> Offer:
        """The offer at a position."""
        releases, minors = self.releases(name), self._projects.pythons.minors
        block, within = divmod(position, len(releases))
        is_source, minor = divmod(block, len(minors))
        return Offer(releases[within], minors[minor], bool(is_source))

    def by_minor(self, name: str) -> Iterator[tuple[PythonMinor, int]]:
        """Per python, its offers."""
        minors, size = self._projects.pythons.minors, len(self.releases(name))
        block = (1 << size) - 1
        for number, minor in enumerate(minors):
            yield minor, block << size * number | block << size * (len(minors) + number)

    def positions(self, name: str) -> Iterator[tuple[Version, int]]:
        """Each version of a project with the positions of its offers."""
        first = self._first_in_blocks(name)
        for number, release in enumerate(self.releases(name)):
            yield release.version, first << number

    def accepted(self, name: str, requirement: ProjectRequirement) -> int:
        """The offers of a project that a requirement accepts."""
        first, numbers = self._first_in_blocks(name), self._numbers[name]
        accepted = self._projects.accepted(name, requirement)
        return first * sum(1 << numbers[id(release)] for release in accepted)

    def _first_in_blocks(self, name: str) -> int:
        """The positions of a project's first release, one for each python and kind of file."""
        size, blocks = len(self.releases(name)), 2 * len(self._projects.pythons.minors)
        return sum(1 << size * block for block in range(blocks))

    def choice(self, name: str, position: int) -> Wheel | SourceOnly | None:
        """An offer as a candidate of its project; None if there is no such file."""
        release, minor, is_source = self.offer(name, position)
        if not is_source:
            self._announce(name, position)
        file = self._projects.readable_file(release, minor, is_source=is_source)
        if file is None:
            return None
        if is_source:
            return SourceOnly(name, release.version, minor, file)
        return Wheel(name, release.version, minor, release, file)

    def _announce(self, name: str, position: int) -> None:
        """Have as many of the next releases fetched as were read before: often all are needed.

        Reading them one after the other would take a round trip to the index for each.
        """
        read = self._read[name] = self._read.get(name, 0) + 1
        size = len(self.releases(name))
        end = min(position + min(read, _MOST_AHEAD), (position // size + 1) * size)
        begin = max(position + 1, self._announced.get(name, 0))
        if read > 1 and begin < end:
            self._announced[name] = end
            offers = (self.offer(name, each) for each in range(begin, end))
            self._projects.announce((each.release, each.minor) for each in offers)

    def is_built(self, name: str, position: int) -> bool:
        """Whether the metadata of an offer may have to be built."""
        release, minor, is_source = self.offer(name, position)
        return is_source and self._projects.states_nothing(release, minor)

    def built(self, model: CondaModel) -> list[str]:
        """The projects that a model leaves to pip, since they have no compatible wheel."""
        return [
            name
            for name in self._releases
            if (position := model.positions.get(wheels_of(name))) is not None
            and self.offer(name, position).is_source
        ]

    def not_built(self, name: str) -> int:
        """The domain of a project's offers that leaves nothing of it to pip."""
        half = len(self._projects.pythons.minors) * len(self.releases(name))
        return (1 << half) - 1 | 1 << 2 * half

    def _ordered(self, name: str) -> list[Release]:
        """All releases of a project, in the order in which to try them."""
        projects = self._projects
        releases = [*projects.releases(name)]
        if name in projects.lowest:
            releases.reverse()
        kept = projects.installed_wheel(name) if name not in projects.updated else None
        return sorted(releases, key=partial(projects.reluctance, kept=kept))
