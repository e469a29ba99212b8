"""Where a missing package can be found: on another platform, or in another channel.

Looked up only when a solve has failed, and only where that costs little: in indexes that are
cached, in channels on this machine, and in the short lists of sharded channels (one request per
platform).
"""

from __future__ import annotations

import os
import time
from functools import partial

from minicon.constants import DEFAULT_CHANNEL, PYPI_CHANNEL
from minicon.errors import MiniconError, PackageNotFound
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import channel_matches
from minicon.models.near_names import near_names
from minicon.models.package_names import NameMap, normalize_pypi_name, well_known_projects
from minicon.models.subdir import NOARCH
from minicon.prefix.environment.origins import BUILD_FILES
from minicon.repodata.channels.names import expand_channel
from minicon.solver.candidates.missing_names import MOST_HINTS, one_by_one
from minicon.solver.explain.explanation import ConflictError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from minicon.api.plan.context import PlanningContext
    from minicon.api.services import Services
    from minicon.errors import SolveError
    from minicon.models.channel import Channel
    from minicon.models.indexes.record_index import RecordIndex
    from minicon.solver.request import SolveRequest

#: Platforms to search beside the requested one.
_PLATFORMS = ("linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64")
_PYTHON = "python"
_NAMES_PYTHON = lazy_pattern(r"(?<![\w-])python(?![\w-])")
#: After this time the search ends with what it has found.
_SECONDS = 2.0


def complete_error(
    error: SolveError, context: PlanningContext, solve_request: SolveRequest
) -> None:
    """Add to a failed solve which sources were searched, and where a missing package is."""
    if context.request.action == "remove":
        return
    on_pypi = version_on_pypi(error, solve_request)
    if on_pypi is not None:
        error.message = error.message.replace("no source has", "no channel has", 1)
        error.hint = f"{error.hint}; or: {on_pypi}" if error.hint else on_pypi
    names = [each for each in context.sources.names if each != PYPI_CHANNEL or on_pypi is None]
    error.context = error.context or _searched_sources(context, error, names)
    channels = context.sources.channels
    find = partial(
        where_else,
        context.services,
        channels=channels,
        indices=solve_request.channels,
        others=_channels_not_searched(context),
    )
    if isinstance(error, PackageNotFound) and len(error.packages) > 1:
        sentences = [sentence for name in error.packages[:MOST_HINTS] if (sentence := find(name))]
        error.hint = one_by_one((*error.hints, *sentences))
    elif isinstance(error, PackageNotFound) and error.packages:
        found = find(error.packages[0])
        if found is not None:
            keep = error.hint is not None and error.hint.startswith(("PyPI", "did you mean"))
            error.hint = f"{found}; or: {error.hint}" if keep else found
    elif isinstance(error, ConflictError):
        explanation = error.explanation
        sentences = [
            sentence for name in explanation.missing[:MOST_HINTS] if (sentence := find(name))
        ]
        if sentences:
            explanation = replace(explanation, sentences=(*explanation.sentences, *sentences))
            error.explanation = explanation
            error.message = explanation.message


def taken_from_pypi(
    names: Sequence[str], indices: Iterable[Sequence[RecordIndex]], skipped: Sequence[str] = ()
) -> Iterator[str]:
    """Yield sentences on names that PyPI provides because no channel has them.

    Users who mistype a name would get another project without them. Names that may be mistyped
    have one of their own.

    Args:
        names: As users wrote them.
        indices: Of channels that were asked, or that are cached.
        skipped: Names of channels that cannot be reached: they may have each of the names.
    """
    plain: list[str] = []
    known = {name for group in indices for index in group for name in index.names()}
    one, many = (f" {verb} in no channel: taken from PyPI" for verb in ("is", "are"))
    if skipped:
        one = many = f": taken from PyPI, because {_and(skipped)} cannot be reached"
        known.update(well_known_projects())
    for number, name in enumerate(names):
        near = [each for each in NameMap.built_in().conda_names(name) if each in known]
        if skipped and (near or name in known):
            plain.append(name)  # it is right, and the channel's name for it would be wrong on PyPI
            continue
        near = near or (near_names(name, known) if number < MOST_HINTS else [])
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        if not meant and any(os.path.isfile(os.path.join(name, each)) for each in BUILD_FILES):
            meant = f"; for the project in this directory, write ./{name}"
        if meant:
            yield f"{name}{one}{meant}"
        else:
            plain.append(name)
    if plain:
        yield f"{_and(plain)}{many if len(plain) > 1 else one}"


def _and(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def cached_indices(services: Services, channels: Iterable[Channel]) -> Iterator[list[RecordIndex]]:
    """Yield what is cached of channels that cannot be reached."""
    for channel in channels:
        search = _Search(services, "", set())
        subdirs = channel.platforms or (services.settings.platform, NOARCH)
        yield [index for subdir in subdirs for index in search.cached(channel, subdir)]


def version_on_pypi(error: SolveError, solve_request: SolveRequest) -> str | None:
    """Say that PyPI has a version that channels lack: names that they have are not taken from it.

    It is not solved for: that might build source distributions, only for a hint.
    """
    wheels = solve_request.wheels if solve_request.wheels_for_missing_names else None
    core = error.explanation.core if isinstance(error, ConflictError) else ()
    spec = next((each for each in solve_request.specs if (str(each),) == core), None)
    if wheels is None or spec is None or spec.version is None or spec.exact_name in (None, _PYTHON):
        return None
    project = normalize_pypi_name(wheels.pypi_name(str(spec.exact_name)))
    try:
        versions = [each.version for each in wheels.releases(project)]
    except MiniconError:
        return None
    fitting = [each for each in versions if spec.version.contains(str(each))]
    found = next((v for v in fitting if not v.is_prerelease), next(iter(fitting), None))
    if found is None:
        return None
    return f"PyPI has {project} {found}: write 'pypi:{project}=={found}'"


def _searched_sources(
    context: PlanningContext, error: SolveError, names: Sequence[str]
) -> str | None:
    """Name the sources if one of them lacks something; if that is python, name interpreters.

    Requirements that contradict each other do so in all sources.
    """
    sources, others = context.sources, _channels_not_searched(context)
    if isinstance(error, ConflictError):
        explained = error.explanation
        if len(explained.core) > 1 and not explained.missing and not others:
            return None
    text = f"looked in {', '.join(names) or 'no source'}"
    if others:
        text += f", not in {', '.join(others)}, where packages of this environment come from"
    if sources.skipped:
        text += f"; {_and([each.name for each in sources.skipped])} cannot be reached"
    if sources.use_host and _NAMES_PYTHON.search(error.message.partition("\n")[0]):
        from minicon.machine.host_packages.host_index import describe_found

        platform = context.services.settings.platform
        text += f"; {describe_found(context.services.discovery, platform)}"
    return text


def _channels_not_searched(context: PlanningContext) -> list[str]:
    """Return the channels of installed packages that are no source of the request."""
    name_of, sources = context.services.channel_names.own, context.sources.channels
    found = dict.fromkeys(
        name_of(each.record.channel)
        for each in context.installed
        if each.record.source == "conda" and each.record.channel
    )
    return [name for name in found if not any(channel_matches(name, each.name) for each in sources)]


def where_else(
    services: Services,
    name: str,
    channels: Sequence[Channel],
    indices: Iterable[Sequence[RecordIndex]],
    others: Sequence[str] = (),
) -> str | None:
    """Return one sentence that says where a package is; None if it was not found.

    Args:
        services: Settings, caches and the channels' client.
        name: Of the package.
        channels: The sources in which it is missing.
        indices: Their record indices.
        others: Further channels that may have it, beside those of the settings.
    """
    sharded = {each.channel for group in indices for each in group if _is_sharded(each)}
    search = _Search(services, name, sharded)
    for channel in channels:
        platforms = list(search.platforms_of(channel))
        if platforms:
            listed = ", ".join(platforms[:-1]) + " and " * (len(platforms) > 1) + platforms[-1]
            return f"{channel.name} has {name} for {listed}, not for {services.settings.platform}"
    known = [
        channel
        for text in dict.fromkeys((*(services.settings.channels or ()), *others, DEFAULT_CHANNEL))
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
    """A search for one name.

    Args:
        services: Settings, caches and the channels' client.
        name: Of the package.
        sharded: Names of channels whose lists of names are short.
    """

    def __init__(self, services: Services, name: str, sharded: set[str]) -> None:
        from minicon.repodata.client import ChannelClient

        self._services = services
        self._name = name
        self._sharded = set() if services.settings.offline else sharded
        self._cached = ChannelClient(lambda: services.fetcher, services.cache_dir, offline=True)
        self._end = time.monotonic() + _SECONDS

    def platforms_of(self, channel: Channel) -> Iterator[str]:
        """Yield the other platforms for which a channel has the package."""
        others = [each for each in _PLATFORMS if each != self._services.settings.platform]
        if channel.platforms:
            return
        if channel.name in self._sharded:
            client = self._services.channel_client
            groups = self._found(lambda: client.indices([channel], others)[0])
            yield from (index.subdir for index in groups if self._name in index.names())
            return
        for subdir in others:
            if self._is_cached(channel, subdir):
                yield subdir

    def is_in(self, channel: Channel) -> bool:
        """Whether a cached index lists the package for the requested platform."""
        subdirs = channel.platforms or (self._services.settings.platform, NOARCH)
        return any(self._is_cached(channel, subdir) for subdir in subdirs)

    def _is_cached(self, channel: Channel, subdir: str) -> bool:
        if time.monotonic() > self._end:
            return False
        return any(self._name in index.names() for index in self.cached(channel, subdir))

    def cached(self, channel: Channel, subdir: str) -> Sequence[RecordIndex]:
        """Return the cached index of a channel's subdir; none if there is none."""
        return self._found(lambda: (self._cached.index(channel, subdir),))

    @staticmethod
    def _found(fetch: Callable[[], Sequence[RecordIndex]]) -> Sequence[RecordIndex]:
        """Return the indices, or none on a failure: the failed solve is what is reported."""
        try:
            return fetch()
        except MiniconError:
            return ()
