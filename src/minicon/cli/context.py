"""The context of a command: settings, console, environments and services."""

from __future__ import annotations

import os
from pathlib import Path

from minicon.cli.console import Console
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from minicon.api.services import Services
    from minicon.cli.dialects.dialect import Dialect
    from minicon.config.settings import Settings
    from minicon.envs.registry import EnvironmentRegistry
    from minicon.errors import ConfigError
    from minicon.repodata.channels.notices import NoticeWatch


@dataclass(slots=True)
class CommandContext:
    """What a command uses besides its arguments; created once per command line.

    Attributes:
        command_line: The arguments as typed, for the environment's history.
        invalid_settings: Why no configuration file was read, in a command that can repair them.
    """

    settings: Settings
    console: Console
    command_line: tuple[str, ...]
    invalid_settings: ConfigError | None = None
    _services: Services | None = None
    _registry: EnvironmentRegistry | None = None

    @classmethod
    def from_arguments(
        cls, arguments: argparse.Namespace, command_line: Sequence[str], dialect: Dialect
    ) -> CommandContext:
        """Load the settings (files, variables, options) and create the console.

        Raises:
            ConfigError: A configuration file or variable is invalid. The command that can repair
                files gets the settings without files instead, and the error as an attribute.
        """
        from minicon.cli.options import settings_flags
        from minicon.config.load import load_settings
        from minicon.errors import ConfigError

        given: Any = {"home": Path.home(), "working_directory": Path.cwd()}
        given["flags"] = settings_flags(arguments)
        invalid = None
        try:
            loaded = load_settings(environ=os.environ, **given)
        except ConfigError as error:
            if not getattr(arguments, "repairs_settings", False):
                raise
            invalid = error
            loaded = load_settings(environ={**os.environ, "MINICON_NO_RC": "true"}, **given)
        settings = loaded.settings
        console = Console(
            json=settings.json,
            quiet=settings.quiet,
            color=False if getattr(arguments, "no_color", False) else None,
            dialect=dialect,
        )
        for warning in loaded.warnings:
            console.warn(warning)
        return cls(settings, console, tuple(command_line), invalid)

    @property
    def registry(self) -> EnvironmentRegistry:
        """The known environments; created on first use, without network or cache."""
        if self._registry is None:
            from minicon.envs.registry import EnvironmentRegistry

            self._registry = EnvironmentRegistry(
                self.settings,
                os.environ,
                warn=self.console.warn,
                uses_base=self.console.dialect.uses_base,
            )
        return self._registry

    @property
    def services(self) -> Services:
        """Network, caches and sources; created on first use."""
        if self._services is None:
            from minicon.api.services import Services
            from minicon.cli.progress import ConsoleReporter

            reporter = ConsoleReporter(self.console, verbose=self.settings.verbosity > 0)
            self._services = Services(self.settings, reporter, registry=self.registry)
        return self._services

    def write_notes(
        self, about_sources: Iterable[str], notes: Collection[str] = (), *, always: bool = False
    ) -> None:
        """Write notes as :func:`minicon.api.sources.report_notes` does."""
        from minicon.api.sources import report_notes

        reporter = self.services.reporter
        report_notes(about_sources, notes, self.settings, reporter, always=always)

    def close(self) -> None:
        """Remove progress bars, close connections, and show notices of channels."""
        if self._services is None:
            return
        watch: NoticeWatch | None = vars(self._services).get("notice_watch")
        if watch is not None:
            watch.collect()
        self._services.close()
        if watch is not None:
            self._show_notices(watch)

    def _show_notices(self, watch: NoticeWatch) -> None:
        """Show, on stderr, the notices that arrived while the command ran."""
        from minicon.cli.render.listing import notice_lines

        notices, more = watch.collected()
        for line in notice_lines(notices):
            self.console.note(line)
        if more:
            self.console.note(f"{more} more: run 'minicon notices'")


def early_console(arguments: Sequence[str], dialect: Dialect) -> Console:
    """Return a console for errors that occur before the settings are loaded."""
    return Console(json="--json" in arguments, dialect=dialect)
