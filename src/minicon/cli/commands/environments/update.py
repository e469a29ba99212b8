"""Update packages to the newest compatible versions.

Examples:
  minicon update -n data numpy
  minicon update -n data --all
"""

from __future__ import annotations

import argparse

from minicon.cli import options
from minicon.constants import PYPI_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.api.plan.request import ChangeRequest
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``update [-n | -p] (SPEC... | --all)``."""
    parser.add_argument("specs", nargs="*", metavar="SPEC", help="package to update")
    options.add_file_option(parser, "file of specs")
    parser.add_argument("--all", action="store_true", help="update all packages")
    parser.add_argument("--installed-only", action="store_true", help=argparse.SUPPRESS)
    options.add_request_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Plan, confirm and update."""
    from minicon.cli.commands.changing import carry_out

    return carry_out(build_request(arguments, context), context)


def build_request(arguments: argparse.Namespace, context: CommandContext) -> ChangeRequest:
    """Return the request of the command line."""
    from minicon.api.plan.environment_requests import change_request
    from minicon.cli.commands.changing import solver_arguments
    from minicon.errors import UsageError

    if not (arguments.specs or arguments.files or arguments.all):
        raise UsageError("no-specs", "no packages to update", hint="name packages, or pass --all")
    if arguments.installed_only:
        _require_installed(arguments, context)
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


def _require_installed(arguments: argparse.Namespace, context: CommandContext) -> None:
    """Refuse to update packages that are not installed, as conda does.

    Raises:
        PackageNotFound: One of them is not installed.
    """
    from minicon.errors import PackageNotFound
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.prefix.environment.prefix import Prefix

    path = context.registry.existing(arguments.name, arguments.prefix)
    installed = {record.name for record in Prefix(path).records()}
    for text in arguments.specs:
        name = None if text.startswith(PYPI_PREFIX) else MatchSpec(text).exact_name
        if name is not None and name not in installed:
            raise PackageNotFound(
                "package-not-updatable",
                f"{name} is not in the environment, so that it cannot be updated",
                hint=f"install it: 'minicon install {name}'",
            ).with_facts(package_name=name, prefix=str(path), packages_formatted="")
