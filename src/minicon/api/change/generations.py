"""The states that an environment went through, and going back to one."""

from __future__ import annotations

import shlex
from datetime import datetime

from minicon import __version__
from minicon.errors import PrefixError
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

    from minicon.api.services import Services


def history_entries(path: Path) -> list[dict[str, Any]]:
    """Kept states of an environment, oldest first.

    Each tells its ``revision``, ``date``, ``command``, whether it is ``current``, how many
    ``packages`` it has, and which were ``added`` and ``removed`` against the one before it.
    """
    entries: list[dict[str, Any]] = []
    before: set[str] = set()
    for generation in generations(path):
        packages = set(generation.packages)
        date = datetime.fromtimestamp(generation.created).isoformat(" ", "seconds")
        entries.append(
            {
                "revision": generation.number,
                "date": date if generation.created else None,
                "command": generation.command,
                "current": generation.is_current,
                "packages": len(packages),
                # The state before the oldest that is kept is unknown, but for the very first.
                "added": sorted(packages - before) if entries or generation.number == 1 else [],
                "removed": sorted(before - packages),
            }
        )
        before = packages
    return entries


def is_kept(path: Path, revision: int) -> bool:
    """Whether a state of an environment can be gone back to offline.

    Number 0 is what another tool made; while it is the present state, it is none to go back to.
    """
    recover(path)
    store = GenerationStore(path)
    is_present = revision > 0 and read_generation_metadata(store.prefix).number == revision
    return is_present or revision in store.numbers()


def difference(path: Path, first: int, second: int) -> dict[str, list[str]]:
    """Packages that SECOND has and FIRST has not, and the other way round.

    Raises:
        PrefixError: One of them was not kept.
    """
    kept = {generation.number: set(generation.packages) for generation in generations(path)}
    for number in (first, second):
        if number not in kept:
            raise PrefixError(
                "no-such-generation",
                f"revision {number} of {path} was not kept",
                hint=f"kept are {', '.join(map(str, sorted(kept)))}",
            )
    return {
        "added": sorted(kept[second] - kept[first]),
        "removed": sorted(kept[first] - kept[second]),
    }


def roll_back(
    services: Services,
    path: Path,
    revision: int | None,
    *,
    command_line: Sequence[str],
    dry_run: bool = False,
    override_frozen: bool = False,
) -> int:
    """Make a kept state the environment again; returns its number.

    Args:
        services: For telling of the user's files that had to make room.
        path: The environment.
        revision: Its number; None means the state before the last change.
        command_line: What the user typed, for history.
        dry_run: Only find out which state it would be.
        override_frozen: Whether an environment that is marked frozen may change.

    Raises:
        PrefixError: That state was not kept, or the environment is frozen.
    """
    from minicon.api.plan.planning import refuse_frozen

    recover(path)
    refuse_frozen(Prefix(path), override=override_frozen)
    store = GenerationStore(path)
    if revision is None:
        revision = read_generation_metadata(store.prefix).previous
        if revision is None or revision not in store.numbers():
            raise PrefixError(
                "nothing-to-undo",
                f"the state of {path} before its last change was not kept",
                hint="'minicon history' shows what is kept",
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
        )
    return revision
