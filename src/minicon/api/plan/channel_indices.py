"""Record indices of a request's sources, in order of priority.

::

    channels of the sources ─┬─ channels that they relate to (CEP 42), level by level ─┐
    channels that specs name ┘                                                         ├─> indices
    interpreters of this machine ('host') ─────────────────────────────────────────────┘
"""

from __future__ import annotations

from minicon.api.sources import refuse_forbidden
from minicon.errors import ChannelError
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import channel_matches
from minicon.models.subdir import NOARCH
from minicon.repodata.channels.names import expand_channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from minicon.api.services import Services
    from minicon.api.sources import Sources
    from minicon.models.channel import Channel
    from minicon.models.indexes.record_index import RecordIndex
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.repodata.channels.relations import Relations

    #: The indices of one channel: of the platform's subdir and of ``noarch``.
    Group = tuple[RecordIndex, ...]
    Channels = tuple[Group, ...]


def channel_indices(
    services: Services,
    sources: Sources,
    specs: Sequence[MatchSpec] = (),
    subdirs: tuple[str, ...] | None = None,
) -> tuple[Group, ...]:
    """Return one group of indices per channel, fetched or cached.

    Channels that the sources relate to (CEP 42) come where their relation puts them. Channels that
    a spec names (``conda-forge::numpy``) and that are no source come last; the solver uses them
    for those specs alone.

    Args:
        services: Settings and caches.
        sources: The sources.
        specs: Specs that may name further channels; records of their names are needed first.
        subdirs: Platform directories; None means that of the settings, and ``noarch``.

    Raises:
        ChannelError: A channel cannot be reached, or may not be used.
    """
    settings = services.settings
    channels = list(sources.channels)
    for spec in specs:
        named = spec.channel or "*"
        if "*" not in named:  # a glob adds no channel
            extra = [c for c in expand_channel(settings, named) if not c.is_builtin]
            channels += [c for c in extra if c not in channels and not _has(sources, c.name)]
    count = len(sources.channels)
    refuse_forbidden(settings, channels[count:])
    subdirs = subdirs or (settings.platform, NOARCH)
    names = [spec.exact_name for spec in specs if spec.exact_name]
    groups: tuple[Group, ...] = ()
    if channels:
        groups = services.channel_client.indices(channels, subdirs, names=names)
    groups = (*_with_related(services, sources.channels, groups[:count], subdirs), *groups[count:])
    return _with_host(services, sources, groups) if sources.use_host else groups


def _with_host(
    services: Services, sources: Sources, groups: tuple[Group, ...]
) -> tuple[Group, ...]:
    """Return the groups with that of ``host``, which is last unless it was named earlier."""
    before = sources.host_before.name if sources.host_before else None
    position = next(
        (i for i, group in enumerate(groups) if any(index.channel == before for index in group)),
        len(groups),
    )
    return (*groups[:position], (services.host_index,), *groups[position:])


def _has(sources: Sources, wanted: str) -> bool:
    """Whether one of the sources is the channel that a spec names, or a mirror of it."""
    return any(channel_matches(wanted, channel.name) for channel in sources.channels)


def _with_related(
    services: Services,
    channels: Sequence[Channel],
    groups: tuple[Group, ...],
    subdirs: tuple[str, ...],
) -> tuple[Group, ...]:
    """Return the groups of the channels and of all channels that they relate to.

    Raises:
        ChannelError: A related channel cannot be reached or may not be used, or relations are
            too deep or contradict each other.
    """
    limit = services.settings.channel_relations_max_depth
    if not any("channel_relations" in index.info for group in groups for index in group):
        return groups
    known = {channel.base_url: channel for channel in channels}
    if limit <= 0 or len(known) != len(groups):
        return groups
    from minicon.repodata.channels.relations import priority_order, relations_of

    by_url = dict(zip(known, groups, strict=True))
    relations: dict[str, Relations] = {}
    level = list(known.values())
    for depth in range(limit + 1):
        for channel in level:
            infos = [index.info for index in by_url[channel.base_url]]
            relations[channel.base_url] = relations_of(channel.base_url, infos)
        level = list(_next_level(services, level, relations, known))
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


def _next_level(
    services: Services,
    channels: Sequence[Channel],
    relations: Mapping[str, Relations],
    known: Mapping[str, Channel],
) -> Iterator[Channel]:
    """Yield the channels that these relate to and that are not known yet, each once."""
    seen = set(known)
    for channel in channels:
        for url in relations[channel.base_url].urls:
            if url not in seen:
                seen.add(url)
                (related,) = expand_channel(services.settings, url)
                services.reporter.note(f"{channel.name} adds the channel {related.name}")
                # A related channel is on the same server, and is used with the same credentials.
                yield replace(related, credentials=channel.credentials)


def _too_deep(channel: Channel, limit: int) -> ChannelError:
    return ChannelError(
        "relations-too-deep",
        f"channels relate to further channels more than {limit} times, up to {channel.name}",
        hint="set channel_relations_max_depth higher, or to 0 to ignore relations",
    )
