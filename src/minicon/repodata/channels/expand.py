"""Channels, by the names and addresses that the settings give them."""

from __future__ import annotations

from pathlib import Path

from minicon.models.channel import parse_channels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.config.settings import Settings
    from minicon.models.channel import Channel


def expand_channel(settings: Settings, text: str) -> tuple[Channel, ...]:
    """One channel text as channels: names, URLs, paths, and multichannels such as ``defaults``."""
    return parse_channels(
        text,
        alias=settings.channel_alias,
        custom_channels=settings.custom_channels,
        custom_multichannels=settings.custom_multichannels,
        default_channels=settings.default_channels,
        cwd=Path.cwd(),
    )


def channel_mirrors(settings: Settings) -> dict[str, Sequence[str]]:
    """The setting ``mirrored_channels`` by base URL: what may be asked in a channel's place."""
    return {
        channel.base_url: urls
        for text, urls in settings.mirrored_channels.items()
        for channel in expand_channel(settings, text)
        if channel.base_url
    }
