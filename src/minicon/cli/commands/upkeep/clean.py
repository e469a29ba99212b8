"""Remove cached packages, repodata and temporary files; all can be downloaded again.

Examples:
  minicon clean --all
  minicon clean --index-cache --dry-run
"""

from __future__ import annotations

from argparse import SUPPRESS

from minicon.cli import options
from minicon.errors import Declined, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.api.upkeep.cleaning import Garbage
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``clean (--all | --index-cache | --packages | --force-pkgs-dirs | --tempfiles)``."""
    parser.add_argument("-a", "--all", action="store_true", help="all of the following")
    parser.add_argument("-i", "--index-cache", action="store_true", help="cached repodata")
    parser.add_argument(
        "-p", "--packages", action="store_true", help="packages that no environment uses"
    )
    parser.add_argument(
        "-f",
        "--force-pkgs-dirs",
        action="store_true",
        help="all packages, including those in use (environments keep their files)",
    )
    parser.add_argument(
        "-l", "--logfiles", action="store_true", help="accepted for compatibility; has no effect"
    )
    parser.add_argument(
        "-t", "--tarballs", action="store_true", help="accepted for compatibility; has no effect"
    )
    parser.add_argument(
        "--tempfiles", action="store_true", help="files left by interrupted commands"
    )
    parser.add_argument("-s", "--source-cache", action="store_true", help=SUPPRESS)
    options.add_change_options(parser)
    options.hide(
        parser, "--download-only", "--copy", "--clobber", "--no-link-scripts", "--override-frozen"
    )
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Show what can be removed, ask, and remove it."""
    from minicon.api.upkeep.cleaning import find_garbage, find_leftovers

    console = context.console
    kinds = {
        kind
        for kind in ("index_cache", "packages", "tarballs", "tempfiles", "logfiles")
        if arguments.all or getattr(arguments, kind)
    }
    if arguments.force_pkgs_dirs:
        kinds = kinds - {"packages"} | {"all_packages"}
    if not kinds:
        raise UsageError(
            "nothing-chosen", "no option says what to clean", hint="try 'minicon clean --all'"
        )
    garbage = find_garbage(context.services, kinds)
    leftovers = find_leftovers(context.services) if "tempfiles" in kinds else []
    total = show_garbage(garbage, leftovers, context)
    confirm_and_remove(garbage, leftovers, total, context)
    if console.json:
        removed = [{"kind": g.kind, "path": str(g.path), "size": g.size} for g in garbage]
        document = {"success": True, "removed": removed, "total_size": total}
        console.document({**document, **_of_conda(garbage, leftovers, kinds, context)})
    return 0


def _of_conda(
    garbage: Sequence[Garbage],
    leftovers: Sequence[Path],
    kinds: Collection[str],
    context: CommandContext,
) -> dict[str, Any]:
    """Return conda's keys of the document, for the kinds that were chosen."""
    cache = [str(item.path) for item in garbage if item.kind == "index_cache"]
    packages = [item for item in garbage if "packages" in item.kind]
    by_folder: dict[str, list[str]] = {str(p): [] for p in context.settings.pkgs_dirs}
    for item in packages:
        by_folder.setdefault(str(item.path.parent), []).append(item.path.name)
    sizes = {folder: dict.fromkeys(names, 0) for folder, names in by_folder.items()}
    for item in packages:
        sizes[str(item.path.parent)][item.path.name] = item.size
    total = sum(item.size for item in packages)
    empty = {"pkgs_dirs": {}, "pkg_sizes": {}, "warnings": [], "total_size": 0}
    found: dict[str, Any] = {
        "index_cache": {"files": cache},
        "tarballs": empty,
        "packages": {
            "pkgs_dirs": by_folder,
            "pkg_sizes": sizes,
            "warnings": [],
            "total_size": total,
        },
        "tempfiles": [str(path) for path in leftovers],
        "logfiles": [],
    }
    chosen = {kind.removeprefix("all_") for kind in kinds}
    return {key: value for key, value in found.items() if key in chosen}


def show_garbage(
    garbage: Sequence[Garbage], leftovers: Sequence[Path], context: CommandContext
) -> int:
    """Print what can be removed, and return the total size in bytes."""
    from minicon.api.inspect.disk_use import freed_size
    from minicon.cli.render.garbage import garbage_text

    total = freed_size(*(item.path for item in garbage), *leftovers)
    if not context.settings.quiet:
        is_whole = context.settings.verbosity > 0
        text = garbage_text(garbage, leftovers, total, whole=is_whole)
        context.console.answer("\n".join(map(context.console.fitted, text.split("\n"))))
    return total


def confirm_and_remove(
    garbage: Sequence[Garbage], leftovers: Sequence[Path], total: int, context: CommandContext
) -> bool:
    """Remove garbage after confirmation; return False if it is a dry run.

    Args:
        garbage: What :func:`show_garbage` showed.
        leftovers: Files of interrupted commands.
        total: Bytes that are freed.
        context: The context of the command.

    Raises:
        Declined: The user said no.
    """
    from minicon.api.upkeep.cleaning import remove_garbage, sweep_leftovers

    if context.settings.dry_run:
        return False
    asks = bool(garbage) and not (context.settings.always_yes or context.console.json)
    if asks and not context.console.confirm("Remove it?"):
        raise Declined
    remove_garbage(context.services, garbage)
    if leftovers:
        sweep_leftovers(context.services)
    if garbage or leftovers:
        from minicon.cli.render.listing import human_size

        context.console.note(f"Removed; {human_size(total)} are free again.")
    return True
