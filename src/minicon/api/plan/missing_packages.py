"""Elsewhere: where was looked in vain, and which platform or channel has what is missing.

Asked only when a solve has failed already, and only of what costs little: indexes that are cached,
channels on this machine, and the short lists of sharded channels (a request per platform).
"""

from __future__ import annotations

import time
from functools import partial

from minicon.constants import DEFAULT_CHANNEL
from minicon.errors import MiniconError, PackageNotFound
from minicon.lean_dataclasses import replace
from minicon.models.subdir import NOARCH
from minicon.repodata.channels.names import expand_channel
from minicon.solver.candidates.missing_names import one_by_one
from minicon.solver.explain.explanation import ConflictError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from minicon.api.plan.planning import PlanningContext
    from minicon.api.services import Services
    from minicon.errors import SolveError
    from minicon.models.channel import Channel
    from minicon.models.indexes import RecordIndex
    from minicon.repodata.client import ChannelClient
    from minicon.solver.request import SolveRequest

#: Platforms that are looked at, beside the one that was asked for.
_PLATFORMS = ("linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64")
#: When this much time has gone by, what was found so far is the answer.
_SECONDS = 2.0


def complete_error(
    error: SolveError, question: PlanningContext, solve_request: SolveRequest
) -> None:
    """Say of a failed solve where was looked, and where else a missing package is."""
    if question.request.action == "remove":
        return
    error.context = error.context or _where_was_looked(question)
    channels = question.sources.channels
    find = partial(where_else, question.services, channels=channels, indices=solve_request.channels)
    if isinstance(error, PackageNotFound) and len(error.packages) > 1:
        places = [place for name in error.packages if (place := find(name))]
        error.hint = one_by_one((*error.hints, *places))
    elif isinstance(error, PackageNotFound) and error.packages:
        found = find(error.packages[0])
        if found is not None:
            keep = error.hint is not None and error.hint.startswith(("PyPI", "did you mean"))
            error.hint = f"{found}; or: {error.hint}" if keep else found
    elif isinstance(error, ConflictError):
        told = error.explanation
        places = [place for name in told.missing if (place := find(name))]
        if places:
            error.explanation = replace(told, sentences=(*told.sentences, *places))
            error.message = error.explanation.message


def _where_was_looked(question: PlanningContext) -> str:
    """Names of the sources; where python was asked for, which interpreters there are."""
    sources = question.sources
    looked = f"looked in {', '.join(sources.names) or 'no source'}"
    if sources.use_host and any(spec.exact_name == "python" for spec in question.asked.specs):
        from minicon.machine.host_packages.host_index import describe_found

        platform = question.services.settings.platform
        looked += f"; of python {describe_found(question.services.discovery, platform)}"
    return looked


def where_else(
    services: Services,
    name: str,
    channels: Sequence[Channel],
    indices: Iterable[Sequence[RecordIndex]],
) -> str | None:
    """One sentence that says where a package is; None if nobody knows."""
    sharded = {each.channel for group in indices for each in group if _is_sharded(each)}
    search = _Search(services, name, sharded)
    for channel in channels:
        platforms = list(search.platforms_of(channel))
        if platforms:
            listed = ", ".join(platforms[:-1]) + " and " * (len(platforms) > 1) + platforms[-1]
            return f"{channel.name} has {name} for {listed}, not for {services.settings.platform}"
    known = [
        channel
        for text in dict.fromkeys((*(services.settings.channels or ()), DEFAULT_CHANNEL))
        for channel in expand_channel(services.settings, text)
    ]
    for channel in known:
        if channel not in channels and not channel.is_builtin and search.is_in(channel):
            return f"{channel.name} has it: add -c {channel.name}"
    return None


def _is_sharded(index: RecordIndex) -> bool:
    from minicon.repodata.shards.sharded_index import ShardedIndex

    return isinstance(index, ShardedIndex)


class _Search:
    """Looks for one name.

    Args:
        services: Where to look.
        name: Of the package.
        sharded: Names of channels whose lists of names are short.
    """

    def __init__(self, services: Services, name: str, sharded: set[str]) -> None:
        self._services = services
        self._name = name
        self._sharded = set() if services.settings.offline else sharded
        self._cached = _offline_client(services)
        self._end = time.monotonic() + _SECONDS

    def platforms_of(self, channel: Channel) -> Iterator[str]:
        """The other platforms for which a channel has the package."""
        others = [each for each in _PLATFORMS if each != self._services.settings.platform]
        if channel.platforms:
            return
        if channel.name in self._sharded:
            client = self._services.channel_client
            groups = self._asked(lambda: client.indices([channel], others)[0])
            yield from (index.subdir for index in groups if self._name in index.names())
            return
        for subdir in others:
            if self._is_cached(channel, subdir):
                yield subdir

    def is_in(self, channel: Channel) -> bool:
        """Whether a channel is known to have the package for the platform that was asked for."""
        subdirs = channel.platforms or (self._services.settings.platform, NOARCH)
        return any(self._is_cached(channel, subdir) for subdir in subdirs)

    def _is_cached(self, channel: Channel, subdir: str) -> bool:
        if time.monotonic() > self._end:
            return False
        found = self._asked(lambda: (self._cached.index(channel, subdir),))
        return any(self._name in index.names() for index in found)

    @staticmethod
    def _asked(ask: Callable[[], Sequence[RecordIndex]]) -> Sequence[RecordIndex]:
        """An answer, or nothing: the first failure is what the user is told of."""
        try:
            return ask()
        except MiniconError:
            return ()


def _offline_client(services: Services) -> ChannelClient:
    """A client that uses what is there, silently."""
    from minicon.repodata.client import ChannelClient

    return ChannelClient(services.fetcher, services.cache_dir, offline=True)
