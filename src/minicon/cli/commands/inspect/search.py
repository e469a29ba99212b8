"""Packages that the channels offer, newest first.

Examples:
  minicon search numpy
  minicon search 'numpy>=1.26[build=py311*]' -c conda-forge
  minicon search 'lib*zstd*' --info
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.console.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``search SPEC``."""
    parser.add_argument("spec", metavar="SPEC", nargs="?", default="*", help="name, glob or spec")
    parser.add_argument("-i", "--info", action="store_true", help="all that is known of each")
    parser.add_argument("--envs", action="store_true", help="in all environments, not in channels")
    options.add_channel_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print what matches; 1 if nothing does."""
    if arguments.envs:
        return _in_environments(arguments.spec, context)
    from minicon.api.inspect.searching import search
    from minicon.cli.render.listing import record_details, search_objects, search_rows
    from minicon.cli.render.render import table
    from minicon.errors import PackageNotFound

    result = search(
        context.services,
        arguments.spec,
        channels=tuple(arguments.channels),
        override=arguments.override_channels,
        run_exports=arguments.info,
    )
    for note in result.notes:
        context.console.note(note)
    if not result.records:
        raise PackageNotFound(
            "no-match",
            f"nothing matches {arguments.spec!r} in {', '.join(result.channels) or 'no channel'}",
            hint=result.hint,
        )
    if context.console.json:
        context.console.document(search_objects(result.records, result.run_exports))
    elif arguments.info:
        exports = result.run_exports
        details = [record_details(r, exports.get(r, {})) for r in result.records]
        context.console.answer("\n\n".join(details))
    else:
        context.console.answer(table(search_rows(result.records)))
    return 0


def _in_environments(spec: str, context: CommandContext) -> int:
    """Where a package is installed, in conda's shapes."""
    from minicon.api.change.environments import packages_of_environments
    from minicon.cli.render.listing import dist_object
    from minicon.cli.render.render import short_channel, table
    from minicon.errors import PackageNotFound

    paths = [entry.path for entry in context.registry.entries()]
    found = packages_of_environments(paths, spec)
    if not found:
        raise PackageNotFound(
            "no-match",
            f"nothing matches {spec!r} in {len(paths)} environments",
            hint="without --envs, channels are searched",
        )
    packages = [(path, each.record) for path, records in found.items() for each in records]
    rows = [("# Name", "Version", "Build", "Channel", "Location")]
    rows += [(r.name, r.version, r.build, short_channel(r.channel), str(p)) for p, r in packages]
    context.console.answer(table(rows))
    if context.console.json:
        context.console.document(
            [
                {"location": str(path), "package_records": [dist_object(r.record) for r in records]}
                for path, records in found.items()
            ]
        )
    return 0
