"""What git calls for a lock file that two branches changed: merge, and solve where that is due."""

from __future__ import annotations

from minicon.api.lock.lock_inputs import LockInputs, named_channels, stale_platforms, targets_of
from minicon.api.lock.lock_mismatches import mismatches
from minicon.api.lock.locking import make_lock
from minicon.envs.locks.lock_files import read_lock_file, write_lock_file
from minicon.envs.locks.lock_merge import merge_locks
from minicon.errors import MiniconError, SpecError
from minicon.lean_dataclasses import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.envs.locks.lock_merge import MergedLock
    from minicon.models.environment_files.lockfile import Lockfile


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOutcome:
    """How a merge ended.

    Attributes:
        settled: Whether the file holds a whole lock now; else it is as it was.
        solved: Whether packages had to be solved for again.
        conflicts: What the sides disagreed on, or what did not fit together.
        reason: Why it is not settled, or None.
    """

    settled: bool
    solved: bool = False
    conflicts: tuple[str, ...] = ()
    reason: str | None = None


def merge_lock_files(
    services: Services, base: Path, ours: Path, theirs: Path, *, place: Path
) -> MergeOutcome:
    """Merge two lock files that grew out of one, into OURS.

    Args:
        services: For solving again where both sides changed the same.
        base: The common ancestor (git's ``%O``); may be empty.
        ours: Our side (``%A``); it is replaced by the merge.
        theirs: Their side (``%B``).
        place: Path of the file in the work tree (``%P``): its sources are beside it.

    Raises:
        SpecError: One of them is not a ``conda-lock.yml``.
        FileError: OURS cannot be written.
    """
    mine, other = _read(ours), _read(theirs)
    ancestor = _read(base) if base.stat().st_size else _nothing(mine)
    merged = merge_locks(ancestor, mine, other)
    known = {*mismatches(mine), *mismatches(other)}  # what a side holds already, merging brings not
    problems = tuple(each for each in mismatches(merged.lock) if each not in known)
    why_not = "they do not fit together"
    if problems or merged.inputs_disagree:
        try:
            _refuse_unmerged_sources(services, merged, (mine, other), place)
            lock = _solve_again(services, merged.lock, place)
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
    services: Services, merged: MergedLock, sides: tuple[Lockfile, Lockfile], place: Path
) -> None:
    """Git merges the environment file too, and may not have written it yet.

    Raises:
        SpecError: What lies in the work tree is what one side asked for, not both.
    """
    if not merged.inputs_disagree:
        return
    inputs = _inputs(merged.lock, place)
    if any(not stale_platforms(services, inputs, side) for side in sides):
        raise SpecError("unmerged-source", "the environment file is not merged yet")


def _solve_again(services: Services, lock: Lockfile, place: Path) -> Lockfile:
    """What the sources in the work tree ask for, with as much of the merge as fits."""
    inputs = _inputs(lock, place)
    if any("<<<<<<<" in f.read_text(errors="replace") for f in inputs.files if f.is_file()):
        raise SpecError("unmerged-source", "the environment file itself has conflicts")
    return make_lock(services, inputs, targets_of(lock), before=lock)


def _inputs(lock: Lockfile, place: Path) -> LockInputs:
    folder = place.absolute().parent
    if not lock.sources:
        raise SpecError("no-sources", "the lock does not say what it was made from")
    channels, override = named_channels(lock)
    return LockInputs(
        files=tuple(folder / source for source in lock.sources),
        folder=folder,
        channels=channels,
        override_channels=override,
    )


def _read(path: Path) -> Lockfile:
    from minicon.envs.locks.conda_lock import parse_conda_lock
    from minicon.envs.locks.lock_values import read_lock_text

    lock = read_lock_file(path, platform="noarch")
    # git hands over files without a telling name.
    return lock or parse_conda_lock(read_lock_text(path), source=str(path))


def _nothing(like: Lockfile) -> Lockfile:
    empty: tuple[str, ...] = ()
    return replace(
        like, packages=(), platforms=empty, channels=empty, sources=empty, content_hash={}
    )
