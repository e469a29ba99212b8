"""List the programs that 'run --label' or 'run --detach' started, or stop one of them.

Examples:
  minicon run -n data --detach --label server python -m http.server
  minicon ps
  minicon ps stop server
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``ps [list | stop LABEL]``."""
    parser.add_argument("verb", nargs="?", choices=("list", "stop"), default="list")
    parser.add_argument("label", nargs="?", metavar="LABEL", help="label or process ID")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the programs, or end one.

    Raises:
        UsageError: There is no such program.
    """
    from minicon.prefix.environment.processes import labelled_processes

    found = labelled_processes()
    if arguments.verb == "stop":
        _stop(arguments.label, context)
        return 0
    if context.console.json:
        keys = ("pid", "label", "prefix", "command")
        context.console.document([{key: getattr(each, key) for key in keys} for each in found])
    elif not found:
        context.console.answer("No running processes")
    else:
        from minicon.cli.render.listing import table

        rows = [(str(each.pid), each.label, each.prefix, each.command) for each in found]
        context.console.answer(table([("PID", "Name", "Prefix", "Command"), *rows]))
    return 0


def _stop(label: str | None, context: CommandContext) -> None:
    import os
    import signal

    from minicon.errors import UsageError
    from minicon.prefix.environment.processes import labelled_processes

    chosen = [each for each in labelled_processes() if label in (each.label, str(each.pid))]
    if not chosen:
        raise UsageError(
            "no-such-program",
            f"no running program has the label or process ID {label}",
            hint="list them with 'minicon ps'",
        )
    for each in chosen:
        os.kill(each.pid, signal.SIGTERM)
        context.console.answer(f"stopped {each.label} [{each.pid}]")
    if context.console.json:
        context.console.document({"success": True, "stopped": [each.pid for each in chosen]})
