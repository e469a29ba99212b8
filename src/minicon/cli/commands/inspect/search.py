"""Search channels for packages: each version, newest last.

Examples:
  minicon search numpy
  minicon search 'numpy>=1.26[build=py311*]' -c conda-forge
  minicon search 'lib*zstd*' --info
  minicon search 'conda-forge/osx-arm64::numpy'
"""

from __future__ import annotations

from argparse import SUPPRESS

from minicon.cli import options
from minicon.counted import counted
from minicon.lean_dataclasses import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.api.inspect.searching import SearchResult
    from minicon.cli.context import CommandContext
    from minicon.models.records import RepodataRecord


#: Rows of each package that a terminal gets.
_ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``search SPEC``."""
    parser.add_argument(
        "spec", metavar="SPEC", nargs="?", default="*", help="name, glob or spec (default: all)"
    )
    parser.add_argument("-i", "--info", action="store_true", help="show all details")
    parser.add_argument(
        "--limit",
        type="number",
        default=None,
        metavar="N",
        help="newest N rows of each package (default: 20 in a terminal; 0: all)",
    )
    parser.add_argument(
        "--envs", action="store_true", help="search installed packages of all environments"
    )
    parser.add_argument("--flexible", action="store_true", help=SUPPRESS)
    parser.add_argument("--exactly", dest="flexible", action="store_false", help=SUPPRESS)
    options.add_channel_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print matching packages; return 1 if nothing matches."""
    if arguments.envs:
        return _in_environments(arguments.spec, context)
    from minicon.cli.render.listing import record_details, search_objects
    from minicon.errors import PackageNotFound

    result = _result(arguments.spec, arguments, context)
    wider = flexible_spec(arguments.spec) if arguments.flexible and result.is_empty else None
    if wider is not None:
        context.console.answer(f"No match found for: {arguments.spec}. Search: {wider}")
        result = replace(_result(wider, arguments, context), hint=result.hint)
    context.write_notes(result.notes, always=result.is_empty)
    if result.is_empty:
        raise PackageNotFound(
            "no-match",
            f"nothing matches {arguments.spec!r} in {', '.join(result.channels) or 'no channel'}",
            hint=result.hint,
        ).with_facts(packages=[arguments.spec], channel_urls=list(result.channel_urls))
    if context.console.json:
        objects = search_objects(result.records, result.run_exports)
        context.console.document(objects, kind="search")
    elif arguments.info:
        exports = result.run_exports
        details = [record_details(r, exports.get(r, {})) for r in result.records]
        context.console.answer("\n\n".join(details))
    else:
        _show_table(result.rows, arguments, context)
    return 0


def _show_table(
    rows: Sequence[tuple[str, ...]], arguments: argparse.Namespace, context: CommandContext
) -> None:
    from minicon.cli.render.listing import newest_rows, search_head, table

    default = _ROWS if context.console.is_terminal else 0
    kept = newest_rows(rows, default if arguments.limit is None else arguments.limit)
    head = search_head(of_builds=_lists_builds(arguments, context))
    context.console.answer(table([head, *kept]))
    if len(kept) < len(rows):
        left = len(rows) - len(kept)
        context.console.note(f"{left} older rows are not shown: --limit 0 shows all")


def _result(spec: str, arguments: argparse.Namespace, context: CommandContext) -> SearchResult:
    from minicon.api.inspect.searching import search
    from minicon.cli.render.listing import search_rows

    def make_rows(records: Sequence[RepodataRecord]) -> list[tuple[str, ...]]:
        return search_rows(records, of_builds=of_builds)

    of_builds = _lists_builds(arguments, context)
    return search(
        context.services,
        spec,
        channels=tuple(arguments.channels),
        override=arguments.override_channels,
        run_exports=arguments.info,
        make_rows=None if context.console.json or arguments.info else make_rows,
    )


def _lists_builds(arguments: argparse.Namespace, context: CommandContext) -> bool:
    """Whether the table has a row for each build."""
    from minicon.api.inspect.searching import selects_builds

    return context.console.dialect.lists_builds or selects_builds(arguments.spec)


def flexible_spec(text: str) -> str | None:
    """Return the spec with a star before and after the name; None if there is one already."""
    from minicon.models.match_spec.spec import MatchSpec

    name = MatchSpec(text).exact_name
    return None if name is None else text.replace(name, f"*{name}*", 1)


def in_environment(path: Path, spec: str, context: CommandContext) -> int:
    """Print the matching packages of an environment.

    Raises:
        PackageNotFound: There are none.
    """
    from minicon.api.inspect.installed import packages_of_environments
    from minicon.cli.render.listing import search_head, search_objects, search_rows, table
    from minicon.errors import PackageNotFound

    found = packages_of_environments([path], spec)
    if not found:
        raise PackageNotFound("no-match", f"nothing matches {spec!r} in {path}")
    records = [each.record for each in found[path]]
    rows = search_rows(records, of_builds=True)
    context.console.answer(table([search_head(of_builds=True), *rows]))
    if context.console.json:
        context.console.document(search_objects(records, {}), kind="search")
    return 0


def _in_environments(spec: str, context: CommandContext) -> int:
    """Print the environments in which matching packages are installed."""
    from minicon.api.inspect.installed import packages_of_environments
    from minicon.cli.render.listing import table
    from minicon.errors import PackageNotFound
    from minicon.prefix.plan.transaction import dist_json

    paths = [entry.path for entry in context.registry.entries()]
    found = packages_of_environments(paths, spec)
    if not found:
        raise PackageNotFound(
            "no-match",
            f"nothing matches {spec!r} in {counted(len(paths), 'environment')}",
            hint="omit --envs to search channels",
        ).with_facts(packages=[spec], channel_urls=[])
    packages = [(path, each.record) for path, records in found.items() for each in records]
    rows = [("# Name", "Version", "Build", "Channel", "Location")]
    names = context.services.channel_names
    rows += [(r.name, r.version, r.build, names(r.channel), str(p)) for p, r in packages]
    context.console.answer(table(rows))
    if context.console.json:
        context.console.document(
            [
                {
                    "location": str(path),
                    "package_records": [dist_json(each.record, names) for each in records],
                }
                for path, records in found.items()
            ]
        )
    return 0
