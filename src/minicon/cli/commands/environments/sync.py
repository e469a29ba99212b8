"""Make an environment match its file or lock exactly: install and remove packages as needed.

Examples:
  minicon sync -n data                     conda-lock.yml or environment.yml
  minicon sync -n data -f environment.yml --dry-run
  minicon sync -n data -f conda-lock.yml --with test
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.api.plan.request import ChangeRequest
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``sync [-n | -p] [-f FILE]... [--with GROUP]``."""
    options.add_file_option(
        parser, "environment.yml, conda-lock.yml, pixi.lock, pylock.toml or explicit list"
    )
    options.add_group_options(parser)
    options.add_request_options(parser)
    options.hide(parser, *options.UPDATE_FLAGS)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Plan, confirm and synchronize."""
    from minicon.cli.commands.changing import carry_out

    return carry_out(build_request(arguments, context), context)


def build_request(arguments: argparse.Namespace, context: CommandContext) -> ChangeRequest:
    """Return the request of the command line."""
    from minicon.api.plan.environment_requests import sync_request
    from minicon.cli.commands.changing import solver_arguments

    return sync_request(
        context.services,
        arguments.name,
        arguments.prefix,
        files=arguments.files,
        **options.file_parts(arguments),
        **solver_arguments(arguments),
    )
