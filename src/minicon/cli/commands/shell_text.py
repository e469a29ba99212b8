"""Text for shells: ``minicon shell.bash hook``, ``shell.zsh activate NAME``, and so on."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``shell.SHELL hook|activate|deactivate|reactivate [NAME|PATH]``."""
    parser.add_argument("verb", choices=("hook", "activate", "deactivate", "reactivate"))
    parser.add_argument("environment", nargs="?", metavar="NAME|PATH")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--stack", action="store_true", default=None)
    either.add_argument("--no-stack", dest="stack", action="store_false")


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print text that the shell evaluates."""
    import os
    import sys

    from minicon.shell.commands import shell_text

    text = shell_text(
        arguments.command.removeprefix("shell."),
        arguments.verb,
        arguments.environment,
        stack=arguments.stack,
        settings=context.settings,
        environ=os.environ,
    )
    sys.stdout.write(text)
    return 0
