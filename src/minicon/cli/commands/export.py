"""Write an environment down, so that it can be made again.

Examples:
  minicon export -n data > environment.yml
  minicon export -n data --from-history
  minicon export -n data --format explicit
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``export [-n | -p] [--from-history] [--no-builds] [-f FILE]``."""
    parser.add_argument("-f", "--file", metavar="FILE", help="write there instead of stdout")
    parser.add_argument(
        "--from-history", action="store_true", help="only what was asked for, as it was asked"
    )
    parser.add_argument("--no-builds", action="store_true", help="versions without build strings")
    parser.add_argument("--ignore-channels", action="store_true", help="without channels")
    parser.add_argument(
        "--format",
        choices=("environment-yaml", "yaml", "json", "explicit"),
        default="environment-yaml",
        help="environment.yml (default), the same as JSON, or an explicit list of URLs",
    )
    parser.add_argument(
        "-c",
        "--channel",
        dest="channels",
        action="append",
        default=[],
        metavar="CHANNEL",
        help="name that channel too, before those of the packages",
    )
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the file's text, or write it."""
    from pathlib import Path

    from minicon.api.exporting import export_spec, export_text
    from minicon.fs import operations

    path = context.registry.existing(arguments.name, arguments.prefix)
    fields = {
        "from_history": arguments.from_history,
        "builds": not arguments.no_builds,
        "with_channels": not arguments.ignore_channels,
        "extra_channels": tuple(arguments.channels),
    }
    if context.console.json or arguments.format == "json":
        context.console.document(export_spec(path, **fields).to_data())
        return 0
    text = export_text(path, arguments.format, **fields)
    if arguments.file:
        with operations.describing("write", arguments.file):
            operations.replace_file(Path(arguments.file), text.encode())
        context.console.note(f"wrote {arguments.file}")
    else:
        context.console.answer(text.rstrip("\n"))
    return 0
