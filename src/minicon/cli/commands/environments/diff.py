"""Show the last change of an environment, or the difference between two revisions.

The numbers are those of 'minicon history'.

Examples:
  minicon diff -n data
  minicon diff 1 -n data
  minicon diff 1 3 -n data
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``diff [N [M]] [-n | -p]``."""
    parser.add_argument(
        "first",
        type="number",
        nargs="?",
        metavar="N",
        help="a revision (default: the one before the last change)",
    )
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
    from minicon.api.change.revisions import difference, last_change
    from minicon.cli.render.difference import difference_text, packages_by_name

    path = context.registry.existing(arguments.name, arguments.prefix)
    context.registry.recover(path)
    first, second = arguments.first, arguments.second
    compared = last_change(path) if first is None else difference(path, first, second)
    if context.console.json:
        old, new = packages_by_name(compared.removed), packages_by_name(compared.added)
        changed = [
            {"name": name, "from": " ".join(old[name]), "to": " ".join(new[name])}
            for name in sorted(old.keys() & new.keys())
        ]
        context.console.document(
            {
                "prefix": str(path),
                "from": compared.first,
                "to": compared.second,
                **compared.packages,
                "changed": changed,
            }
        )
        return 0
    sections = difference_text(compared.packages, context.console, past=True)
    if compared.command:
        title = f"last change, to revision {compared.second}: {compared.command}"
    else:
        title = f"revision {compared.first} → {compared.second}"
    context.console.answer(f"{title}\n\n{sections or 'all packages are the same'}")
    return 0
