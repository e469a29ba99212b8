"""Go back to an earlier revision of an environment, offline and within an instant.

Examples:
  minicon undo -n data
  minicon rollback -n data 3
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``undo [-n | -p]``, ``rollback [-n | -p] [N]``."""
    parser.add_argument(
        "revision",
        nargs="?",
        type=int,
        metavar="N",
        help="revision (default: the previous one); see 'minicon history'",
    )
    options.add_environment_options(parser)
    options.add_change_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Switch to the revision."""
    return go_back(arguments, context, arguments.revision)


def go_back(arguments: argparse.Namespace, context: CommandContext, revision: int | None) -> int:
    """Switch the environment to a stored revision; None for the previous one."""
    from minicon.api.change.revision_list import change_lines_of, changes_by_other_tools
    from minicon.api.change.revisions import roll_back
    from minicon.api.plan.plan_effects import effects_of_switch
    from minicon.cli.commands.changing import PROGRAMS_KEEP, warn_of_programs

    path = context.registry.existing(arguments.name, arguments.prefix)
    context.registry.recover(path)
    for change in changes_by_other_tools(path, revision):
        lines = ", ".join(line.strip() for line in change_lines_of(change))
        context.console.note(f"this also undoes '{change.command}': {lines or 'no packages'}")
    warn_of_programs(effects_of_switch(path), context, PROGRAMS_KEEP)
    reached = roll_back(
        context.services,
        path,
        revision,
        command_line=context.command_line,
        dry_run=context.settings.dry_run,
        override_frozen=arguments.override_frozen,
    )
    verb = "would go back" if context.settings.dry_run else "went back"
    context.console.answer(f"{verb} to revision {reached}")
    if context.console.json:
        context.console.document({"success": True, "prefix": str(path), "revision": reached})
    return 0
