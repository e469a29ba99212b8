"""What to do when a channel lacks a package that its index lists: ask it anew, once."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.api.plan.request import ChangeRequest
    from minicon.api.services import Services
    from minicon.errors import ChannelError


def is_worth_planning_again(
    services: Services, request: ChangeRequest, error: ChannelError
) -> bool:
    """Whether a change that failed may succeed with the channels as they are now.

    If so, cached indices are not believed from here on, so that the next plan is made from fresh
    ones. Packages that were named exactly (locks, explicit lists, clones) stay what they are.
    """
    is_exact = request.explicit or request.lock is not None or request.clone_of is not None
    if error.reference != "not-on-server" or is_exact or services.settings.offline:
        return False
    if not services.channel_client.invalidate_cached_indexes():
        return False
    services.reporter.note(f"{error.message}: the channels are asked anew")
    return True
