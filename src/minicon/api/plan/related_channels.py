"""Channels that other channels bring along (CEP 42), fetched level by level."""

from __future__ import annotations

from minicon.api.plan.sources import refuse_forbidden
from minicon.errors import ChannelError
from minicon.lean_dataclasses import replace
from minicon.repodata.channels.names import expand_channel
from minicon.repodata.channels.relations import Relations, priority_order, relations_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minicon.api.services import Services
    from minicon.models.channel import Channel
    from minicon.models.indexes import RecordIndex

    Group = tuple[RecordIndex, ...]


def with_related(
    services: Services,
    channels: Sequence[Channel],
    groups: Sequence[Group],
    subdirs: tuple[str, ...],
) -> tuple[Group, ...]:
    """The groups of the channels and of those that they relate to, in order of priority.

    Args:
        services: Asks for further channels; its settings say how far.
        channels: As the user ordered them.
        groups: Their indices.
        subdirs: Of which platforms.

    Raises:
        ChannelError: A related channel cannot be asked, may not be used, or relations make no
            sense.
    """
    limit = services.settings.channel_relations_max_depth
    known = {channel.base_url: channel for channel in channels}
    by_url = dict(zip(known, groups, strict=True)) if len(known) == len(groups) else {}
    if limit <= 0 or not by_url:
        return tuple(groups)
    relations: dict[str, Relations] = {}
    level = list(known.values())
    for depth in range(limit + 1):
        for channel in level:
            infos = [getattr(index, "info", {}) for index in by_url[channel.base_url]]
            relations[channel.base_url] = relations_of(channel.base_url, infos)
        level = list(_unknown(services, level, relations, known))
        if not level:
            break
        if depth == limit:
            raise _too_deep(level[0], limit)
        refuse_forbidden(services.settings, level)
        known |= {channel.base_url: channel for channel in level}
        found = services.channel_client.indices(level, subdirs)
        by_url |= {channel.base_url: group for channel, group in zip(level, found, strict=True)}
    order = priority_order([channel.base_url for channel in channels], relations)
    return tuple(by_url[url] for url in order)


def _unknown(
    services: Services,
    channels: Sequence[Channel],
    relations: dict[str, Relations],
    known: dict[str, Channel],
) -> Iterator[Channel]:
    """Channels that these relate to and that are not there yet, each once."""
    seen = set(known)
    for channel in channels:
        for url in relations[channel.base_url].urls:
            if url not in seen:
                seen.add(url)
                (related,) = expand_channel(services.settings, url)
                services.reporter.note(f"{channel.name} brings the channel {related.name} along")
                # A related channel is on the same server, and asked as the same user.
                yield replace(related, credentials=channel.credentials)


def _too_deep(channel: Channel, limit: int) -> ChannelError:
    return ChannelError(
        "relations-too-deep",
        f"channels bring channels along more than {limit} times, up to {channel.name}",
        hint="set channel_relations_max_depth higher, or to 0 to ignore relations",
    )
