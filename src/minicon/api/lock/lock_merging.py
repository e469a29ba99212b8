"""Merge lock files for git: three-way by package, and solve again if the result is inconsistent.

==============================  ================================================
a package was changed by        the merged lock has
==============================  ================================================
one side                        that side's package
both, in the same way           that package
both, differently               the newer one, and a conflict is reported
==============================  ================================================
"""

from __future__ import annotations

from minicon.api.lock.lock_inputs import LockInputs, named_channels, stale_platforms, targets_of
from minicon.api.lock.lock_mismatches import mismatches
from minicon.api.lock.locking import make_lock
from minicon.envs.input_text import read_input_text
from minicon.envs.locks.lock_files import parse_lock, write_lock_file
from minicon.errors import MiniconError, SpecError
from minicon.lean_dataclasses import dataclass, replace
from minicon.models.environment_files.lockfile import sorted_packages
from minicon.models.version import version_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping
    from pathlib import Path
    from typing import TypeVar

    from minicon.api.services import Services
    from minicon.models.environment_files.lockfile import LockedPackage, Lockfile

    Key = TypeVar("Key", bound=Hashable)
    Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOutcome:
    """The result of merging lock files.

    Attributes:
        settled: Whether the file contains a consistent lock now; else it is unchanged.
        solved: Whether the packages were solved again.
        conflicts: Packages that the sides changed differently, and unsatisfied dependencies.
        reason: Why it is not settled, or None.
    """

    settled: bool
    solved: bool = False
    conflicts: tuple[str, ...] = ()
    reason: str | None = None


def merge_lock_files(
    services: Services, base: Path, ours: Path, theirs: Path, *, target: Path
) -> MergeOutcome:
    """Merge two lock files with a common ancestor into ``ours``.

    Args:
        services: For solving again.
        base: The common ancestor (git's ``%O``); may be empty.
        ours: Our side (``%A``); it is replaced by the merge.
        theirs: Their side (``%B``).
        target: Path of the file in the work tree (``%P``); its sources are relative to it.

    Raises:
        SpecError: One of them is not a ``conda-lock.yml``.
        FileError: ``ours`` cannot be written.
    """
    mine, other = _read(ours), _read(theirs)
    ancestor = _read(base) if base.stat().st_size else _empty(mine)
    merged = merge_locks(ancestor, mine, other)
    known = {*mismatches(mine), *mismatches(other)}  # not caused by the merge
    problems = tuple(each for each in mismatches(merged.lock) if each not in known)
    why_not = "they are incompatible"
    if problems or merged.inputs_disagree:
        try:
            _refuse_unmerged_sources(services, merged, (mine, other), target)
            lock = _solve_again(services, merged.lock, target)
        except MiniconError as error:
            why_not = error.message
        else:
            write_lock_file(ours, lock)
            return MergeOutcome(settled=True, solved=True, conflicts=merged.conflicts)
    if problems:
        reason = f"{', '.join(problems[:3])}; solving again: {why_not}"
        return MergeOutcome(settled=False, conflicts=merged.conflicts + problems, reason=reason)
    write_lock_file(ours, merged.lock)
    return MergeOutcome(settled=True, conflicts=merged.conflicts)


def _refuse_unmerged_sources(
    services: Services, merged: MergedLock, sides: tuple[Lockfile, Lockfile], target: Path
) -> None:
    """Check that git has written the merged environment file to the work tree already.

    Raises:
        SpecError: The environment file in the work tree is still that of one side.
    """
    if not merged.inputs_disagree:
        return
    inputs = _inputs(merged.lock, target)
    if any(not stale_platforms(services, inputs, side) for side in sides):
        raise SpecError("unmerged-source", "the environment file is not merged yet")


def _solve_again(services: Services, lock: Lockfile, target: Path) -> Lockfile:
    """Lock the sources in the work tree, keeping as many merged packages as possible."""
    inputs = _inputs(lock, target)
    if any("<<<<<<<" in f.read_text(errors="replace") for f in inputs.files if f.is_file()):
        raise SpecError("unmerged-source", "the environment file itself has conflicts")
    return make_lock(services, inputs, targets_of(lock), before=lock)


def _inputs(lock: Lockfile, target: Path) -> LockInputs:
    folder = target.absolute().parent
    if not lock.sources:
        raise SpecError("no-sources", "the lock file does not name the files it was made from")
    channels, override = named_channels(lock)
    return LockInputs(
        files=tuple(folder / source for source in lock.sources),
        folder=folder,
        channels=channels,
        override_channels=override,
    )


def _read(path: Path) -> Lockfile:
    from minicon.envs.locks.conda_lock import parse_conda_lock

    file = read_input_text(path)
    # git's temporary files have no extension.
    return parse_lock(file, platform="noarch", whole=True) or parse_conda_lock(
        file.text, source=file.source
    )


def _empty(like: Lockfile) -> Lockfile:
    empty: tuple[str, ...] = ()
    return replace(
        like, packages=(), platforms=empty, channels=empty, sources=empty, content_hash={}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedLock:
    """A merged lock, before its consistency is checked.

    Attributes:
        lock: The merged lock; where the sides disagree, the newer version.
        conflicts: ``NAME (PLATFORM)`` of packages on which the sides disagree, sorted.
        inputs_disagree: Whether both sides changed the inputs (environment files), differently.
    """

    lock: Lockfile
    conflicts: tuple[str, ...] = ()
    inputs_disagree: bool = False


def merge_locks(base: Lockfile, ours: Lockfile, theirs: Lockfile) -> MergedLock:
    """Merge two locks with a common ancestor."""
    before, mine, other = (_by_key(lock.packages) for lock in (base, ours, theirs))
    packages, disagreed = _merge(before, mine, other)
    packages |= {key: _newer(mine.get(key), other.get(key)) for key in disagreed}
    hashes, stale = _merge(base.content_hash, ours.content_hash, theirs.content_hash)
    metadata, _ = _merge(base.metadata, ours.metadata, theirs.metadata)
    lock = replace(
        ours,
        packages=sorted_packages(packages.values()),
        platforms=_merge_lists(base.platforms, ours.platforms, theirs.platforms),
        channels=_merge_lists(base.channels, ours.channels, theirs.channels),
        sources=_merge_lists(base.sources, ours.sources, theirs.sources),
        # The merged inputs were never locked together, so neither side's hash is right for them.
        content_hash={name: digest for name, digest in hashes.items() if name not in stale},
        metadata=metadata,
    )
    return MergedLock(
        lock=lock,
        conflicts=tuple(sorted({f"{key[0]} ({key[2]})" for key in disagreed})),
        inputs_disagree=bool(stale),
    )


def _newer(mine: LockedPackage | None, other: LockedPackage | None) -> LockedPackage:
    """Return the newer package, ours if the versions are equal, or the one that was not removed."""
    found = [package for package in (mine, other) if package is not None]
    return max(found, key=lambda package: version_key(package.version))


def _by_key(packages: Iterable[LockedPackage]) -> dict[tuple[str, str, str, str], LockedPackage]:
    return {package.key: package for package in packages}


def _merge(
    base: Mapping[Key, Value], ours: Mapping[Key, Value], theirs: Mapping[Key, Value]
) -> tuple[dict[Key, Value], list[Key]]:
    """Return the merged mapping, and the keys that both sides changed differently."""
    merged: dict[Key, Value] = {}
    conflicts = []
    for key in dict.fromkeys((*ours, *theirs)):
        was, mine, other = base.get(key), ours.get(key), theirs.get(key)
        if mine not in (other, was) and other != was:
            conflicts.append(key)
        chosen = other if mine == was else mine
        if chosen is not None:
            merged[key] = chosen
    return merged, conflicts


def _merge_lists(
    base: tuple[str, ...], ours: tuple[str, ...], theirs: tuple[str, ...]
) -> tuple[str, ...]:
    """Return ours without the items that they removed, then the items that they added."""
    kept = [item for item in ours if item in theirs or item not in base]
    return tuple(dict.fromkeys((*kept, *(item for item in theirs if item not in base))))
