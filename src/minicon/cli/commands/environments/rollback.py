"""Go to another revision of an environment, offline and within an instant.

'undo' goes to the revision that the current one was made from, each time one step further back;
'redo' goes forward again.

Examples:
  minicon undo -n data
  minicon redo -n data
  minicon rollback -n data 3
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.api.change.revisions import Step
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``undo [-n | -p]``, ``redo [-n | -p]``, ``rollback [-n | -p] [N]``."""
    if not parser.prog.endswith("redo"):
        parser.add_argument(
            "revision",
            nargs="?",
            type="number",
            metavar="N",
            help="revision (default: the previous one); see 'minicon history'",
        )
    parser.set_defaults(step="redo" if parser.prog.endswith("redo") else "undo")
    options.add_environment_options(parser)
    options.add_change_options(parser)
    options.hide(parser, "--download-only", "--copy", "--clobber", "--no-link-scripts")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Switch to the revision."""
    number = getattr(arguments, "revision", None)
    return go_back(arguments, context, arguments.step if number is None else number)


def go_back(arguments: argparse.Namespace, context: CommandContext, revision: int | Step) -> int:
    """Show the effect of a switch to a stored revision, and switch after confirmation."""
    from minicon.api.change.revision_list import change_lines_of, changes_by_other_tools
    from minicon.api.change.revisions import actions_of_switch, difference, find_revision, roll_back
    from minicon.api.plan.plan_effects import effects_of_switch
    from minicon.cli.commands.changing import PROGRAMS_KEEP, confirm, warn_of_programs
    from minicon.cli.render.difference import difference_text
    from minicon.prefix.generations.metadata import read_generation_metadata

    console, is_dry_run = context.console, not context.settings.changes_environments
    path = context.registry.existing(arguments.name, arguments.prefix)
    context.registry.recover(path)
    reached = find_revision(path, revision, override_frozen=arguments.override_frozen)
    for change in changes_by_other_tools(path, reached):
        lines = ", ".join(line.strip() for line in change_lines_of(change))
        console.note(f"this also undoes '{change.command}': {lines or 'no packages'}")
    current = read_generation_metadata(path).number
    found = difference(path, current, reached).packages
    if not (console.quiet or console.json):
        console.answer(f"environment: {path}\n\nrevision {current} → {reached}\n")
        console.answer(difference_text(found, console) or "  the same packages")
    names = context.services.channel_names.own
    actions = actions_of_switch(path, reached, names) if console.json else {}
    warn_of_programs(effects_of_switch(path), context, PROGRAMS_KEEP)
    if not is_dry_run:
        confirm(context)
        roll_back(context.services, path, reached, command_line=context.command_line)
    if not console.quiet:
        console.answer(f"\n{'Would go' if is_dry_run else 'Went'} to revision {reached}.")
    if console.json:
        document = {"success": True, "prefix": str(path), "revision": reached, **found}
        document |= {"actions": actions}
        console.document(document | ({"dry_run": True} if is_dry_run else {}))
    return 0
