"""List the revisions of an environment, with the commands that created them.

N is the number of a kept revision, for 'minicon rollback'. Conda's number is for 'install
--revision', with minicon and with conda.

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
    from minicon.api.change.revision_list import listed_revisions
    from minicon.cli.render.listing import table

    path = context.registry.existing(arguments.name, arguments.prefix)
    context.registry.recover(path)
    entries = [revision.to_json() for revision in listed_revisions(path)]
    if context.console.json:
        context.console.document(entries)
        return 0
    rows = [("# N", "Conda", "Date", "", "Packages", "Change", "Command")]
    rows += [
        (
            _number(entry["revision"]),
            _number(entry["conda_revision"]),
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


def _number(number: int | None) -> str:
    return "" if number is None else str(number)
