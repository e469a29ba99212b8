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
    content_hash,
    input_metadata,
    request_of,
    services_for,
)
from minicon.api.lock.lock_solution import lock_records
from minicon.api.lock.locked_packages import categorised, locked_packages
from minicon.api.plan.plan_notes import source_notes
from minicon.api.plan.planning import make_planning_context, make_solve_request, solve
from minicon.api.plan.pruning import for_pruning, pruned
from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass, replace
from minicon.models.environment_files.lockfile import Lockfile, sorted_packages
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.prefix_record import PrefixRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.api.plan.planning import PlanningContext
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
    locks = [_lock_target(services, inputs, target, before, update) for target in targets]
    return Lockfile(
        packages=sorted_packages([package for lock in locks for package in lock.packages]),
        platforms=tuple(target.platform for target in targets),
        channels=tuple(dict.fromkeys(channel for lock in locks for channel in lock.channels)),
        content_hash={t.platform: content_hash(services, inputs, t) for t in targets},
        sources=tuple(_relative(path, inputs.folder) for path in inputs.files),
        metadata=input_metadata(inputs, targets),
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
    services: Services,
    inputs: LockInputs,
    target: LockTarget,
    before: Lockfile | None,
    update: Sequence[str],
) -> Lockfile:
    target_services = services_for(services, target)
    try:
        request, contents = request_of(target_services, inputs)
        question = make_planning_context(target_services, request)
        for note in source_notes(question.sources):
            services.reporter.warn(note)
        _refuse_what_only_pip_knows(question)
        solve_request = make_solve_request(question)
        if before is not None and target.platform in before.platforms:
            solve_request = _keeping(target_services, solve_request, before, target, update)
        solution = pruned(solve_request, solve(question, solve_request))
        packages = locked_packages(solution, solve_request.wheels, target.platform)
        return Lockfile(
            packages=categorised(packages, contents, inputs.specs, solve_request.wheels),
            channels=_channels(question, request),
        )
    except SpecError as error:
        error.context = error.context or f"while locking for {target.platform}"
        raise
    finally:
        target_services.close()


def _keeping(
    services: Services,
    request: SolveRequest,
    before: Lockfile,
    target: LockTarget,
    update: Sequence[str],
) -> SolveRequest:
    """Return a request that keeps the locked packages, except those to update."""
    packages = before.for_platform(target.platform, before.groups)
    records = lock_records(services, packages)
    for name in update:
        if name not in records:
            raise SpecError(
                "not-locked",
                f"{name} is not in the lock for {target.platform}",
                hint="name a package of the lock; to add one, add it to the environment file",
            )
    installed = [PrefixRecord(record, files=(), paths=()) for record in records.values()]
    kept = for_pruning(request, installed, keep_satisfied=True, move=update)
    named = {spec.exact_name for spec in kept.specs} | {r.name for r in kept.requirements}
    indirect = [MatchSpec(name) for name in update if name not in named]
    return replace(kept, specs=(*kept.specs, *indirect))


def _refuse_what_only_pip_knows(question: PlanningContext) -> None:
    unlockable = question.asked.from_pip.pip_requirements
    if unlockable:
        raise SpecError(
            "cannot-be-locked",
            f"{unlockable[0]} has no fixed file that a lock could contain",
            hint="request a released version, or give the URL of a wheel",
        )


def _channels(question: PlanningContext, request: ChangeRequest) -> tuple[str, ...]:
    written = [name for name in request.channels if name not in ("nodefaults", "host", "pypi")]
    configured = [channel.name for channel in question.sources.channels]
    return tuple(written or configured)


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path.absolute(), folder.absolute()).replace(os.sep, "/")


def _shown(package: object) -> str | None:
    version = getattr(package, "version", None)
    build = getattr(package, "build", "")
    return f"{version} {build}".strip() if version else None


def _identity(package: object) -> tuple[object, object]:
    return (getattr(package, "url", None), getattr(package, "sha256", None))
