"""Start a shell in an environment; leave it with 'exit'.

Examples:
  minicon shell -n data
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``shell [-n | -p]``."""
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Replace this process by the shell."""
    from minicon.shell.run import run_shell

    path = context.registry.existing(arguments.name, arguments.prefix)
    return run_shell(path, settings=context.settings)
