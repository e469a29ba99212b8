"""Create an environment.

Examples:
  minicon create -n data python=3.11 numpy
  minicon create -n data -f environment.yml
  minicon create -n data -f conda-lock.yml --with test
  minicon create -p ./env -c conda-forge 'python>=3.11' r-base
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.api.plan.request import ChangeRequest
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``create (-n NAME | -p PATH) [SPEC...] [-f FILE]... [--clone ENV]``."""
    parser.add_argument(
        "specs",
        nargs="*",
        metavar="SPEC",
        help="package to install, for example numpy or python=3.11",
    )
    options.add_file_option(
        parser, "environment.yml, conda-lock.yml, pixi.lock, pylock.toml or list of specs"
    )
    options.add_group_options(parser)
    parser.add_argument(
        "--no-default-packages", action="store_true", help="ignore create_default_packages"
    )
    parser.add_argument(
        "--clone", metavar="ENV", help="install the same packages as another environment"
    )
    options.add_request_options(parser)
    options.hide(parser, *options.UPDATE_FLAGS, "--force-reinstall")


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Plan, confirm and create."""
    from minicon.cli.commands.changing import carry_out

    return carry_out(build_request(arguments, context), context)


def build_request(arguments: argparse.Namespace, context: CommandContext) -> ChangeRequest:
    """Return the request of the command line."""
    from minicon.api.plan.environment_requests import clone_request, create_request
    from minicon.cli.commands.changing import solver_arguments
    from minicon.errors import UsageError

    fields = solver_arguments(arguments)
    services, name, prefix = context.services, arguments.name, arguments.prefix
    if arguments.clone:
        if arguments.specs or arguments.files:
            raise UsageError(
                "mixed-clone",
                "--clone cannot be combined with packages or files",
                hint="clone the environment first, then install the packages",
            )
        return clone_request(services, arguments.clone, name, prefix, **fields)
    return create_request(
        services,
        name,
        prefix,
        specs=arguments.specs,
        files=arguments.files,
        default_packages=not arguments.no_default_packages,
        **options.file_parts(arguments),
        **fields,
    )
