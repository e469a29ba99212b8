"""Create, list, remove, export and update environments, and set their variables.

Examples:
  minicon env create -f environment.yml
  minicon env list
  minicon env export -n data > environment.yml
  minicon env config vars set -n data KEY=VALUE
"""

from __future__ import annotations

import argparse
import os

from minicon.cli import options
from minicon.cli.commands.environments import export, remove
from minicon.cli.parser import add_verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``env create | list | remove | export | update | config vars``."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    create = add_verb(
        verbs,
        "create",
        "create an environment from a file",
        "minicon env create",
        "minicon env create -f environment.yml -n data",
        "minicon env create -f environment.yml --with test",
    )
    create.add_argument("specs", nargs="*", metavar="SPEC", help=argparse.SUPPRESS)
    _add_file_and_change_options(create)
    options.add_output_options(
        add_verb(verbs, "list", "list all environments", "minicon env list --json")
    )
    remove_parser = add_verb(verbs, "remove", "remove an environment", "minicon env remove -n data")
    options.add_environment_options(remove_parser)
    options.add_change_options(remove_parser)
    options.hide(remove_parser, "--download-only", "--copy", "--clobber", "--override-frozen")
    options.add_output_options(remove_parser)
    export.add_arguments(
        add_verb(
            verbs,
            "export",
            "export an environment to a file",
            "minicon env export -n data > environment.yml",
            "minicon env export -n data --from-history",
        )
    )
    update = add_verb(
        verbs,
        "update",
        "update an environment from a file",
        "minicon env update -f environment.yml",
        "minicon env update -n data -f environment.yml --prune",
    )
    update.add_argument(
        "--prune", action="store_true", help="remove packages that the file does not require"
    )
    _add_file_and_change_options(update)
    config = add_verb(verbs, "config", "show and change variables of an environment")
    subjects = config.add_subparsers(dest="subject", required=True, metavar="vars")
    _add_variable_verbs(add_verb(subjects, "vars", "variables that activation sets"))


def _add_variable_verbs(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    options_of = {
        "list": add_verb(actions, "list", "list variables", "minicon env config vars list -n data"),
        "set": add_verb(
            actions,
            "set",
            "set variables",
            "minicon env config vars set -n data DATA_DIR=/srv/data LEVEL=3",
        ),
        "unset": add_verb(
            actions, "unset", "unset variables", "minicon env config vars unset -n data LEVEL"
        ),
    }
    options_of["set"].add_argument(
        "variables", nargs="+", metavar="KEY=VALUE", help="for example DATA_DIR=/srv/data"
    )
    options_of["unset"].add_argument(
        "variables", nargs="+", metavar="KEY", help="name of the variable"
    )
    for one in options_of.values():
        options.add_environment_options(one)
        options.add_output_options(one)


def _add_file_and_change_options(parser: argparse.ArgumentParser) -> None:
    options.add_file_option(parser, "environment.yml (default) or a lock file")
    options.add_group_options(parser)
    options.add_request_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Run a verb."""
    verbs = {
        "create": _create,
        "list": _list,
        "remove": remove.remove_environment,
        "export": export.run,
        "update": _update,
        "config": _variables,
    }
    return verbs[arguments.verb](arguments, context)


def _create(arguments: argparse.Namespace, context: CommandContext) -> int:
    from minicon.api.input_files import default_environment_file
    from minicon.api.plan.environment_requests import create_request
    from minicon.cli.commands.changing import carry_out, solver_arguments

    request = create_request(
        context.services,
        arguments.name,
        arguments.prefix,
        specs=arguments.specs,
        files=arguments.files or [default_environment_file()],
        **options.file_parts(arguments),
        **solver_arguments(arguments),
    )
    # conda's env create does not ask for confirmation; scripts rely on that
    return carry_out(request, context, ask=False)


def _update(arguments: argparse.Namespace, context: CommandContext) -> int:
    from minicon.api.input_files import default_environment_file
    from minicon.api.plan.environment_requests import change_request
    from minicon.cli.commands.changing import carry_out, solver_arguments

    request = change_request(
        context.services,
        "install",
        arguments.name,
        arguments.prefix,
        specs=(),
        files=arguments.files or [default_environment_file()],
        **options.file_parts(arguments),
        creates=True,
        prune=arguments.prune,
        **solver_arguments(arguments),
    )
    return carry_out(request, context, ask=False)


def _list(arguments: argparse.Namespace, context: CommandContext) -> int:  # noqa: ARG001
    from minicon.api.inspect.system_info import environment_details
    from minicon.cli.render.listing import environment_table

    entries = context.registry.entries()
    if context.console.json:
        details = {str(entry.path): environment_details(entry) for entry in entries}
        context.console.document({"envs": list(details), "envs_details": details})
    else:
        context.console.answer(environment_table(entry.row for entry in entries))
    return 0


def _variables(arguments: argparse.Namespace, context: CommandContext) -> int:
    from minicon.api.environment_variables import change_variables, listed_variables

    path = context.registry.existing(arguments.name, arguments.prefix)
    if arguments.action == "list":
        variables = listed_variables(path)
        for key, value in variables.items():
            context.console.answer(f"{key} = {value}", as_is=True)
        if context.console.json:
            context.console.document(variables, as_is=True)
        return 0
    for text in change_variables(path, arguments.variables, unset=arguments.action == "unset"):
        context.console.warn(text)
    context.console.note(_effect(path))
    if context.console.json:
        context.console.document({"success": True})
    return 0


def _effect(path: Path) -> str:
    """Return when changed variables take effect."""
    from minicon.prefix.environment.environments_txt import is_active_environment
    from minicon.shell.hook import called_by_hook

    if not is_active_environment(str(path), os.environ):
        return "the change takes effect when the environment is activated"
    if called_by_hook(os.environ):
        return "this shell has the change; in other shells, activate the environment again"
    return "activate the environment again for the change to take effect"
