"""Show the disk usage of environments and the package cache.

Files that several environments share are counted once; 'unique' is the space that removing an
environment would free.

Examples:
  minicon du
  minicon du -n data --json
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``du [-n NAME]… [-p PATH]…``."""
    group = parser.add_argument_group("environment")
    group.add_argument(
        "-n", "--name", action="append", default=[], metavar="NAME", help="may be repeated"
    )
    group.add_argument("-p", "--prefix", action="append", default=[], metavar="PATH")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print sizes of the named environments, or of all."""
    from minicon.api.inspect.disk_use import disk_use
    from minicon.cli.render.listing import human_size, table_of_paths

    paths = _environments(arguments, context)
    uses, total = disk_use(context.services, paths)
    if context.console.json:
        document = {"entries": [use.to_json() for use in uses], "together": total}
        context.console.document(document)
        return 0
    rows: list[tuple[str, ...]] = [("# Total", "Unique", "Shared", "Revisions", "Path")]
    for use in uses:
        sizes = (use.total, use.unique, use.shared, use.kept)
        rows.append((*map(human_size, sizes), str(use.path)))
    shown = table_of_paths(rows, numbers=range(4))
    context.console.answer(f"{shown}\n\n{human_size(total)} in total")
    return 0


def _environments(arguments: argparse.Namespace, context: CommandContext) -> list[Path]:
    registry = context.registry
    named = [registry.existing(name, None) for name in arguments.name]
    named += [registry.existing(None, prefix) for prefix in arguments.prefix]
    return list(dict.fromkeys(named)) or [entry.path for entry in registry.entries()]
