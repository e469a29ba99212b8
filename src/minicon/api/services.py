"""Services: network, caches and machine for one set of settings, passed to all that need them.

Each is made when it is first used, so that a command pays only for what it uses.
"""

from __future__ import annotations

import os
import sys
import time
from functools import cached_property, partial
from pathlib import Path

from minicon.envs.registry import EnvironmentRegistry
from minicon.errors import ChannelError
from minicon.models.reporter import SilentReporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from minicon.api.sources import Sources
    from minicon.config.settings import Settings
    from minicon.machine.host_packages.host_index import HostIndex
    from minicon.machine.interpreters.discovery import Discovery
    from minicon.models.channel import Channel, ChannelNames
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import VirtualPackage
    from minicon.models.reporter import Reporter
    from minicon.models.timestamps import AgeLimits
    from minicon.net.routing import UrlFetcher
    from minicon.package.cache.package_cache import PackageCache
    from minicon.pypi.index.configuration import IndexConfiguration
    from minicon.pypi.index.pypi_index import PypiIndex
    from minicon.pypi.requirements.requirements import IndexOptions, RequirementSet
    from minicon.pypi.wheels.core_metadata import CoreMetadata
    from minicon.repodata.channels.notices import NoticeCache, NoticeWatch
    from minicon.repodata.client import ChannelClient
    from minicon.repodata.index.table_store import TableStore

#: Larger constraint files are refused (bytes).
_LARGEST_TEXT = 1 << 24


class Services:
    """The network, the caches and the facts of the machine, for one set of settings.

    ``environ`` has the environment variables of this process.
    """

    def __init__(
        self,
        settings: Settings,
        reporter: Reporter | None = None,
        *,
        virtual_packages: tuple[VirtualPackage, ...] | None = None,
        registry: EnvironmentRegistry | None = None,
    ) -> None:
        """Keep the settings; nothing else is made yet.

        Args:
            settings: The configuration.
            reporter: Receives progress and notes.
            virtual_packages: Facts of the target machine, instead of this machine's.
            registry: Environments by name, if it was made already.
        """
        self._registry = registry
        self.settings = settings
        self.reporter: Reporter = reporter or SilentReporter()
        self.environ = dict(os.environ)
        self._virtual_packages = virtual_packages
        self.wheel_indices: list[PypiIndex] = []

    def with_settings(
        self, settings: Settings, *, virtual_packages: tuple[VirtualPackage, ...] | None = None
    ) -> Services:
        """Return services for other settings, with the same reporter and variables.

        Args:
            settings: The other settings.
            virtual_packages: Facts of another target machine; None keeps those given before.
        """
        facts = self._virtual_packages if virtual_packages is None else virtual_packages
        services = Services(settings, self.reporter, virtual_packages=facts)
        services.environ = self.environ
        return services

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    @cached_property
    def registry(self) -> EnvironmentRegistry:
        """Environments by name."""
        if self._registry is not None:
            return self._registry
        return EnvironmentRegistry(self.settings, self.environ, warn=self.reporter.warn)

    @cached_property
    def cache_dir(self) -> Path:
        """Directory of all caches but the package cache.

        Raises:
            FileError: Other users can write to it, and its contents decide what is run.
        """
        from minicon.fs.ownership import check_ownership

        check_ownership(self.settings.cache_dir, "cache")
        return self.settings.cache_dir

    @cached_property
    def package_cache(self) -> PackageCache:
        """The shared package cache."""
        from minicon.package.cache.package_cache import PackageCache

        return PackageCache(
            self.settings.pkgs_dirs,
            durable=self.settings.durability == "safe",
            lock_timeout=self.settings.lock_timeout,
            reporter=self.reporter,
        )

    @cached_property
    def bundled(self) -> Mapping[str, str]:
        """URLs of the packages in the bundles of the settings, by sha256."""
        if not self.settings.bundles:
            return {}
        from minicon.travel.bundle import bundled_packages

        paths = map(Path, self.settings.bundles)
        return dict(pair for path in paths for pair in bundled_packages(path).items())

    @cached_property
    def fetcher(self) -> UrlFetcher:
        """The fetcher for channels: the network, and ``file://``."""
        from minicon.net.routing import fetcher_for
        from minicon.repodata.channels.names import channel_mirrors

        return fetcher_for(self.settings, self.environ, channel_mirrors(self.settings))

    @cached_property
    def channel_names(self) -> ChannelNames:
        """Conda's names of channels, which records name by URL."""
        from minicon.models.channel import ChannelNames

        return ChannelNames(
            alias=self.settings.channel_alias,
            custom_channels=self.settings.custom_channels,
            custom_multichannels=self.settings.custom_multichannels,
            default_channels=self.settings.default_channels,
        )

    def with_channels(self, specs: Iterable[MatchSpec]) -> tuple[MatchSpec, ...]:
        """Return specs whose channels stand for what the settings say, such as ``defaults``."""
        return tuple(
            spec.in_channels(self.channel_names.members(spec.channel)) if spec.channel else spec
            for spec in specs
        )

    @cached_property
    def channel_client(self) -> ChannelClient:
        """Channels' indexes, fresh or cached."""
        from minicon.repodata.client import ChannelClient

        return ChannelClient(
            lambda: self.fetcher,
            self.cache_dir,
            offline=self.settings.offline,
            ttl_seconds=self.settings.local_repodata_ttl,
            use_zst=self.settings.repodata_use_zst,
            use_shards=self.settings.repodata_use_shards,
            repodata_fns=self.settings.repodata_fns,
            reporter=self.reporter,
            refreshing=self._watch_notices,
        )

    def sources(
        self, named: tuple[str, ...] = (), *, override: bool = False, probe: bool = True
    ) -> Sources:
        """Choose the sources of a request; see :func:`choose_sources`.

        Args:
            named: Channels of the request, before the configured ones.
            override: Use only these.
            probe: Whether built-in channels that cannot be reached are left out.
        """
        from minicon.api.sources import choose_sources

        return choose_sources(
            self.settings,
            named,
            override=override,
            environ=self.environ,
            is_reachable=lambda *each: not probe or self.channel_client.is_reachable(*each),
        )

    def _watch_notices(self, channel: Channel) -> None:
        """Request a channel's notices while its index is fetched, if they will be shown."""
        settings = self.settings
        is_shown = settings.number_channel_notices > 0 and not (settings.json or settings.quiet)
        if is_shown and not channel.is_local:
            self.notice_watch.begin(channel)

    @cached_property
    def notice_watch(self) -> NoticeWatch:
        """Channels' notices, fetched beside their indexes."""
        from minicon.repodata.channels.notices import NoticeWatch

        limit = self.settings.number_channel_notices
        return NoticeWatch(self.fetcher, self.notice_cache, limit)

    @cached_property
    def notice_cache(self) -> NoticeCache:
        """Cached notices of channels."""
        from minicon.repodata.channels.notices import NoticeCache

        return NoticeCache(self.cache_dir, self.now)

    @cached_property
    def table_store(self) -> TableStore:
        """Tables that the solver compiled from channels' records, kept between processes."""
        from minicon.repodata.cache import FOLDER
        from minicon.repodata.index.table_store import TableStore

        return TableStore(os.path.join(self.cache_dir, FOLDER))

    @cached_property
    def index_configuration(self) -> IndexConfiguration:
        """The Python package indexes that pip on this machine is configured to use."""
        from minicon.pypi.index.configuration import load_index_configuration

        return load_index_configuration(self.environ, home=self.settings.home)

    @cached_property
    def index_fetcher(self) -> UrlFetcher:
        """The fetcher for Python package indexes, with pip's proxy and certificates."""
        from minicon.pypi.index.configuration import make_index_fetcher

        return make_index_fetcher(self.index_configuration, self.settings, self.environ)

    @cached_property
    def pip_constraints(self) -> RequirementSet:
        """Constraints that pip on this machine is configured to apply to every installation.

        Raises:
            SpecError: A constraint file cannot be read.
            ChannelError: Its server does not send it.
        """
        from shlex import quote

        from minicon.pypi.requirements.requirement_files import parse_requirements
        from minicon.pypi.requirements.requirements import RequirementSet
        from minicon.pypi.urls import is_remote

        found = RequirementSet()
        for file in self.index_configuration.constraints:
            remote = is_remote(file)
            lines = self._fetch_text(file).splitlines() if remote else [f"-c {quote(file)}"]
            origin = file if remote else "pip's configuration"
            read = parse_requirements(lines, folder=Path.cwd(), origin=origin, environ=self.environ)
            constraints = (*read.requirements, *read.constraints)
            found = found.merged_with(RequirementSet(constraints=constraints))
        return found

    def _fetch_text(self, url: str) -> str:
        with self.index_fetcher.open(url) as response:
            if response.status != 200:
                message = f"{url} answered with HTTP status {response.status}"
                raise ChannelError("requirements-refused", message, hint="correct that URL")
            return response.read(_LARGEST_TEXT).decode("utf-8", "replace")

    def pip_log(self, name: str) -> Path:
        """Return the path of the log of pip's last run for an environment or distribution."""
        return self.cache_dir / "logs" / f"pip-{name}.log"

    def _build_metadata(self, options: IndexOptions, archive: Path, minor: str) -> CoreMetadata:
        from minicon.pypi.metadata_build import build_metadata

        return build_metadata(
            archive,
            self._python_to_build_with(minor),
            minor,
            environ=self.environ,
            reporter=self.reporter,
            log=self.pip_log(archive.name),
            options=options,
            offline=self.settings.offline,
            limit=self.settings.metadata_build_timeout_secs,
        )

    def _python_to_build_with(self, minor: str) -> str:
        """The Python of a minor version on this machine, else the one that runs minicon."""
        if minor != f"{sys.version_info.major}.{sys.version_info.minor}":
            for facts in self.discovery.interpreters:
                if facts.implementation == "cpython" and facts.version.startswith(f"{minor}."):
                    return facts.executable
        return sys.executable

    def wheel_index(self, requirements: RequirementSet | None = None) -> PypiIndex:
        """Return the source ``pypi``.

        Args:
            requirements: Those whose index options, direct URLs and hashes apply.
        """
        from minicon.pypi.index.configuration import register_credentials
        from minicon.pypi.index.file_rules import FileRules
        from minicon.pypi.index.pypi_index import PypiIndex
        from minicon.pypi.requirements.requirements import RequirementSet

        requirements = self.pip_constraints.merged_with(requirements or RequirementSet())
        configuration = self.index_configuration.with_options(
            requirements.options, requirements.secret_urls
        )
        register_credentials(configuration, self.index_fetcher.credentials)
        index = PypiIndex(
            configuration,
            fetcher=self.index_fetcher,
            cache_dir=self.cache_dir,
            subdir=self.settings.platform,
            virtual_packages=self.virtual_packages,
            reporter=self.reporter,
            direct=requirements.direct_files,
            built=requirements.built_extras,
            rules=FileRules(
                hashes=requirements.allowed_hashes,
                limits=requirements.limits,
                age_limits=self.age_limits,
                no_build=not self.settings.build_from_source,
            ),
            build=partial(self._build_metadata, requirements.options),
            offline=self.settings.offline,
        )
        self.wheel_indices.append(index)
        return index

    @cached_property
    def virtual_packages(self) -> tuple[VirtualPackage, ...]:
        """Facts of the target machine."""
        if self._virtual_packages is not None:
            return self._virtual_packages
        from minicon.machine.virtual_packages import detect_virtual_packages

        return detect_virtual_packages(
            self.settings.platform,
            environ=self.environ,
            overrides=self.settings.override_virtual_packages,
        )

    @cached_property
    def discovery(self) -> Discovery:
        """The interpreters of this machine."""
        from minicon.machine.interpreters.discovery import discover_interpreters

        return discover_interpreters(
            environ=self.environ, home=self.settings.home, cache_dir=self.cache_dir
        )

    @cached_property
    def host_index(self) -> HostIndex:
        """The source ``host``."""
        from minicon.machine.host_packages.host_index import HostIndex

        linked, platform = self.settings.host_python == "link", self.settings.platform
        return HostIndex(self.discovery.interpreters, platform=platform, linked=linked)

    @cached_property
    def age_limits(self) -> AgeLimits:
        """Limits of ``exclude_newer``: packages that were published later are ignored."""
        from minicon.models.timestamps import AgeLimits, parse_time

        def moment(text: str | None) -> int | None:
            if text is None or text.lower() in ("false", "none"):
                return None
            return parse_time(text, now=self.now())

        settings = self.settings
        return AgeLimits(
            moment(settings.exclude_newer),
            {
                channel: moment(each["exclude_newer"])
                for channel, each in settings.channel_settings.items()
                if "exclude_newer" in each
            },
            {name.lower(): moment(text) for name, text in settings.exclude_newer_package.items()},
        )

    def end_prefetching(self) -> None:
        """Discard what is being fetched for a solution, once that is found."""
        for index in self.wheel_indices:
            index.close()

    def close(self) -> None:
        """Close connections, end prefetching and remove progress bars."""
        self.end_prefetching()
        for name in ("fetcher", "index_fetcher"):
            if name in self.__dict__:  # it was made
                self.__dict__[name].close()
        getattr(self.reporter, "close", bool)()
