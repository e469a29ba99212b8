"""Make a lock: solve for several platforms from any machine, and record the exact packages.

::

    environment.yml ─┐                     ┌─ linux-64 ─> Solution ─┐
    specs, channels ─┼─> LockInputs ─ per ─┼─ osx-arm64 ─> …        ├─> Lockfile ─> conda-lock.yml
    the lock before ─┘       target        └─ win-64 ───> …         ┘
"""

from __future__ import annotations

import os

from minicon.api.lock.lock_inputs import (
    LockInputs,
    LockTarget,
    TargetInputs,
    input_metadata,
    read_inputs,
)
from minicon.api.lock.locked_packages import categorised, locked_packages
from minicon.api.plan.context import make_planning_context
from minicon.api.plan.planning import solution_notes
from minicon.api.plan.pruning import for_pruning, pruned
from minicon.api.plan.solutions.exact_solutions import lock_records
from minicon.api.plan.solving import make_solve_request, solve
from minicon.api.sources import report_notes
from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass, replace
from minicon.models.environment_files.lockfile import Lockfile, sorted_packages
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.prefix_record import PrefixRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.api.plan.context import PlanningContext
    from minicon.api.plan.request import ChangeRequest
    from minicon.api.services import Services
    from minicon.solver.request import SolveRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class LockChange:
    """One package that differs between two locks; a version is None if it is not locked."""

    name: str
    platform: str
    before: str | None
    after: str | None


def make_lock(
    services: Services,
    inputs: LockInputs,
    targets: Sequence[LockTarget],
    *,
    before: Lockfile | None = None,
    update: Sequence[str] = (),
) -> Lockfile:
    """Solve for every target.

    Args:
        services: Settings and reporter.
        inputs: The requested packages.
        targets: The machines to lock for.
        before: A lock whose packages are kept if possible.
        update: Names of packages in it that are updated to their newest version.

    Raises:
        SolveError: A target has no solution; its platform is named.
        ChannelError: A source cannot be reached.
        SpecError: A file cannot be parsed, or requests packages that cannot be locked.
    """
    read = [read_inputs(services, inputs, target) for target in targets]
    said: set[str] = set()
    locks = [_lock_target(each, inputs, before, update, said) for each in read]
    return Lockfile(
        packages=sorted_packages([package for lock in locks for package in lock.packages]),
        platforms=tuple(target.platform for target in targets),
        channels=tuple(dict.fromkeys(channel for lock in locks for channel in lock.channels)),
        content_hash={each.target.platform: each.content_hash for each in read},
        sources=tuple(_relative(path, inputs.folder) for path in inputs.files),
        metadata=input_metadata(inputs, read),
    )


def lock_changes(before: Lockfile | None, after: Lockfile) -> tuple[LockChange, ...]:
    """Return the differences of two locks, by name and platform."""
    old = {(p.name, p.platform): p for p in before.packages} if before else {}
    new = {(p.name, p.platform): p for p in after.packages}
    return tuple(
        LockChange(
            name=name,
            platform=platform,
            before=_shown(old.get((name, platform))),
            after=_shown(new.get((name, platform))),
        )
        for name, platform in sorted({*old, *new})
        if _identity(old.get((name, platform))) != _identity(new.get((name, platform)))
    )


def _lock_target(
    read: TargetInputs,
    inputs: LockInputs,
    before: Lockfile | None,
    update: Sequence[str],
    said: set[str],
) -> Lockfile:
    """Solve for one target, and report what was not said of another one."""
    services, platform = read.services, read.target.platform
    try:
        context = make_planning_context(services, read.request)
        _refuse_what_only_pip_knows(read.request)
        solve_request = make_solve_request(context)
        if before is not None and platform in before.platforms:
            solve_request = _keeping(services, solve_request, read, before, update)
        solution = pruned(solve_request, solve(context, solve_request))
        notes = [
            note for note in solution_notes(read.request.packages, solution) if note not in said
        ]
        said.update(notes)
        report_notes(context.sources.notes, notes, services.settings, services.reporter)
        packages = locked_packages(solution, solve_request.wheels, platform)
        return Lockfile(
            packages=categorised(packages, read, inputs.specs, solve_request.wheels),
            channels=_channels(read, context),
        )
    except SpecError as error:
        error.context = error.context or f"while locking for {platform}"
        raise
    finally:
        services.close()


def _keeping(
    services: Services,
    request: SolveRequest,
    read: TargetInputs,
    before: Lockfile,
    update: Sequence[str],
) -> SolveRequest:
    """Return a request that keeps the locked packages, except those to update."""
    target, allows = read.target, read.request.packages.from_pip.allows
    packages = before.for_platform(target.platform, before.groups)
    records = lock_records(services, packages)
    for name in update:
        if name not in records:
            raise SpecError(
                "not-locked",
                f"{name} is not in the lock for {target.platform}",
                hint="name a package of the lock; to add one, add it to the environment file",
            )
    installed = [
        PrefixRecord(record, files=(), paths=()) for record in records.values() if allows(record)
    ]
    kept = for_pruning(request, installed, keep_satisfied=True, update=update)
    named = {spec.exact_name for spec in kept.specs} | {r.name for r in kept.requirements}
    indirect = [MatchSpec(name) for name in update if name not in named]
    return replace(kept, specs=(*kept.specs, *indirect))


def _refuse_what_only_pip_knows(request: ChangeRequest) -> None:
    unlockable = request.packages.from_pip.pip_requirements
    if unlockable:
        raise SpecError(
            "cannot-be-locked",
            f"{unlockable[0]} has no fixed file that a lock could contain",
            hint="request a released version, or give the URL of a wheel",
        )


def _channels(read: TargetInputs, context: PlanningContext) -> tuple[str, ...]:
    written = [name for name in read.written_channels if name not in ("nodefaults", "host", "pypi")]
    configured = [channel.name for channel in context.sources.channels]
    return tuple(written or configured)


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path.absolute(), folder.absolute()).replace(os.sep, "/")


def _shown(package: object) -> str | None:
    version = getattr(package, "version", None)
    build = getattr(package, "build", "")
    return f"{version} {build}".strip() if version else None


def _identity(package: object) -> tuple[object, object]:
    return (getattr(package, "url", None), getattr(package, "sha256", None))
