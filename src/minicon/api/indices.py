"""Record indices for a request: channels in order of priority, then this machine's interpreters."""

from __future__ import annotations

from minicon.models.subdir import NOARCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.api.services import Services
    from minicon.api.sources import Sources
    from minicon.models.match_spec import MatchSpec
    from minicon.models.record_index import RecordIndex


def channel_indices(
    services: Services, sources: Sources, specs: Sequence[MatchSpec] = ()
) -> tuple[tuple[RecordIndex, ...], ...]:
    """One group of indices per channel: the platform's subdir and ``noarch``.

    Channels that a spec names (``conda-forge::numpy``) and that are not among the sources are
    appended, last in priority; the solver uses them for those specs alone.

    Raises:
        ChannelError: A channel cannot be asked, or may not be.
    """
    from minicon.api.sources import expand_channel, refuse_forbidden

    settings = services.settings
    channels = list(sources.channels)
    for spec in specs:
        if spec.channel is not None:
            extra = expand_channel(settings, spec.channel)
            channels += [c for c in extra if not c.is_builtin and c not in channels]
    refuse_forbidden(settings, channels[len(sources.channels) :])
    groups = services.channel_client.indices(channels, (settings.platform, NOARCH))
    if sources.use_host:
        groups = (*groups, (services.host_index,))
    return groups
