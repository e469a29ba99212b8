"""What changed between two kept states of an environment; see 'minicon history'.

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

    from minicon.cli.console.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``diff N [M] [-n | -p]``."""
    parser.add_argument("first", type=int, metavar="N", help="a revision")
    parser.add_argument(
        "second", type=int, nargs="?", metavar="M", help="another; the present one if left out"
    )
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print what the second has that the first has not, and the other way round."""
    from minicon.api.change.generations import difference
    from minicon.cli.render.render import table
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
    context.console.answer(table(rows) or f"{arguments.first} and {second} hold the same packages")
    return 0


def _by_name(packages: list[str]) -> dict[str, tuple[str, str]]:
    """``name-version-build`` texts as name → (version, build)."""
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
