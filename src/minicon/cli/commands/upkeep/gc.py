"""Remove what nothing uses: unused packages, old revisions and outdated repodata.

Environments are not changed. Packages and repodata can be downloaded again; removed revisions
cannot be restored.

Examples:
  minicon gc --dry-run
  minicon gc --keep 0 -y
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``gc [--keep N] [--dry-run] [-y]``."""
    parser.add_argument(
        "--keep",
        type="number",
        metavar="N",
        help="earlier revisions to keep of each environment (default: keep_generations)",
    )
    parser.add_argument(
        "-y", "--yes", dest="always_yes", action="store_true", help="do not ask for confirmation"
    )
    parser.add_argument(
        "-d", "--dry-run", action="store_true", help="show what would be removed, and stop"
    )
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Show what can be removed, ask, and remove it."""
    from minicon.api.upkeep.cleaning import find_garbage, find_leftovers
    from minicon.cli.commands.upkeep.clean import confirm_and_remove, show_garbage

    kinds = ("generations", "packages", "stale_index")
    kept = context.settings.keep_generations if arguments.keep is None else arguments.keep
    garbage = find_garbage(context.services, kinds, keep_generations=max(kept, 0))
    leftovers = find_leftovers(context.services)
    total = show_garbage(garbage, leftovers, context)
    is_done = confirm_and_remove(garbage, leftovers, total, context)
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
