"""Run a command in an environment.

Terminal, input, signals and exit code are those of the command.

Examples:
  minicon run -n data python -c 'import numpy; print(numpy.__version__)'
  minicon run -p ./env --cwd /tmp pytest -q
"""

from __future__ import annotations

import argparse
import os

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``run [-n | -p] [--cwd DIR] COMMAND [ARGUMENT...]``."""
    options.add_environment_options(parser)
    parser.add_argument("--cwd", metavar="DIR", help="working directory of the command")
    parser.add_argument(
        "--env",
        dest="variables",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="set a variable, or keep that of this shell with --clean-env (may be repeated)",
    )
    parser.add_argument(
        "--clean-env", action="store_true", help="start without the variables of this shell"
    )
    parser.add_argument(
        "--attach",
        metavar="STREAM[,STREAM]",
        help="connect only these of stdin, stdout and stderr (default: all)",
    )
    parser.add_argument(
        "--detach", action="store_true", help="run in the background, without the terminal"
    )
    parser.add_argument("--label", metavar="NAME", help="name of the program for 'minicon ps'")
    for ignored in ("--no-capture-output", "--live-stream", "--dev", "--debug-wrapper-scripts"):
        parser.add_argument(ignored, action="store_true", help=argparse.SUPPRESS)
    options.add_output_options(parser)
    options.add_program(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Replace this process by the command."""
    from minicon.errors import UsageError
    from minicon.shell.clients import exported_variables
    from minicon.shell.commands import this_executable
    from minicon.shell.run import STREAMS, chosen_variables, run_in_environment

    argv = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not argv:
        raise UsageError("no-command", "no command to run", hint="minicon run -n NAME COMMAND...")
    path = context.registry.existing(arguments.name, arguments.prefix)
    return run_in_environment(
        path,
        argv,
        cwd=arguments.cwd,
        environ={
            **exported_variables(
                context.console.dialect.name,
                executable=this_executable(),
                root=str(context.settings.root),
            ),
            **chosen_variables(os.environ, arguments.variables, clean=arguments.clean_env),
        },
        settings=context.settings,
        label=_free_label(arguments),
        streams=arguments.attach.split(",") if arguments.attach else STREAMS,
        detached=arguments.detach,
    )


def _free_label(arguments: argparse.Namespace) -> str | None:
    """Return the label of the command, if any.

    Raises:
        UsageError: Another program has it.
    """
    label: str | None = arguments.label
    if label is None:
        return "" if arguments.detach else None
    from minicon.errors import UsageError
    from minicon.prefix.environment.processes import labelled_processes

    if label and any(each.label == label for each in labelled_processes()):
        raise UsageError(
            "label-in-use",
            f"a program with the label {label!r} is running",
            hint="choose another label, or stop it: 'minicon ps stop " + label + "'",
        )
    return label
