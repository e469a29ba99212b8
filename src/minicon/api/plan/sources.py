"""Which sources a request may use: the channels that are named, or the built-in set.

::

    channels named by the user or configured?
      yes → exactly those; 'host' and 'pypi' only if they are among them
            (what is asked of PyPI by name is always allowed, unless --no-pypi)
      no  → conda-forge if it answers within two seconds, then 'host', then 'pypi'
"""

from __future__ import annotations

from minicon.config.values import MOST_ITEMS
from minicon.constants import DEFAULT_CHANNEL, HOST_CHANNEL, PYPI_CHANNEL
from minicon.errors import ChannelError, ConfigError
from minicon.lean_dataclasses import dataclass
from minicon.repodata.channels.names import expand_channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from minicon.config.settings import Settings
    from minicon.models.channel import Channel

PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The sources of one request.

    Attributes:
        channels: Ordinary channels, first has priority.
        use_host: Whether interpreters of this machine may serve as python.
        pypi_for_missing_names: Whether a name that no channel has may come from PyPI.
        allow_pypi: Whether PyPI may be asked at all.
        skipped: Built-in channels that could not be reached.
        is_default: Whether nothing was named and this is the built-in set.
    """

    channels: tuple[Channel, ...]
    use_host: bool
    pypi_for_missing_names: bool
    allow_pypi: bool
    skipped: tuple[Channel, ...] = ()
    is_default: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All of them as a user would name them."""
        builtin = (HOST_CHANNEL,) * self.use_host + (PYPI_CHANNEL,) * self.pypi_for_missing_names
        return (*(channel.name for channel in self.channels), *builtin)


def choose_sources(
    settings: Settings,
    named: tuple[str, ...],
    *,
    override: bool,
    is_reachable: Callable[[Channel, float], bool],
) -> Sources:
    """Decide where packages come from.

    Args:
        settings: Configuration; its channels follow the named ones unless overridden.
        named: Channels of the command line or environment file; ``nodefaults`` drops the
            configured ones.
        override: Only the named ones.
        is_reachable: Asks one channel, within a bound in seconds; remembers the answer.

    Raises:
        ConfigError: ``--override-channels`` without a channel, or thousands of channels.
        SpecError: A channel text that cannot be read.
        ChannelError: A channel that the configuration forbids.
    """
    drop_configured = override or "nodefaults" in named
    texts = list(dict.fromkeys(text for text in named if text != "nodefaults"))
    if override and not texts:
        raise ConfigError(
            "no-channels",
            "--override-channels leaves no channel",
            hint="name one with -c CHANNEL",
        )
    if not drop_configured:
        texts = list(dict.fromkeys([*texts, *(settings.channels or ())]))
    if len(texts) > MOST_ITEMS:
        raise ConfigError(
            "too-many-items",
            f"{len(texts)} channels are named; at most {MOST_ITEMS} are asked",
            hint="leave out what is not needed",
        )
    if not texts:
        return _builtin_sources(settings, is_reachable)
    channels = [channel for text in texts for channel in expand_channel(settings, text)]
    refuse_forbidden(settings, channels)
    builtin = {channel.name for channel in channels if channel.is_builtin}
    return Sources(
        channels=tuple(dict.fromkeys(c for c in channels if not c.is_builtin)),
        use_host=HOST_CHANNEL in builtin,
        pypi_for_missing_names=PYPI_CHANNEL in builtin and settings.use_pypi,
        allow_pypi=settings.use_pypi,
    )


def refuse_forbidden(settings: Settings, channels: Iterable[Channel]) -> None:
    """Hold to ``allowlist_channels`` and ``denylist_channels``; they speak of channels alone.

    Raises:
        ChannelError: A channel is not among those that may be used.
    """
    is_allowed = _allowed(settings)
    for channel in channels:
        if not is_allowed(channel):
            raise ChannelError(
                "channel-not-allowed",
                f"the configuration does not allow the channel {channel.name}",
                hint="'minicon config --show-sources' tells where that is written",
            )


def _allowed(settings: Settings) -> Callable[[Channel], bool]:
    """A test of channels by the lists of the configuration, which are read once."""

    def places(texts: Iterable[str]) -> frozenset[str]:
        return frozenset(
            channel.base_url for text in texts for channel in expand_channel(settings, text)
        )

    denied, allowed = places(settings.denylist_channels), places(settings.allowlist_channels)
    open_to_all = not settings.allowlist_channels

    def is_allowed(channel: Channel) -> bool:
        if channel.is_builtin or channel.base_url in denied:
            return channel.is_builtin
        return open_to_all or channel.base_url in allowed

    return is_allowed


def _builtin_sources(settings: Settings, is_reachable: Callable[[Channel, float], bool]) -> Sources:
    default = expand_channel(settings, DEFAULT_CHANNEL)
    channels = list(filter(_allowed(settings), default))
    answers = {channel: is_reachable(channel, PROBE_SECONDS) for channel in channels}
    return Sources(
        channels=tuple(channel for channel, answers_us in answers.items() if answers_us),
        use_host=True,
        pypi_for_missing_names=settings.use_pypi,
        allow_pypi=settings.use_pypi,
        skipped=tuple(channel for channel, answers_us in answers.items() if not answers_us),
        is_default=True,
    )
