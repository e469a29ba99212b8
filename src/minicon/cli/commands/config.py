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

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``config --show | --show-sources | --describe | --get | --set | --append | ...``."""
    pair: Any = {"nargs": 2, "action": "append", "metavar": ("KEY", "VALUE")}
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--show", nargs="*", metavar="KEY", help="values in force")
    what.add_argument("--show-sources", nargs="*", metavar="KEY", help="and where each comes from")
    what.add_argument("--describe", nargs="*", metavar="KEY", help="what the keys mean")
    what.add_argument("--get", nargs="+", metavar="KEY", help="values in the user's file")
    what.add_argument("--set", help="one value, in the user's file", **pair)
    what.add_argument("--append", help="at the end of a list", **pair)
    what.add_argument("--prepend", "--add", help="in front of a list", **pair)
    what.add_argument("--remove", help="one item of a list", **pair)
    what.add_argument(
        "--remove-key", nargs=1, action="append", metavar="KEY", help="the key and all it holds"
    )
    parser.add_argument("--file", metavar="FILE", help="change that file instead")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Show or change."""
    from minicon.cli.settings_commands import run_config

    return run_config(arguments, context)
