"""Explain why a package is installed: dependency chains from requested packages, shortest first.

Examples:
  minicon why certifi -n data
  minicon why certifi -n data --json
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``why PKG [-n | -p] [--limit N]``."""
    parser.add_argument("package", metavar="PKG", help="name of an installed package")
    parser.add_argument(
        "--limit",
        type="count",
        default=10,
        metavar="N",
        help="at most N chains (default: 10)",
    )
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the chains."""
    from minicon.api.inspect.explaining import why
    from minicon.cli.render.explanations import why_document, why_lines

    path = context.registry.existing(arguments.name, arguments.prefix)
    answer = why(
        path,
        arguments.package,
        platform=context.settings.platform,
        limit=arguments.limit,
    )
    if context.console.json:
        context.console.document(why_document(answer))
    else:
        context.console.answer("\n".join(why_lines(answer)))
    return 0
