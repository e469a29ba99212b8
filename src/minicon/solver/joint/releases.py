"""Releases of a project: which of them requirements accept, in the order in which to try them."""

from __future__ import annotations

from minicon.lean_dataclasses import replace
from minicon.solver.joint.requirements import SourceOnly, Wheel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.models.wheel_index import Release
    from minicon.solver.joint.requirements import ProjectRequirement


def fitting(
    releases: Iterable[Release], requirements: Sequence[ProjectRequirement], *, lowest: bool
) -> list[Release]:
    """Releases that all requirements accept; pre-releases only if asked, or if no others do.

    Args:
        releases: Newest first.
        requirements: On their project.
        lowest: Whether the oldest come first.
    """
    accepted = [each for each in releases if all(_meets(each, r) for r in requirements)]
    if lowest:
        accepted.reverse()
    if any(_pins(each) for each in requirements):
        accepted = [_as_if_not_yanked(release) for release in accepted]
    if any(each.asks_for_prereleases or each.choice for each in requirements):
        return accepted
    return [each for each in accepted if not each.version.is_prerelease] or accepted


def _meets(release: Release, requirement: ProjectRequirement) -> bool:
    if requirement.choice is None:
        return requirement.accepts(release.version)
    choice = requirement.choice
    return isinstance(choice, Wheel | SourceOnly) and choice.version == release.version


def _pins(requirement: ProjectRequirement) -> bool:
    """Whether a requirement names one version, as ``==1.2`` does."""
    return any(
        each.operator in ("==", "===") and not each.version.endswith(".*")
        for each in requirement.specifier or ()
    )


def _as_if_not_yanked(release: Release) -> Release:
    """A release that is wholly yanked may be had by those who name its version (PEP 592)."""
    if not release.files or not all(file.yanked for file in release.files):
        return release
    return replace(release, files=tuple(replace(file, yanked=False) for file in release.files))
