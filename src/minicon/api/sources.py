"""Sources: where the packages of a request may come from.

::

    channels named by the user or configured?
      yes → exactly those; 'host' and 'pypi' only if they are among them
            (PyPI is always allowed for ``pypi:`` specs, unless --no-pypi)
      no  → conda-forge if it answers within two seconds, then 'host', then 'pypi'
"""

from __future__ import annotations

from minicon.config.values import MOST_ITEMS
from minicon.constants import DEFAULT_CHANNEL, HOST_CHANNEL, PYPI_CHANNEL
from minicon.counted import counted
from minicon.errors import ChannelError, ConfigError
from minicon.lean_dataclasses import dataclass
from minicon.models.channel import expand_references
from minicon.repodata.channels.names import expand_channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from minicon.config.settings import Settings
    from minicon.models.channel import Channel
    from minicon.models.reporter import Reporter

_PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The sources of one request.

    Attributes:
        channels: Ordinary channels, first has priority.
        use_host: Whether an interpreter of this machine may serve as python.
        host_before: The channel before which ``host`` was named; None if it was named last.
        pypi_for_missing_names: Whether a name that no channel has may come from PyPI.
        allow_pypi: Whether PyPI may be used at all.
        skipped: Built-in channels that cannot be reached.
    """

    channels: tuple[Channel, ...]
    use_host: bool
    pypi_for_missing_names: bool
    allow_pypi: bool
    host_before: Channel | None = None
    skipped: tuple[Channel, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all sources, as a user would write them."""
        builtin = (HOST_CHANNEL,) * self.use_host + (PYPI_CHANNEL,) * self.pypi_for_missing_names
        return (*(channel.name for channel in self.channels), *builtin)

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each built-in channel that cannot be reached."""
        others = " and ".join(self.names)
        return tuple(
            f"{each.name} cannot be reached: using {others} instead" for each in self.skipped
        )


def report_notes(
    about_sources: Iterable[str],
    notes: Collection[str],
    settings: Settings,
    reporter: Reporter,
    *,
    always: bool = False,
) -> None:
    """Report what a command has to say; that a source cannot be reached, once a day only.

    Notes that have it as their reason say it in their own words, so it is not said beside them.

    Args:
        about_sources: As :attr:`Sources.notes`.
        notes: All other notes, of a plan for instance.
        settings: Their cache remembers what was reported.
        reporter: Receives the notes.
        always: Report the sources again: nothing was found, perhaps because of them.
    """
    from minicon.fs.daily import is_first_today

    for note in about_sources:
        fact = note.partition(":")[0]
        is_new = is_first_today(note, settings.cache_dir) or always
        if is_new and not any(fact in each for each in notes):
            reporter.note(note)
    for note in notes:
        reporter.note(note)


def choose_sources(
    settings: Settings,
    named: tuple[str, ...],
    *,
    override: bool,
    environ: Mapping[str, str],
    is_reachable: Callable[[Channel, float], bool],
) -> Sources:
    """Decide where packages come from.

    Args:
        settings: Their channels follow the named ones, unless overridden.
        named: Channels of the command line or environment file; ``nodefaults`` drops the
            configured ones.
        override: Use only the named ones.
        environ: Values of ``$NAME`` and ``${NAME}`` in the named ones.
        is_reachable: Whether a channel answers within a number of seconds.

    Raises:
        ConfigError: ``--override-channels`` without a channel, or thousands of channels.
        SpecError: A channel's text cannot be read.
        ChannelError: The configuration forbids a channel.
    """
    named = expand_references(named, environ)
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
            f"{counted(len(texts), 'channel')} are named; at most {MOST_ITEMS:,} can be used",
            hint="leave out those that are not needed",
        )
    if not texts:
        return _builtin_sources(settings, is_reachable)
    channels = [channel for text in texts for channel in expand_channel(settings, text)]
    refuse_forbidden(settings, channels)
    builtin = {channel.name for channel in channels if channel.is_builtin}
    return Sources(
        channels=tuple(dict.fromkeys(c for c in channels if not c.is_builtin)),
        use_host=HOST_CHANNEL in builtin,
        host_before=next(_after_host(channels), None),
        pypi_for_missing_names=PYPI_CHANNEL in builtin and settings.use_pypi,
        allow_pypi=settings.use_pypi,
    )


def _after_host(channels: Sequence[Channel]) -> Iterator[Channel]:
    """Yield the ordinary channels that are named after ``host``."""
    names = [channel.name for channel in channels]
    start = names.index(HOST_CHANNEL) if HOST_CHANNEL in names else len(names)
    before = channels[:start]
    yield from (c for c in channels[start:] if not c.is_builtin and c not in before)


def refuse_forbidden(settings: Settings, channels: Iterable[Channel]) -> None:
    """Apply ``allowlist_channels`` and ``denylist_channels``; built-in sources are not subject.

    Raises:
        ChannelError: A channel is not among those that may be used.
    """
    is_allowed = _allowed(settings)
    for channel in channels:
        if not is_allowed(channel):
            raise ChannelError(
                "channel-not-allowed",
                f"the configuration does not allow the channel {channel.name}",
                hint="'minicon config --show-sources' shows which file says so",
            )


def _allowed(settings: Settings) -> Callable[[Channel], bool]:
    """Return a test of channels by the lists of the configuration, which are expanded once."""

    def base_urls(texts: Iterable[str]) -> frozenset[str]:
        return frozenset(
            channel.base_url for text in texts for channel in expand_channel(settings, text)
        )

    denied = base_urls(settings.denylist_channels)
    allowed = base_urls(settings.allowlist_channels)

    def is_allowed(channel: Channel) -> bool:
        if channel.is_builtin or channel.base_url in denied:
            return channel.is_builtin
        return not settings.allowlist_channels or channel.base_url in allowed

    return is_allowed


def _builtin_sources(settings: Settings, is_reachable: Callable[[Channel, float], bool]) -> Sources:
    default = expand_channel(settings, DEFAULT_CHANNEL)
    channels = list(filter(_allowed(settings), default))
    answers = {channel: is_reachable(channel, _PROBE_SECONDS) for channel in channels}
    return Sources(
        channels=tuple(channel for channel, reachable in answers.items() if reachable),
        use_host=True,
        pypi_for_missing_names=settings.use_pypi,
        allow_pypi=settings.use_pypi,
        skipped=tuple(channel for channel, reachable in answers.items() if not reachable),
    )
