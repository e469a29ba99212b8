"""Packages' link scripts run in the activated environment, as their authors wrote them (CEP 34)."""

from __future__ import annotations

from functools import partial

from minicon.errors import ShellError
from minicon.prefix.scripts.link_scripts import LinkScriptRunner, ScriptCommand, plainly_activated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.api.services import Services


def script_runner(
    services: Services, shown: frozenset[tuple[str, str]] | None = None
) -> LinkScriptRunner:
    """What runs link scripts with the environment's variables set and its scripts sourced.

    Args:
        services: Settings and variables.
        shown: The only scripts that may run, see :class:`minicon.api.plan.request.Plan`.
    """
    return LinkScriptRunner(
        root_prefix=services.settings.root,
        activated=partial(_activated, services),
        reporter=services.reporter,
        shown=shown,
    )


def _activated(services: Services, prefix: Path, command: ScriptCommand) -> ScriptCommand:
    from minicon.shell.commands import context_of
    from minicon.shell.run import prepare_command

    context = context_of(services.settings, environ=services.environ, cwd=str(prefix))
    try:
        prepared = prepare_command(
            prefix,
            command.words,
            environ=command.variables,
            options=context.options,
            force_uppercase=context.force_uppercase,
        )
    except ShellError:  # a prefix that PATH cannot hold: the script may still do without
        return plainly_activated(prefix, command)
    return ScriptCommand(prepared.arguments, prepared.environ)
