"""Show and change settings.

Examples:
  minicon config --show
  minicon config --show-sources
  minicon config --append channels conda-forge
  minicon config --set channel_priority flexible
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from minicon.cli.console.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``config --show | --show-sources | --describe | --get | --set | --append | ...``."""
    pair: Any = {"nargs": 2, "action": "append", "metavar": ("KEY", "VALUE")}
    shown = parser.add_argument_group("show").add_mutually_exclusive_group()
    shown.add_argument("--show", nargs="*", metavar="KEY", help="values in force")
    shown.add_argument("--show-sources", nargs="*", metavar="KEY", help="what each file says")
    shown.add_argument("--describe", nargs="*", metavar="KEY", help="what the keys mean")
    shown.add_argument("--validate", action="store_true", help="read every file, and stop")
    shown.add_argument("--get", nargs="*", metavar="KEY", help="values in the file")
    changed = parser.add_argument_group("change", "these may be given together")
    changed.add_argument("--set", help="one value", **pair)
    changed.add_argument("--append", help="at the end of a list", **pair)
    changed.add_argument("--prepend", "--add", help="in front of a list", **pair)
    changed.add_argument("--remove", help="one item of a list", **pair)
    changed.add_argument(
        "--remove-key", nargs=1, action="append", metavar="KEY", help="the key and all it holds"
    )
    file = parser.add_argument_group(
        "file", "the user's own, if none is named"
    ).add_mutually_exclusive_group()
    file.add_argument("--file", metavar="FILE", help="that file")
    file.add_argument("--env", action="store_true", help="the active environment's .condarc")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Show or change."""
    from minicon.cli.commands.settings_commands import run_config

    return run_config(arguments, context)
