"""Bring packages to the newest versions that fit.

Examples:
  minicon update -n data numpy
  minicon update -n data --all
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.api.plan.request import ChangeRequest
    from minicon.cli.console.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``update [-n | -p] (SPEC... | --all)``."""
    parser.add_argument("specs", nargs="*", metavar="SPEC", help="what to update")
    options.add_file_option(parser, "a file of specs")
    parser.add_argument("--all", action="store_true", help="every package of the environment")
    options.add_request_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Plan, show, confirm, update."""
    from minicon.cli.commands.changing import carry_out

    return carry_out(requested(arguments, context), arguments, context)


def requested(arguments: argparse.Namespace, context: CommandContext) -> ChangeRequest:
    """What the command line asks for."""
    from minicon.api.plan.environment_requests import change_request
    from minicon.cli.commands.changing import solver_arguments
    from minicon.errors import UsageError

    if not (arguments.specs or arguments.files or arguments.all):
        raise UsageError("no-specs", "nothing to update", hint="name packages, or pass --all")
    fields = solver_arguments(arguments)
    if arguments.all:
        fields["update_policy"] = "update_all"
    return change_request(
        context.services,
        "update",
        arguments.name,
        arguments.prefix,
        specs=arguments.specs,
        files=arguments.files,
        **fields,
    )
