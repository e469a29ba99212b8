"""Fetch the notices of the channels in use."""

from __future__ import annotations

from minicon.api.plan.sources import choose_sources
from minicon.repodata.channels.notices import fetch_notices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.api.services import Services
    from minicon.repodata.channels.notices import Notice


def channel_notices(
    services: Services, channels: tuple[str, ...] = (), *, override: bool = False
) -> list[Notice]:
    """Return the current notices of the channels in use, a channel's most severe first.

    Args:
        services: Settings, network and caches.
        channels: Channels to use in addition to the configured ones.
        override: Use only those.
    """
    settings, reporter = services.settings, services.reporter
    sources = choose_sources(
        settings,
        channels,
        override=override,
        is_reachable=services.channel_client.is_reachable,
    )
    return fetch_notices(
        sources.channels,
        services.fetcher,
        services.notice_cache,
        offline=settings.offline,
        note=reporter.note if settings.verbosity else str,
    )
