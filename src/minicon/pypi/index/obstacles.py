"""Why no file of a project's releases can be used, in words."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass
from minicon.models.indexes.wheel_index import Obstacle
from minicon.models.version import python_minor
from minicon.pypi.index.releases import fitting_minors
from minicon.pypi.wheels.filenames import split_wheel_name
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from packaging.version import Version

    from minicon.models.indexes.wheel_index import DistributionFile, Release
    from minicon.pypi.wheels.wheel_tags import WheelTags

#: Sentences of one answer, and characters of a reason that an index gives.
_MOST = 3
_LONGEST_REASON = 100
#: Tags that a sentence lists.
_MOST_TAGS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacles:
    """Finds what keeps releases from being used.

    Attributes:
        tags: Of the target platform.
        problem: Why the user's rules leave a file out; None if they do not.
        requires_python: A file's ``Requires-Python``, as far as it is known.
        is_broken: Whether a file's metadata turned out to be broken.
    """

    tags: WheelTags
    problem: Callable[[Release, DistributionFile], Obstacle | None]
    requires_python: Callable[[DistributionFile], str | None]
    is_broken: Callable[[DistributionFile], bool]

    def of(
        self,
        releases: Iterable[Release],
        accepts: Callable[[Version], bool],
        python_versions: Collection[str],
    ) -> list[Obstacle]:
        """See :meth:`.wheel_index.WheelIndex.obstacles`; releases newest first."""
        groups: list[tuple[Obstacle, list[Release]]] = []
        accepted = [each for each in releases if accepts(each.version)]
        finals = [each for each in accepted if not each.version.is_prerelease]
        for release in finals or accepted:
            found = self._of_release(release, python_versions)
            if found is None:
                return []
            if groups and groups[-1][0] == found:
                groups[-1][1].append(release)
            else:
                groups.append((found, [release]))
        return [
            Obstacle(f"{_named(group)} {found.reason}", found.hint)
            for found, group in groups[:_MOST]
        ]

    def _of_release(self, release: Release, python_versions: Collection[str]) -> Obstacle | None:
        """The chief obstacle of a release; None if one of its files can be used."""
        if not release.files:
            return Obstacle(f"has wheels only for {_listed(release.foreign_tags)}")
        remaining = list(release.files)
        for excluding in (self.problem, self._broken, _yanked):
            found = [(file, excluding(release, file)) for file in remaining]
            remaining = [file for file, obstacle in found if obstacle is None]
            if not remaining:
                return next(obstacle for _, obstacle in found if obstacle is not None)
        return self._unfitting(remaining, python_versions)

    def _broken(self, _: Release, file: DistributionFile) -> Obstacle | None:
        return Obstacle("has broken metadata") if self.is_broken(file) else None

    def _unfitting(
        self, files: Collection[DistributionFile], python_versions: Collection[str]
    ) -> Obstacle | None:
        """Why none of some files fits one of some pythons."""
        minors = fitting_minors(files, self.tags)
        if not minors:
            tags = [wheel.tags for file in files if (wheel := split_wheel_name(file.filename))]
            return Obstacle(f"has wheels only for {_listed(tags)}") if tags else None
        texts = list(dict.fromkeys(map(self.requires_python, files)))
        allowed = [
            version
            for version in python_versions
            if any(self.tags.accepts_python(text, version) for text in texts)
        ]
        hint = f"request another python, for instance python={minors[0]}"
        if python_versions and not allowed:
            return Obstacle(f"needs python {' or '.join(filter(None, texts))}", hint)
        if python_versions and not {python_minor(version) for version in allowed} & {*minors}:
            return Obstacle(f"has wheels only for python {_listed(minors)}", hint)
        return None


def _yanked(release: Release, file: DistributionFile) -> Obstacle | None:
    if not file.yanked:
        return None
    hint = f"to install it nevertheless, request that version: pypi:{release.name}==VERSION"
    return Obstacle(f"was yanked from its index{yanked_text(file)}", hint)


def yanked_text(file: DistributionFile) -> str:
    """Return the reason for which a file was yanked, after a colon; empty if there is none."""
    reason = " ".join((file.yanked_reason or "").split())
    return f": {shortened(reason, _LONGEST_REASON)}" if reason else ""


def _named(releases: list[Release]) -> str:
    """Return a name and versions: ``leaf 2.0``, ``leaf 1.0 to 2.0``; releases newest first."""
    newest, oldest = releases[0], releases[-1]
    versions = [str(newest.version)] if newest is oldest else [oldest.version, newest.version]
    return f"{newest.name} {' to '.join(map(str, versions))}"


def _listed(texts: Iterable[str]) -> str:
    found = list(dict.fromkeys(texts))
    shown: Iterator[str] = iter(found[:_MOST_TAGS])
    return ", ".join(shown) + (", …" if len(found) > _MOST_TAGS else "")
