"""CommandContext: what a command gets beside its arguments. Made once per command line."""

from __future__ import annotations

import os
from pathlib import Path

from minicon.cli.console.console import Console
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from minicon.api.services import Services
    from minicon.config.settings import Settings
    from minicon.envs.registry import EnvironmentRegistry
    from minicon.repodata.channels.notices import NoticeWatch


@dataclass(slots=True)
class CommandContext:
    """Settings and console; the services (network, caches) are made when first asked for.

    Attributes:
        command_line: What the user typed, for the environment's history.
    """

    settings: Settings
    console: Console
    command_line: tuple[str, ...]
    _services: Services | None = None
    _registry: EnvironmentRegistry | None = None

    @classmethod
    def from_arguments(
        cls, arguments: argparse.Namespace, command_line: Sequence[str]
    ) -> CommandContext:
        """Load the settings (files, variables, flags) and open the console.

        Raises:
            ConfigError: A configuration file or variable is wrong.
        """
        from minicon.cli.options import settings_flags
        from minicon.config.load import load_settings

        loaded = load_settings(
            environ=os.environ,
            home=Path.home(),
            working_directory=Path.cwd(),
            flags=settings_flags(arguments),
        )
        settings = loaded.settings
        console = Console(
            json=settings.json,
            quiet=settings.quiet,
            color=False if getattr(arguments, "no_color", False) else None,
        )
        for warning in loaded.warnings:
            console.warn(warning)
        return cls(settings, console, tuple(command_line))

    @property
    def registry(self) -> EnvironmentRegistry:
        """Names to paths; needs no network and no cache."""
        if self._registry is None:
            from minicon.envs.registry import EnvironmentRegistry

            self._registry = EnvironmentRegistry(self.settings, os.environ, warn=self.console.warn)
        return self._registry

    @property
    def services(self) -> Services:
        """Network, caches and sources, made on first use."""
        if self._services is None:
            from minicon.api.services import Services
            from minicon.cli.console.progress import ConsoleReporter

            reporter = ConsoleReporter(self.console)
            self._services = Services(self.settings, reporter, registry=self.registry)
        return self._services

    def close(self) -> None:
        """Take progress bars away, give connections back, and show channels' notices."""
        if self._services is not None:
            watch: NoticeWatch | None = vars(self._services).get("notice_watch")
            if watch is not None:
                watch.collect()
            self._services.close()
            if watch is not None:
                from minicon.cli.console.channel_notices import show_collected

                show_collected(watch, self.console)


def early_console(arguments: Sequence[str]) -> Console:
    """A console for errors that come before settings are known."""
    return Console(json="--json" in arguments)
