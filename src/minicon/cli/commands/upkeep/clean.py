"""Free what can be made or fetched again.

Examples:
  minicon clean --all
  minicon clean --index-cache --dry-run
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.console.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``clean (--all | --index-cache | --packages | --force-pkgs-dirs | --tempfiles)``."""
    parser.add_argument("-a", "--all", action="store_true", help="all of the below")
    parser.add_argument("-i", "--index-cache", action="store_true", help="cached indexes")
    parser.add_argument(
        "-p", "--packages", action="store_true", help="packages that no environment uses"
    )
    parser.add_argument(
        "-f",
        "--force-pkgs-dirs",
        action="store_true",
        help="all packages, also those in use: environments keep their files",
    )
    parser.add_argument("-l", "--logfiles", action="store_true", help="nothing: there are none")
    parser.add_argument("-t", "--tarballs", action="store_true", help="nothing: no archive is kept")
    parser.add_argument(
        "--tempfiles", action="store_true", help="what interrupted commands left behind"
    )
    options.add_change_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Say what would be freed, ask, free it."""
    from minicon.api.upkeep.cleaning import find_garbage, find_leftovers
    from minicon.cli.commands.freeing import free, show_garbage
    from minicon.errors import UsageError

    console = context.console
    kinds = {
        kind
        for kind in ("index_cache", "packages", "tarballs", "tempfiles", "logfiles")
        if arguments.all or getattr(arguments, kind)
    }
    if arguments.force_pkgs_dirs:
        kinds = kinds - {"packages"} | {"all_packages"}
    if not kinds:
        raise UsageError("nothing-chosen", "nothing to clean is named", hint="try 'clean --all'")
    garbage = find_garbage(context.services, kinds)
    leftovers = find_leftovers(context.services) if "tempfiles" in kinds else []
    total = show_garbage(garbage, leftovers, context)
    free(garbage, leftovers, context)
    if console.json:
        removed = [{"kind": g.kind, "path": str(g.path), "size": g.size} for g in garbage]
        console.document({"success": True, "removed": removed, "total_size": total})
    return 0
