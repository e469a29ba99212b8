"""Put activation into your shell's start file, so that 'minicon activate' works in new shells.

Examples:
  minicon init            (the shell you use)
  minicon init bash zsh
  minicon init --reverse bash
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.console.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``init [SHELL...] [--reverse] [--dry-run]``."""
    parser.add_argument("shells", nargs="*", metavar="SHELL", help="bash, zsh, fish, ...")
    parser.add_argument("--all", action="store_true", help="every shell that is here")
    parser.add_argument("--reverse", action="store_true", help="take it out again")
    parser.add_argument("--user", action="store_true", help="for this user (default)")
    parser.add_argument("--system", action="store_true", help="for all users of the machine")
    parser.add_argument("-d", "--dry-run", action="store_true", help="show it and stop")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Change the start files and say which."""
    from minicon.cli.commands.start_files import change_start_files

    return change_start_files(arguments, context)
