"""Run a command in an environment.

Terminal, input, signals and exit code are those of the command.

Examples:
  minicon run -n data python -c 'import numpy; print(numpy.__version__)'
  minicon run -p ./env --cwd /tmp pytest -q
"""

from __future__ import annotations

import argparse

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``run [-n | -p] [--cwd DIR] COMMAND [ARGUMENT...]``."""
    options.add_environment_options(parser)
    parser.add_argument("--cwd", metavar="DIR", help="working directory of the command")
    for ignored in ("--no-capture-output", "--live-stream", "--dev", "--debug-wrapper-scripts"):
        parser.add_argument(ignored, action="store_true", help=argparse.SUPPRESS)
    options.add_output_options(parser)
    parser.add_argument(
        "argv",
        nargs=argparse.REMAINDER,
        metavar="COMMAND...",
        help="command to run, with its arguments",
    )


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Replace this process by the command."""
    from minicon.errors import UsageError
    from minicon.shell.run import run_in_environment

    argv = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not argv:
        raise UsageError("no-command", "no command to run", hint="minicon run -n NAME COMMAND...")
    path = context.registry.existing(arguments.name, arguments.prefix)
    return run_in_environment(path, argv, cwd=arguments.cwd, settings=context.settings)
