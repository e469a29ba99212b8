"""Record indices for a request: channels in order of priority, then this machine's interpreters."""

from __future__ import annotations

from minicon.models.match_spec.spec import channel_matches
from minicon.models.subdir import NOARCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.api.plan.sources import Sources
    from minicon.api.services import Services
    from minicon.models.channel import Channel
    from minicon.models.indexes import RecordIndex
    from minicon.models.match_spec.spec import MatchSpec


def channel_indices(
    services: Services, sources: Sources, specs: Sequence[MatchSpec] = ()
) -> tuple[tuple[RecordIndex, ...], ...]:
    """One group of indices per channel: the platform's subdir and ``noarch``.

    Channels that the sources relate to (CEP 42) are among them, in their place.
    Channels that a spec names (``conda-forge::numpy``) and that are not among the sources are
    appended, last in priority; the solver uses them for those specs alone.

    Raises:
        ChannelError: A channel cannot be asked, or may not be.
    """
    from minicon.api.plan.sources import refuse_forbidden
    from minicon.repodata.channels.names import expand_channel

    settings = services.settings
    channels = list(sources.channels)
    for spec in specs:
        if spec.channel is not None and not _has(sources, spec.channel):
            extra = expand_channel(settings, spec.channel)
            channels += [c for c in extra if not c.is_builtin and c not in channels]
    refuse_forbidden(settings, channels[len(sources.channels) :])
    subdirs = (settings.platform, NOARCH)
    names = [spec.exact_name for spec in specs if spec.exact_name]
    groups = services.channel_client.indices(channels, subdirs, names=names)
    count = len(sources.channels)
    groups = (*_with_related(services, sources.channels, groups[:count], subdirs), *groups[count:])
    if sources.use_host:
        groups = (*groups, (services.host_index,))
    return groups


def _has(sources: Sources, wanted: str) -> bool:
    """Whether one of the sources is the channel that a spec names, perhaps a mirror of it."""
    return any(channel_matches(wanted, channel.name) for channel in sources.channels)


def _with_related(
    services: Services,
    channels: Sequence[Channel],
    groups: tuple[tuple[RecordIndex, ...], ...],
    subdirs: tuple[str, ...],
) -> tuple[tuple[RecordIndex, ...], ...]:
    infos = (getattr(index, "info", {}) for group in groups for index in group)
    if not any("channel_relations" in info for info in infos):
        return groups
    from minicon.api.plan.related_channels import with_related

    return with_related(services, channels, groups, subdirs)
