"""Use an environment in this shell, or stop using it.

Examples:
  minicon activate data
  minicon activate ./env
  minicon deactivate

This is done by a shell function, not by a program. Put it in place once with
  minicon init bash        (or zsh, fish, ...)
or for this shell only with
  eval "$(minicon shell.bash hook)"
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.console.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``activate [NAME|PATH] [--stack]``, ``deactivate``."""
    parser.add_argument("environment", nargs="?", metavar="NAME|PATH", help="which one")
    parser.add_argument("--stack", action="store_true", help="on top of the active one")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:  # noqa: ARG001
    """Reached only where the shell function is not in place: say how to put it there."""
    import os

    from minicon.errors import ShellError

    shell = os.path.basename(os.environ.get("SHELL", "bash")) or "bash"
    raise ShellError(
        "shell-not-initialized",
        f"'minicon {arguments.command}' must be a function of your shell to change it",
        hint=f"type 'minicon init {shell}' and open a new shell, or for this one: "
        f'eval "$(minicon shell.{shell} hook)"',
    )
