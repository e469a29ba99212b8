"""Revisions of an environment: list and compare the kept ones, go back to any.

::

    revision ─┬─ kept as a generation ──────── roll_back: switch, offline
              └─ known from the history only ─ plan_revision: install its packages again
"""

from __future__ import annotations

import shlex
from datetime import datetime

from minicon import __version__
from minicon.constants import PYPI_PREFIX
from minicon.errors import PrefixError
from minicon.lean_dataclasses import replace
from minicon.models.package_names import normalize_pypi_name
from minicon.prefix.environment.history import channel_of, requested_specs, state_at
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.metadata import read_generation_metadata
from minicon.prefix.generations.recovery import recover
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.rollback import generations, rollback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from minicon.api.plan.request import Plan
    from minicon.api.services import Services
    from minicon.prefix.environment.history import Revision
    from minicon.prefix.plan.transaction import Transaction


def history_entries(path: Path) -> list[dict[str, Any]]:
    """Return the kept revisions of an environment, oldest first.

    Each has its ``revision`` number, ``date``, ``command``, whether it is ``current``, the number
    of its ``packages``, and which were ``added`` and ``removed`` since the one before it.
    """
    entries: list[dict[str, Any]] = []
    before: set[str] = set()
    for generation in generations(path):
        packages = set(generation.packages)
        date = datetime.fromtimestamp(generation.created).isoformat(" ", "seconds")
        # What was before the oldest kept revision is unknown, but for the very first.
        is_comparable = bool(entries) or generation.number == 1
        entries.append(
            {
                "revision": generation.number,
                "date": date if generation.created else None,
                "command": generation.command,
                "current": generation.is_current,
                "packages": len(packages),
                "added": sorted(packages - before) if is_comparable else [],
                "removed": sorted(before - packages),
            }
        )
        before = packages
    return entries


def difference(path: Path, first: int, second: int) -> dict[str, list[str]]:
    """Return the packages that only the second of two revisions has, and only the first.

    Raises:
        PrefixError: One of them is not kept.
    """
    kept = {generation.number: set(generation.packages) for generation in generations(path)}
    for number in (first, second):
        if number not in kept:
            raise PrefixError(
                "no-such-generation",
                f"revision {number} of {path} is not kept",
                hint=f"kept are {', '.join(map(str, sorted(kept)))}",
            )
    return {
        "added": sorted(kept[second] - kept[first]),
        "removed": sorted(kept[first] - kept[second]),
    }


def is_kept(path: Path, revision: int) -> bool:
    """Whether a revision can be restored offline.

    Number 0 is what another tool made; while it is the current state, it cannot be restored.
    """
    recover(path)
    store = GenerationStore(path)
    is_current = revision > 0 and read_generation_metadata(store.prefix).number == revision
    return is_current or revision in store.numbers()


def roll_back(
    services: Services,
    path: Path,
    revision: int | None,
    *,
    command_line: Sequence[str],
    dry_run: bool = False,
    override_frozen: bool = False,
) -> int:
    """Make a kept revision the environment again; return its number.

    Args:
        services: Its reporter receives which files of the user were moved aside.
        path: The environment.
        revision: Its number; None means the one before the last change.
        command_line: What the user typed, for the history.
        dry_run: Only find out which revision it would be.
        override_frozen: Whether an environment that is marked frozen may change.

    Raises:
        PrefixError: The revision is not kept, or the environment is frozen.
    """
    from minicon.api.plan.context import refuse_frozen

    recover(path)
    refuse_frozen(Prefix(path), override=override_frozen)
    store = GenerationStore(path)
    if revision is None:
        revision = read_generation_metadata(store.prefix).previous
        if revision is None or revision not in store.numbers():
            raise PrefixError(
                "nothing-to-undo",
                f"the revision of {path} before its last change is not kept",
                hint="'minicon history' shows the kept ones",
            )
    if not dry_run:
        rollback(
            path,
            revision,
            command=shlex.join(("minicon", *command_line)),
            version=__version__,
            durable=services.settings.durability == "safe",
            lock_timeout=services.settings.lock_timeout,
            reporter=services.reporter,
            channel_name=services.channel_names,
        )
    return revision


def plan_revision(
    services: Services, path: Path, number: int, *, override_frozen: bool = False
) -> Plan:
    """Plan to install exactly the packages that the history lists for a revision.

    Args:
        services: Channels and caches.
        path: The environment.
        number: As ``minicon history`` shows it; for a revision that another tool made, its index
            in ``conda-meta/history`` from 0, as ``conda list --revisions`` shows it.
        override_frozen: Whether an environment that is marked frozen may change.

    Raises:
        PrefixError: The history has no such revision.
        MiniconError: A package is no longer available, or whatever planning raises.
    """
    from minicon.api.plan.environment_requests import make_request
    from minicon.api.plan.planning import make_plan

    revisions = Prefix(path).revisions()
    revision = _find(revisions, number)
    if revision is None:
        raise PrefixError(
            "no-such-generation",
            f"revision {number} of {path} is neither kept nor in its history",
            hint="'minicon history' lists the kept ones",
        )
    texts = state_at(revisions, revision.number)
    request = make_request(
        services,
        "install",
        path,
        [_spec(text) for text in texts],
        channels=tuple(dict.fromkeys(channel_of(text) for text in texts)),
        override_channels=True,
        no_deps=True,
        use_pins=False,
        prune=True,
        override_frozen=override_frozen,
    )
    plan = make_plan(services, request)
    return replace(plan, transaction=_as_requested(plan, revisions[: revision.number + 1]))


def _find(revisions: Sequence[Revision], number: int) -> Revision | None:
    ours = [each for each in revisions if each.generation == number]
    if ours:
        return ours[-1]
    if number < len(revisions) and revisions[number].generation is None:
        return revisions[number]
    return None


def _as_requested(plan: Plan, revisions: Sequence[Revision]) -> Transaction:
    """Return the transaction with the requests of that time, not one for every package."""
    before = Prefix(plan.prefix).requested_specs()
    packages = plan.request.packages
    names = {spec.exact_name or "" for spec in packages.specs}
    names |= {normalize_pypi_name(each.name) for each in packages.requirements}
    wanted = requested_specs(revisions, names)
    return replace(
        plan.transaction,
        requested={name: (spec,) for name, spec in wanted.items()},
        update_specs=tuple(wanted.values()),
        remove_specs=tuple(sorted(set(before) - set(wanted))),
    )


def _spec(text: str) -> str:
    """Return the spec of exactly one package, as the history names it."""
    name, version, build = text.partition("::")[2].rsplit("-", 2)
    channel = channel_of(text)
    if channel == "pypi":
        return f"{PYPI_PREFIX}{name}=={version}"
    return f"{channel}::{name}=={version}={build}"
