"""Plan and carry out: a plan that turns out to be outdated is made again.

::

    ChangeRequest ─ make_plan ─> Plan ─ carry_out ─> result
                        └──── outdated: in turn ──┘
"""

from __future__ import annotations

import contextlib

from minicon.api.plan.planning import make_plan
from minicon.errors import ChannelError, FileError, PackageError, PrefixError
from minicon.prefix.environment.prefix_location import check_is_writable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from minicon.api.plan.request import ChangeRequest, Plan
    from minicon.api.services import Services

    Outcome = TypeVar("Outcome")

#: Another process may change the environment each time that a plan for it is made or read; those
#: whose plans are outdated take turns, so that only commands that have just begun can do so again.
_ATTEMPTS = 20
#: Errors after which a new plan can succeed.
_OUTDATED_PLAN = ("environment-changed", "scripts-not-as-shown")


def plan_and_carry_out(
    services: Services,
    request: ChangeRequest,
    carry_out: Callable[[Plan], Outcome],
    *,
    changes_prefix: bool = True,
) -> Outcome:
    """Plan a change and carry it out; plan again where the plan turns out to be outdated.

    That is so if another process changed the environment meanwhile, if packages have other link
    scripts than were shown, if a wheel cannot be unpacked, or if a channel no longer has a package
    that its cached index lists.

    Args:
        services: Sources, caches and settings.
        request: The change.
        carry_out: Called with each plan; its result is returned.
        changes_prefix: Whether ``carry_out`` changes the environment. If so, a path that cannot be
            written to is refused before anything is downloaded.

    Raises:
        PrefixError: ``parent-not-writable``.
        MiniconError: Whatever planning or ``carry_out`` raises.
    """
    if changes_prefix:
        check_is_writable(request.prefix)
    with contextlib.ExitStack() as turn:
        return _in_attempts(services, request, carry_out, turn)


def _in_attempts(
    services: Services,
    request: ChangeRequest,
    carry_out: Callable[[Plan], Outcome],
    turn: contextlib.ExitStack,
) -> Outcome:
    for left in reversed(range(_ATTEMPTS)):
        plan = make_plan(services, request)
        try:
            return _carried_out(plan, carry_out)
        except PrefixError as error:
            if error.reference not in _OUTDATED_PLAN or not left:
                raise
            services.reporter.note(f"{error.message}: planning again")
            if error.reference == "environment-changed" and left == _ATTEMPTS - 1:
                _take_turn(services, request, turn)
        except PackageError as error:
            if not left or request.is_exact or not _has_refused_wheel(services, plan):
                raise
            services.reporter.warn(f"{error.message}: planning again without it")
        except ChannelError as error:
            if not _may_have_newer_indexes(services, request, error):
                raise
            services.reporter.note(f"{error.message}: fetching the channels' indexes again")
    raise AssertionError("unreachable")


def _carried_out(plan: Plan, carry_out: Callable[[Plan], Outcome]) -> Outcome:
    outcome = carry_out(plan)
    if plan.keep is not None:  # only now, with the reasons that were shown
        plan.keep(plan.solution)
    return outcome


def _take_turn(services: Services, request: ChangeRequest, turn: contextlib.ExitStack) -> None:
    """Wait until no other process plans a change of the environment again, or for long."""
    from minicon.prefix.generations.change import in_turn
    from minicon.prefix.generations.store import GenerationStore

    with contextlib.suppress(FileError):
        store = GenerationStore(request.prefix)
        turn.enter_context(in_turn(store, services.settings.lock_timeout))


def _has_refused_wheel(services: Services, plan: Plan) -> bool:
    """Whether a wheel of a plan turned out to be one that cannot be unpacked."""
    from minicon.pypi.wheels.refused_wheels import RefusedWheels

    refused = RefusedWheels(services.cache_dir)
    wheels = (record for record in plan.fetch if record.source == "pypi")
    return any(refused.reason(record.url, record.sha256) for record in wheels)


def _may_have_newer_indexes(
    services: Services, request: ChangeRequest, error: ChannelError
) -> bool:
    """Whether fresh indexes may serve a change for which a package was missing on its server.

    If so, cached indexes are not used from here on. Packages that are named exactly (by locks,
    explicit lists, clones) would stay the same.
    """
    if error.reference != "not-on-server" or request.is_exact or services.settings.offline:
        return False
    return services.channel_client.invalidate_cached_indexes()
