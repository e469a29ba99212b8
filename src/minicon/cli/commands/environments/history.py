"""List the revisions of an environment, with the commands that created them.

Examples:
  minicon history -n data
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``history [-n | -p]``."""
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the revisions, oldest first."""
    from minicon.api.change.revisions import history_entries
    from minicon.cli.render.listing import table

    path = context.registry.existing(arguments.name, arguments.prefix)
    context.registry.recover(path)
    entries = history_entries(path)
    if context.console.json:
        context.console.document(entries)
        return 0
    rows = [("# N", "Date", "", "Packages", "Change", "Command")]
    rows += [
        (
            str(entry["revision"]),
            str(entry["date"] or ""),
            "current" if entry["current"] else "",
            str(entry["packages"]),
            f"+{len(entry['added'])} -{len(entry['removed'])}",
            str(entry["command"]),
        )
        for entry in entries
    ]
    context.console.answer(table(rows))
    return 0
