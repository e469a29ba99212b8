"""Update packages to the newest compatible versions.

Examples:
  minicon update -n data numpy
  minicon update -n data --all
"""

from __future__ import annotations

from minicon.cli import options
from minicon.constants import PYPI_PREFIX

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

    return carry_out(build_request(arguments, context), context)


def build_request(arguments: argparse.Namespace, context: CommandContext) -> ChangeRequest:
    """Return the request of the command line."""
    from minicon.api.plan.environment_requests import change_request
    from minicon.cli.commands.changing import solver_arguments
    from minicon.errors import UsageError

    if not (arguments.specs or arguments.files or arguments.all):
        raise UsageError("no-specs", "no packages to update", hint="name packages, or pass --all")
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
    from minicon.api.inspect.installed import listed_packages
    from minicon.errors import PackageNotFound
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.near_names import meant
    from minicon.prefix.environment.site_packages import installed_name

    path = context.registry.existing(arguments.name, arguments.prefix)
    installed = {each.name: each for each in listed_packages(path)}
    for text in arguments.specs:
        name = None if text.startswith(PYPI_PREFIX) else MatchSpec(text).exact_name
        if name is not None and installed_name(name, installed) not in installed:
            raise PackageNotFound(
                "package-not-updatable",
                f"{name} is not in the environment, so that it cannot be updated",
                hint=meant(name, installed, f"install it: 'minicon install {name}'"),
            ).with_facts(package_name=name, prefix=str(path), packages_formatted="")
