"""Remove packages from an environment, or a whole environment.

Examples:
  minicon remove -n data scipy
  minicon remove -n data --all
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.api.plan.request import ChangeRequest
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``remove [-n | -p] (SPEC... | --all)``."""
    parser.add_argument("specs", nargs="*", metavar="SPEC", help="package to remove")
    parser.add_argument("--all", action="store_true", help="remove the whole environment")
    parser.add_argument(
        "--keep-env", action="store_true", help="with --all: remove all packages only"
    )
    parser.add_argument(
        "--features",
        action="store_true",
        help="names are track features; remove the packages that have them",
    )
    parser.add_argument(
        "--force",
        "--force-remove",
        dest="force",
        action="store_true",
        help="do not remove dependents (may break the environment)",
    )
    parser.add_argument(
        "--no-prune",
        "--no-prune-deps",
        dest="keep_unneeded",
        action="store_true",
        help="keep packages that nothing requires any more",
    )
    options.add_request_options(parser)
    options.hide(parser, *options.UPDATE_FLAGS, "--only-deps", "--force-reinstall", "--lowest")


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Plan, confirm and remove."""
    from minicon.cli.commands.changing import carry_out
    from minicon.errors import PackageNotFound

    if arguments.all and not arguments.keep_env:
        return remove_environment(arguments, context)
    request = build_request(arguments, context)
    try:
        return carry_out(request, context)
    except PackageNotFound as error:
        raise error.with_facts(prefix=str(request.prefix)) from error.__cause__


def build_request(arguments: argparse.Namespace, context: CommandContext) -> ChangeRequest:
    """Return the request of the command line."""
    from minicon.api.plan.environment_requests import change_request
    from minicon.cli.commands.changing import solver_arguments
    from minicon.errors import UsageError

    specs = arguments.specs
    if arguments.all:
        specs = ["*"]
    elif arguments.features:
        specs = [f"*[track_features={name}]" for name in specs]
    if not specs:
        raise UsageError(
            "no-specs",
            "no packages to remove",
            hint="name packages, or pass --all for the environment",
        )
    fields = solver_arguments(arguments)
    fields["no_deps"] = fields["no_deps"] or arguments.force
    fields["keep_unneeded"] = arguments.keep_unneeded
    return change_request(
        context.services,
        "remove",
        arguments.name,
        arguments.prefix,
        specs=specs,
        files=(),
        **fields,
    )


def remove_environment(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Remove a whole environment, after confirmation."""
    from minicon.api.change.environments import delete_environment, refuse_active
    from minicon.api.plan.plan_effects import effects_of_removal, script_text
    from minicon.cli.commands.changing import warn_of_programs
    from minicon.errors import Declined, UsageError
    from minicon.prefix.environment.prefix import Prefix
    from minicon.prefix.plan.transaction import dist_json

    console = context.console
    path = context.services.registry.existing(arguments.name, arguments.prefix)
    if path == context.settings.root:
        raise UsageError(
            "base-environment",
            f"{path} is base and contains the other environments",
            hint="remove its packages by name",
        )
    refuse_active(context.services, path, ("remove", "--all", "--prefix", str(path)))
    names = context.services.channel_names
    records = Prefix(path).readable_records()
    unlinked = [dist_json(each.record, names.own) for each in records]
    effects = effects_of_removal(context.services, path)
    for script in effects.scripts:
        console.note(f"will run: {script_text(script)}")
    warn_of_programs(effects, context, "their files will be removed")
    is_kept = not context.settings.changes_environments
    if not is_kept:
        asks = not (context.settings.always_yes or console.json)
        question = f"Remove the environment {path} with everything in it?"
        if asks and not console.confirm(question, default=False):
            raise Declined
        delete_environment(context.services, path)
    console.answer(f"{'would remove' if is_kept else 'removed'} {path}")
    if console.json:
        actions = {"FETCH": [], "PREFIX": str(path), "UNLINK": unlinked}
        document = {"success": True, "prefix": str(path), "actions": actions}
        console.document(document | ({"dry_run": True} if is_kept else {}))
    return 0
