"""Activate an environment in this shell, or deactivate it.

Examples:
  minicon activate data
  minicon activate ./env
  minicon deactivate

Activation needs a shell function. Set it up once with
  minicon init bash        (or zsh, fish, ...)
or for the current shell only with
  eval "$(minicon shell.bash hook)"
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``activate [NAME|PATH] [--stack]``, ``deactivate``."""
    parser.add_argument(
        "environment", nargs="?", metavar="NAME|PATH", help="environment to activate"
    )
    parser.add_argument("--stack", action="store_true", help="keep the active environment on PATH")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:  # noqa: ARG001
    """Fail: the shell function is not set up, or this would not run."""
    import os

    from minicon.errors import ShellError

    shell = os.path.basename(os.environ.get("SHELL", "bash")) or "bash"
    raise ShellError(
        "shell-not-initialized",
        f"'minicon {arguments.command}' needs a function in your shell, which is not set up",
        hint=f"run 'minicon init {shell}' and open a new shell, or in this shell: "
        f'eval "$(minicon shell.{shell} hook)"',
    )
