"""List the revisions of an environment, with the commands that created them.

N is the number of a kept revision, for 'minicon rollback'. Conda's number is for 'install
--revision', with minicon and with conda. A star marks the current revision.
Changes are counted: + installed, ↑ updated, ↓ downgraded, ~ rebuilt, - removed.

Examples:
  minicon history -n data
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


#: Letters of a date up to the minute.
_TO_THE_MINUTE = len("2026-01-31 12:00")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``history [-n | -p]``."""
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the revisions, oldest first."""
    from minicon.api.change.revision_list import listed_revisions
    from minicon.cli.render.difference import difference_counts
    from minicon.cli.render.listing import table

    console = context.console
    path = context.registry.existing(arguments.name, arguments.prefix)
    context.registry.recover(path)
    entries = [revision.to_json() for revision in listed_revisions(path)]
    if console.json:
        console.document(entries)
        return 0
    rows = [("# N", "Conda", "Date", "", "Packages", "Change", "Command")]
    rows += [
        (
            _number(entry["revision"]),
            _number(entry["conda_revision"]),
            str(entry["date"] or "")[: _TO_THE_MINUTE if console.is_terminal else None],
            "*" if entry["current"] else "",
            str(entry["packages"]),
            difference_counts(entry),
            str(entry["command"]),
        )
        for entry in entries
    ]
    console.answer("\n".join(map(console.fitted, table(rows, numbers=(4,)).split("\n"))))
    return 0


def _number(number: int | None) -> str:
    return "" if number is None else str(number)
