"""List the revisions of an environment, with the commands that created them.

N is the number of a revision, for 'minicon rollback N' and 'minicon diff N'. A star marks the
current revision, an arrow a change that went back to an earlier one, and - a revision that is no
longer kept. With -v, the numbers of 'conda list --revisions' are shown too.

Changes are counted: + installed, ↑ updated, ↓ downgraded, ~ rebuilt, - removed.

Examples:
  minicon history -n data
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from minicon.cli.context import CommandContext


_HEADER = ("# N", "Conda", "", "Date", "Packages", "Change", "Command")
_NOT_KEPT = (
    "- is not kept any more: 'minicon install --revision R' installs its packages again, "
    "R as 'minicon history -v' shows it"
)
#: Letters of a date up to the minute.
_TO_THE_MINUTE = len("2026-01-31 12:00")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``history [-n | -p]``."""
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the revisions, oldest first."""
    from minicon.api.change.revision_list import listed_revisions
    from minicon.cli.render.listing import table

    console = context.console
    path = context.registry.existing(arguments.name, arguments.prefix)
    context.registry.recover(path)
    entries = [revision.to_json() for revision in listed_revisions(path)]
    if console.json:
        console.document(entries)
        return 0
    rows = [_HEADER, *_rows(entries, short_dates=console.is_terminal)]
    if not context.settings.verbosity:
        rows = [(number, *others) for number, _, *others in rows]
    numbers = (0, _HEADER.index("Packages") - (not context.settings.verbosity))
    console.answer("\n".join(map(console.fitted, table(rows, numbers=numbers).split("\n"))))
    if any(entry["revision"] is None for entry in entries):
        console.note(_NOT_KEPT)
    return 0


def _rows(entries: Sequence[Mapping[str, Any]], *, short_dates: bool) -> Iterator[tuple[str, ...]]:
    from minicon.cli.render.difference import difference_counts

    seen: set[int | None] = set()
    for entry in entries:
        number, of_conda = entry["revision"], entry["conda_revision"]
        went_back = number in seen
        seen.add(number)
        yield (
            "-" if number is None else f"→ {number}" if went_back else str(number),
            "" if of_conda is None else str(of_conda),
            "*" if entry["current"] else "",
            str(entry["date"] or "")[: _TO_THE_MINUTE if short_dates else None],
            str(entry["packages"]),
            difference_counts(entry),
            str(entry["command"]),
        )
