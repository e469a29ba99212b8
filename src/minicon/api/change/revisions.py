"""Revisions of an environment: list and compare the kept ones, go back to any.

::

    revision ─┬─ kept as a generation ──────── roll_back: switch, offline
              └─ known from the history only ─ plan_revision: install its packages again

:mod:`.revision_list` lists both.
"""

from __future__ import annotations

import shlex

from minicon import __version__
from minicon.api.change.revision_list import listed_revisions
from minicon.constants import PYPI_CHANNEL, PYPI_PREFIX
from minicon.errors import PrefixError
from minicon.lean_dataclasses import dataclass, replace
from minicon.prefix.environment.history import channel_of, requested_specs, states
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.metadata import read_generation_metadata
from minicon.prefix.generations.recovery import recover
from minicon.prefix.plan.transaction import dist_json
from minicon.prefix.rollback import generations, number_after, number_before, rollback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any, Literal

    from minicon.api.plan.request import Plan
    from minicon.api.services import Services
    from minicon.prefix.environment.history import Revision
    from minicon.prefix.plan.transaction import Transaction

    Step = Literal["undo", "redo"]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two revisions.

    Attributes:
        first: Number of the earlier one; None if it is not kept.
        second: Number of the later one.
        added: ``name-version-build`` of packages that only the second has.
        removed: The same of the first.
        command: The command that made the change, if it is one.
    """

    first: int | None
    second: int | None
    added: list[str]
    removed: list[str]
    command: str = ""

    @property
    def packages(self) -> dict[str, list[str]]:
        """The part that ``--json`` has, and that is shown."""
        return {"added": self.added, "removed": self.removed}


def difference(path: Path, first: int, second: int | None) -> Difference:
    """Return the difference between two kept revisions; None: the current one.

    Raises:
        PrefixError: One of them is not kept.
    """
    kept = {generation.number: set(generation.packages) for generation in generations(path)}
    if second is None:
        second = read_generation_metadata(path).number
    for number in (first, second):
        if number not in kept:
            raise PrefixError(
                "no-such-generation",
                f"revision {number} of {path} is not kept",
                hint=f"kept are {', '.join(map(str, sorted(kept)))}",
            )
    added, removed = kept[second] - kept[first], kept[first] - kept[second]
    return Difference(first, second, sorted(added), sorted(removed))


def last_change(path: Path) -> Difference:
    """Return what the last command changed, by minicon or by another program.

    Raises:
        PrefixError: The environment has no history.
    """
    listed = listed_revisions(path)
    if not listed or listed[-1].conda_revision is None:
        hint = "'minicon list' shows the packages"
        raise PrefixError("no-such-generation", f"{path} has no history", hint=hint)
    last, first = listed[-1], listed[-2].revision if len(listed) > 1 else None
    shown = last.to_json()
    return Difference(first, last.revision, shown["added"], shown["removed"], last.command)


def actions_of_switch(
    path: Path, revision: int, channel_name: Callable[[str], str]
) -> dict[str, Any]:
    """Return the ``actions`` object of ``--json`` for a switch to a kept revision.

    Args:
        path: The environment.
        revision: A number of :func:`find_revision`.
        channel_name: Gives the name of a channel's base URL.
    """
    trees = {generation.number: generation.path for generation in generations(path)}
    before, after = (
        {each.record.dist_name: each.record for each in Prefix(tree).readable_records()}
        for tree in (path, trees[revision])
    )
    return {
        "FETCH": [],
        "LINK": [dist_json(after[name], channel_name) for name in after if name not in before],
        "UNLINK": [dist_json(before[name], channel_name) for name in before if name not in after],
        "PREFIX": str(path),
    }


def find_revision(path: Path, revision: int | Step, *, override_frozen: bool = False) -> int:
    """Return the number of a kept revision that :func:`roll_back` can go to.

    Args:
        path: The environment.
        revision: A number, or a step from the current revision.
        override_frozen: Whether an environment that is marked frozen may change.

    Raises:
        PrefixError: The revision is not kept, or the environment is frozen.
    """
    from minicon.api.plan.context import refuse_frozen

    recover(path)
    refuse_frozen(Prefix(path), override=override_frozen)
    if not isinstance(revision, int):
        return number_before(path) if revision == "undo" else number_after(path)
    kept = [generation.number for generation in generations(path)]
    if revision not in kept:
        raise PrefixError(
            "no-such-generation",
            f"revision {revision} of {path} is not kept",
            hint=f"kept are {', '.join(map(str, kept)) or 'none'}",
        )
    return revision


def roll_back(
    services: Services, path: Path, revision: int, *, command_line: Sequence[str]
) -> None:
    """Make a kept revision the environment again.

    Args:
        services: Its reporter receives which files of the user were moved aside.
        path: The environment.
        revision: A number of :func:`find_revision`.
        command_line: What the user typed, for the history.

    Raises:
        PrefixError: The revision is not kept.
    """
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


def plan_revision(
    services: Services, path: Path, number: int, *, override_frozen: bool = False
) -> Plan:
    """Plan to install exactly the packages that the history lists for a revision.

    Args:
        services: Channels and caches.
        path: The environment.
        number: conda's: its index in ``conda-meta/history``, as ``list --revisions`` shows it.
        override_frozen: Whether an environment that is marked frozen may change.

    Raises:
        PrefixError: The history has no such revision.
        MiniconError: A package is no longer available, or whatever planning raises.
    """
    from minicon.api.plan.environment_requests import make_request
    from minicon.api.plan.planning import make_plan

    revisions = Prefix(path).revisions()
    if not 0 <= number < len(revisions):
        raise PrefixError(
            "no-such-generation",
            f"the history of {path} has no revision {number}",
            hint="'minicon list --revisions' lists them",
        )
    revisions = revisions[: number + 1]
    texts = sorted([*states(revisions)][-1])
    # Before conda 4.4, the history named no channels.
    channels = tuple(dict.fromkeys(filter(None, map(channel_of, texts))))
    request = make_request(
        services,
        "install",
        path,
        [_spec(services, text) for text in texts],
        channels=channels,
        override_channels=bool(channels),
        no_deps=True,
        use_pins=False,
        prune=True,
        override_frozen=override_frozen,
    )
    plan = make_plan(services, request)
    return replace(plan, transaction=_as_requested(plan, revisions))


def _as_requested(plan: Plan, revisions: Sequence[Revision]) -> Transaction:
    """Return the transaction with the requests of that time, not one for every package."""
    before = Prefix(plan.prefix).requested_specs()
    packages = plan.request.packages
    names = {spec.exact_name or "" for spec in packages.specs}
    names |= {each.name for each in packages.requirements}
    wanted = requested_specs(revisions, names)
    return replace(
        plan.transaction,
        requested={name: (spec,) for name, spec in wanted.items()},
        update_specs=tuple(wanted.values()),
        remove_specs=tuple(sorted(set(before) - set(wanted))),
    )


def _spec(services: Services, text: str) -> str:
    """Return the spec of exactly one package, as the history names it."""
    from minicon.repodata.channels.names import expand_channel

    name, version, build = text.rpartition("::")[2].rsplit("-", 2)
    channel = channel_of(text)
    if channel == PYPI_CHANNEL:
        return f"{PYPI_PREFIX}{name}=={version}"
    exact = f"{name}=={version}={build}"
    if not channel:
        return exact
    first, *others = expand_channel(services.settings, channel)
    return exact if others else f"{first.base_url or first.name}::{exact}"
