"""Channel names: expand those of the settings, and suggest one for a misspelled channel."""

from __future__ import annotations

import os
from pathlib import Path

from minicon.errors import ChannelError, OfflineError
from minicon.models.channel import parse_channels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.config.settings import Settings
    from minicon.models.channel import Channel

#: Public channels that many people use.
_WELL_KNOWN = (
    *("anaconda", "bioconda", "conda-forge", "defaults", "dglteam", "fastai", "intel", "main"),
    *("msys2", "nvidia", "plotly", "pyg", "pytorch", "pytorch-nightly", "r", "rapidsai"),
    *("robostack-staging", "salilab"),
)


def expand_channel(settings: Settings, text: str) -> tuple[Channel, ...]:
    """Expand a name, URL, path or multichannel such as ``defaults`` into channels."""
    return parse_channels(
        text,
        alias=settings.channel_alias,
        custom_channels=settings.custom_channels,
        custom_multichannels=settings.custom_multichannels,
        default_channels=settings.default_channels,
        cwd=Path.cwd(),
    )


def channel_mirrors(settings: Settings) -> dict[str, Sequence[str]]:
    """Return the setting ``mirrored_channels`` by base URL."""
    return {
        channel.base_url: urls
        for text, urls in settings.mirrored_channels.items()
        for channel in expand_channel(settings, text)
        if channel.base_url
    }


def channel_not_found(channel: Channel, subdirs: Sequence[str], *, offline: bool) -> ChannelError:
    """Return the error for a channel that has none of the subdirs, or offline, none cached."""
    listed = " and ".join(subdirs)
    if offline and not channel.is_local:
        message = f"nothing of the channel {channel.name} is cached for {listed}"
        return OfflineError(
            "offline", message, hint="run once without --offline, or set MINICON_OFFLINE=false"
        )
    message = f"there is no channel at {channel.base_url}: no index for {listed}"
    near = nearest_channel(channel)
    hint = f"did you mean {near}?" if near else "check its name or URL"
    error = ChannelError("channel-not-found", message, hint=hint)
    return error.with_facts(
        channel_name=channel.name, channel_url=channel.base_url, status_code=404
    )


def nearest_channel(channel: Channel) -> str | None:
    """Return a channel with a similar name: a directory beside it, or a well-known one."""
    from minicon.models.near_names import near_names

    parent, _, name = channel.base_url.rpartition("/")
    near = near_names(name, _candidates(channel, parent))
    if not near:
        return None
    return near[0] if channel.name == name else f"{parent}/{near[0]}"


def _candidates(channel: Channel, parent: str) -> Iterable[str]:
    if not channel.is_local:
        return _WELL_KNOWN
    from minicon.models.url import Url

    try:
        return os.listdir(Url(parent).file_path or "/")
    except OSError:
        return ()
