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
    from minicon.shell.running import running_shell
    from minicon.shell.shells import SHELLS, PosixShell
    from minicon.shell.start_files import START_FILES

    name = running_shell(os.environ)
    now = SHELLS.get(name, PosixShell)().evaluate(f"minicon shell.{name} hook")
    ways = [f"run 'minicon init {name}' and open a new shell"] if name in START_FILES else []
    ways += [f"in this shell: {now}"] if now else []
    raise ShellError(
        "shell-not-initialized",
        f"'minicon {arguments.command}' needs a function in your shell, which is not set up",
        hint=", or ".join(ways),
    )
