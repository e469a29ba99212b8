"""Update packages to the newest compatible versions.

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
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``update [-n | -p] (SPEC... | --all)``."""
    parser.add_argument("specs", nargs="*", metavar="SPEC", help="package to update")
    options.add_file_option(parser, "file of specs")
    parser.add_argument("--all", action="store_true", help="update all packages")
    options.add_request_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Plan, confirm and update."""
    from minicon.cli.commands.changing import carry_out

    return carry_out(build_request(arguments, context), arguments, context)


def build_request(arguments: argparse.Namespace, context: CommandContext) -> ChangeRequest:
    """Return the request of the command line."""
    from minicon.api.plan.environment_requests import change_request
    from minicon.cli.commands.changing import solver_arguments
    from minicon.errors import UsageError

    if not (arguments.specs or arguments.files or arguments.all):
        raise UsageError("no-specs", "no packages to update", hint="name packages, or pass --all")
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
