"""Services: what planning and applying need beside the request, made once and passed down.

Everything here is made when it is first used, so that a command pays only for what it touches.
"""

from __future__ import annotations

import os
import time
from functools import cached_property

from minicon.envs.registry import EnvironmentRegistry
from minicon.models.reporter import SilentReporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.config.settings import Settings
    from minicon.models.reporter import Reporter
    from minicon.models.virtual_package import VirtualPackage
    from minicon.net.fetcher import Fetcher
    from minicon.package.package_cache import PackageCache
    from minicon.repodata.client import ChannelClient


class Services:
    """The network, the caches and the facts of the machine, for one set of settings."""

    def __init__(self, settings: Settings, reporter: Reporter | None = None) -> None:
        self.settings = settings
        self.reporter: Reporter = reporter or SilentReporter()
        self.environ = dict(os.environ)

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    @cached_property
    def registry(self) -> EnvironmentRegistry:
        """Environments by name."""
        return EnvironmentRegistry(self.settings, self.environ)

    @cached_property
    def package_cache(self) -> PackageCache:
        """The shared package cache."""
        from minicon.package.package_cache import PackageCache

        return PackageCache(self.settings.pkgs_dirs)

    @cached_property
    def fetcher(self) -> Fetcher:
        """The way to the network, and to ``file://``."""
        raise NotImplementedError

    @cached_property
    def channel_client(self) -> ChannelClient:
        """Channels' indexes, fresh or cached."""
        raise NotImplementedError

    @cached_property
    def virtual_packages(self) -> tuple[VirtualPackage, ...]:
        """Facts of the target machine."""
        from minicon.detect.virtual_packages import detect_virtual_packages

        return detect_virtual_packages(
            self.settings.platform,
            environ=self.environ,
            overrides=self.settings.override_virtual_packages,
        )

    def close(self) -> None:
        """Take progress bars away and give connections back."""
        close = getattr(self.reporter, "close", None)
        if close is not None:
            close()
