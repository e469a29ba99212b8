"""Make a new environment.

Examples:
  minicon create -n data python=3.11 numpy
  minicon create -n data -f environment.yml
  minicon create -p ./env -c conda-forge 'python>=3.11' r-base
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``create (-n NAME | -p PATH) [SPEC...] [-f FILE]... [--clone ENV]``."""
    parser.add_argument(
        "specs", nargs="*", metavar="SPEC", help="for instance numpy or python=3.11"
    )
    parser.add_argument(
        "-f",
        "--file",
        dest="files",
        action="append",
        default=[],
        metavar="FILE",
        help="environment.yml, an explicit list, or a list of specs",
    )
    parser.add_argument("--clone", metavar="ENV", help="the same packages as that environment")
    options.add_environment_options(parser)
    options.add_channel_options(parser)
    options.add_solver_options(parser)
    options.add_change_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Plan, show, confirm, create."""
    from minicon.api.environment_requests import clone_request, create_request
    from minicon.cli.changing import carry_out, solver_arguments

    fields = solver_arguments(arguments)
    if arguments.clone:
        request = clone_request(
            context.services, arguments.clone, arguments.name, arguments.prefix, **fields
        )
    else:
        request = create_request(
            context.services,
            arguments.name,
            arguments.prefix,
            specs=arguments.specs,
            files=arguments.files,
            **fields,
        )
    return carry_out(request, arguments, context)
