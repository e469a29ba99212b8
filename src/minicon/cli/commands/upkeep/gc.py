"""Free what nothing uses: packages no environment was linked from, old states, stale indexes.

What environments hold is never touched; everything freed can be fetched again, but old states
cannot be gone back to.

Examples:
  minicon gc --dry-run
  minicon gc --keep 0 -y
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.console.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``gc [--keep N] [--dry-run] [-y]``."""
    parser.add_argument(
        "--keep",
        type=int,
        metavar="N",
        help="earlier states that each environment keeps (default: keep_generations)",
    )
    parser.add_argument(
        "-y", "--yes", dest="always_yes", action="store_true", help="do not ask for confirmation"
    )
    parser.add_argument("-d", "--dry-run", action="store_true", help="only say what would go")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Say what would be freed, ask, free it."""
    from minicon.api.upkeep.cleaning import find_garbage, find_leftovers
    from minicon.cli.commands.freeing import free, show_garbage

    kinds = ("generations", "packages", "stale_index")
    kept = context.settings.keep_generations if arguments.keep is None else arguments.keep
    garbage = find_garbage(context.services, kinds, keep_generations=max(kept, 0))
    leftovers = find_leftovers(context.services)
    total = show_garbage(garbage, leftovers, context)
    is_done = free(garbage, leftovers, context)
    if context.console.json:
        context.console.document(
            {
                "success": True,
                "dry_run": not is_done,
                "removed": [{"kind": g.kind, "path": str(g.path), "size": g.size} for g in garbage],
                "leftovers": [str(path) for path in leftovers],
                "total_size": total,
            }
        )
    return 0
