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

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``diff N [M] [-n | -p]``."""
    parser.add_argument("first", type="number", metavar="N", help="a revision")
    parser.add_argument(
        "second",
        type="number",
        nargs="?",
        metavar="M",
        help="another revision (default: the current one)",
    )
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the packages that were added, removed and changed."""
    from minicon.api.change.revisions import difference
    from minicon.cli.render.difference import difference_text, packages_by_name
    from minicon.prefix.generations.metadata import read_generation_metadata

    path = context.registry.existing(arguments.name, arguments.prefix)
    context.registry.recover(path)
    second = read_generation_metadata(path).number if arguments.second is None else arguments.second
    found = difference(path, arguments.first, second)
    if context.console.json:
        old, new = packages_by_name(found["removed"]), packages_by_name(found["added"])
        changed = [
            {"name": name, "from": " ".join(old[name]), "to": " ".join(new[name])}
            for name in sorted(old.keys() & new.keys())
        ]
        document = {"prefix": str(path), "from": arguments.first, "to": second, **found}
        context.console.document({**document, "changed": changed})
        return 0
    same = f"revisions {arguments.first} and {second} have the same packages"
    context.console.answer(difference_text(found, context.console, past=True) or same)
    return 0
