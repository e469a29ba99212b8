"""Going back to a state that is not kept any more: its packages are fetched and linked again."""

from __future__ import annotations

from minicon.api.plan.planning import make_plan
from minicon.api.plan.request import ChangeRequest
from minicon.errors import PrefixError
from minicon.lean_dataclasses import replace
from minicon.models.subdir import KNOWN_SUBDIRS
from minicon.prefix.environment.history import requested_specs, spec_name, state_at
from minicon.prefix.environment.prefix import Prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.api.plan.request import Plan
    from minicon.api.services import Services
    from minicon.prefix.environment.history import Revision
    from minicon.prefix.plan.transaction import Transaction


def plan_revision(
    services: Services, path: Path, number: int, *, override_frozen: bool = False
) -> Plan:
    """Plan to make an environment hold exactly what its history says of a revision.

    Args:
        services: Channels and caches.
        path: The environment.
        number: As ``minicon history`` shows it; for a state that another tool made, its place in
            ``conda-meta/history`` from 0, as ``conda list --revisions`` shows it.
        override_frozen: Whether an environment that is marked frozen may change.

    Raises:
        PrefixError: The history has no such revision.
        MiniconError: A package can be had nowhere any more, and the like.
    """
    revisions = Prefix(path).revisions()
    revision = _find(revisions, number)
    if revision is None:
        raise PrefixError(
            "no-such-generation",
            f"revision {number} of {path} is neither kept nor in its history",
            hint="'minicon history' lists what is kept",
        )
    texts = state_at(revisions, revision.number)
    request = ChangeRequest(
        action="install",
        prefix=path,
        specs=tuple(_spec(text) for text in texts),
        channels=tuple(dict.fromkeys(_channel(text) for text in texts)),
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
    """Not every package is one that the user asked for: the requests are those of that time."""
    before = Prefix(plan.prefix).requested_specs()
    names = {spec_name(spec) or "" for spec in plan.request.specs}
    wanted = requested_specs(revisions, names)
    return replace(
        plan.transaction,
        requested={name: (spec,) for name, spec in wanted.items()},
        update_specs=tuple(wanted.values()),
        remove_specs=tuple(sorted(set(before) - set(wanted))),
    )


def _channel(text: str) -> str:
    place = text.partition("::")[0]
    channel, _, last = place.rpartition("/")
    return channel if channel and last in KNOWN_SUBDIRS else place


def _spec(text: str) -> str:
    name, version, build = text.partition("::")[2].rsplit("-", 2)
    channel = _channel(text)
    if channel == "pypi":
        return f"pypi:{name}=={version}"
    return f"{channel}::{name}=={version}={build}"
