"""Show the difference between two revisions of an environment; see 'minicon history'.

Examples:
  minicon diff 1 3 -n data
  minicon diff 1 -n data
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``diff N [M] [-n | -p]``."""
    parser.add_argument("first", type=int, metavar="N", help="a revision")
    parser.add_argument(
        "second",
        type=int,
        nargs="?",
        metavar="M",
        help="another revision (default: the current one)",
    )
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the packages that were added, removed and changed."""
    from minicon.api.change.revisions import difference
    from minicon.cli.render.listing import table
    from minicon.prefix.generations.metadata import read_generation_metadata

    path = context.registry.existing(arguments.name, arguments.prefix)
    context.registry.recover(path)
    second = read_generation_metadata(path).number if arguments.second is None else arguments.second
    found = difference(path, arguments.first, second)
    old, new = _by_name(found["removed"]), _by_name(found["added"])
    names = sorted({*old, *new})
    if context.console.json:
        changed = [
            {"name": name, "from": " ".join(old[name]), "to": " ".join(new[name])}
            for name in names
            if name in old and name in new
        ]
        document = {"prefix": str(path), "from": arguments.first, "to": second, **found}
        context.console.document({**document, "changed": changed})
        return 0
    rows = [_row(name, old, new) for name in names]
    context.console.answer(
        table(rows) or f"revisions {arguments.first} and {second} have the same packages"
    )
    return 0


def _by_name(packages: list[str]) -> dict[str, tuple[str, str]]:
    """Parse ``name-version-build`` strings into name → (version, build)."""
    split = (package.rsplit("-", 2) for package in packages)
    return {name: (version, build) for name, version, build in split}


def _row(
    name: str, old: Mapping[str, tuple[str, str]], new: Mapping[str, tuple[str, str]]
) -> tuple[str, ...]:
    if name not in old:
        return ("+", name, new[name][0], "", "", new[name][1])
    if name not in new:
        return ("-", name, old[name][0], "", "", old[name][1])
    return ("~", name, old[name][0], "→", new[name][0], new[name][1])
