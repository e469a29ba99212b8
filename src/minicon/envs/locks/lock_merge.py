"""Three-way merge of lock files: package by package, instead of line by line.

==============================  ===========================================
a package was changed by        the merge has
==============================  ===========================================
one side                        that side's
both, in the same way           that
both, differently               the newer of the two, and a conflict to be looked at
==============================  ===========================================
"""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass, replace
from minicon.models.environment_files.lockfile import sorted_packages
from minicon.models.version import version_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping
    from typing import TypeVar

    from minicon.models.environment_files.lockfile import LockedPackage, Lockfile

    Key = TypeVar("Key", bound=Hashable)
    Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedLock:
    """What merging gave.

    Attributes:
        lock: The merged lock; where the sides disagree, the newer version.
        conflicts: ``NAME (PLATFORM)`` of packages on which the sides disagree, sorted.
        inputs_disagree: Whether both sides changed what was asked for, in different ways.
    """

    lock: Lockfile
    conflicts: tuple[str, ...] = ()
    inputs_disagree: bool = False


def merge_locks(base: Lockfile, ours: Lockfile, theirs: Lockfile) -> MergedLock:
    """Merge two locks that grew out of one."""
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
        # A hash of inputs that nobody locked together must not pass for one that somebody did.
        content_hash={name: digest for name, digest in hashes.items() if name not in stale},
        metadata=metadata,
    )
    return MergedLock(
        lock=lock,
        conflicts=tuple(sorted({f"{key[0]} ({key[2]})" for key in disagreed})),
        inputs_disagree=bool(stale),
    )


def _newer(mine: LockedPackage | None, other: LockedPackage | None) -> LockedPackage:
    """The newer one; ours of equal versions; the one there is where the other side dropped it."""
    found = [package for package in (mine, other) if package is not None]
    return max(found, key=lambda package: version_key(package.version))


def _by_key(packages: Iterable[LockedPackage]) -> dict[tuple[str, str, str, str], LockedPackage]:
    return {package.key: package for package in packages}


def _merge(
    base: Mapping[Key, Value], ours: Mapping[Key, Value], theirs: Mapping[Key, Value]
) -> tuple[dict[Key, Value], list[Key]]:
    """The merged mapping, and the keys on which both sides differ from the base and each other."""
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
    """Ours without what they removed, then what they added."""
    kept = [item for item in ours if item in theirs or item not in base]
    return tuple(dict.fromkeys((*kept, *(item for item in theirs if item not in base))))
