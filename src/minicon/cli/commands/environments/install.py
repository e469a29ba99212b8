"""Install packages into an environment, or change their versions.

Examples:
  minicon install -n data scipy 'pandas>=2'
  minicon install -n data pypi:httpx
  minicon install -f environment.yml
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.api.plan.request import ChangeRequest
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``install [-n | -p] [SPEC...] [-f FILE]...``."""
    parser.add_argument(
        "specs",
        nargs="*",
        metavar="SPEC",
        help="package to install, for example scipy or 'pandas>=2'",
    )
    options.add_file_option(
        parser, "environment.yml, conda-lock.yml, pixi.lock, pylock.toml or list of specs"
    )
    options.add_group_options(parser)
    parser.add_argument(
        "--revision",
        type="number",
        metavar="N",
        help="go back to a revision, by conda's number; see 'minicon list --revisions'",
    )
    options.add_request_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Plan, confirm and install."""
    from minicon.cli.commands.changing import carry_out

    if arguments.revision is not None:
        return _install_revision(arguments.revision, arguments, context)
    return carry_out(build_request(arguments, context), context)


def _install_revision(revision: int, arguments: argparse.Namespace, context: CommandContext) -> int:
    """Switch to a stored revision, or reinstall one that only the history lists."""
    from minicon.api.change.revision_list import kept_revision
    from minicon.cli.commands.environments.rollback import go_back

    path = context.registry.existing(arguments.name, arguments.prefix)
    context.registry.recover(path)
    kept = kept_revision(path, revision)
    if kept is not None:
        return go_back(arguments, context, kept)
    from minicon.api.change.revisions import plan_revision
    from minicon.cli.commands.changing import carry_out_plan

    frozen = arguments.override_frozen
    plan = plan_revision(context.services, path, revision, override_frozen=frozen)
    return carry_out_plan(plan, context)


def build_request(arguments: argparse.Namespace, context: CommandContext) -> ChangeRequest:
    """Return the request of the command line."""
    from minicon.api.plan.environment_requests import change_request
    from minicon.cli.commands.changing import solver_arguments
    from minicon.errors import UsageError

    if not arguments.specs and not arguments.files:
        raise UsageError(
            "no-specs", "no packages to install", hint="name packages, or pass a file with -f"
        )
    return change_request(
        context.services,
        "install",
        arguments.name,
        arguments.prefix,
        specs=arguments.specs,
        files=arguments.files,
        **options.file_parts(arguments),
        **solver_arguments(arguments),
    )
