"""Carry out a plan that 'minicon plan' wrote down.

It is refused if the environment is not as it was when the plan was made, or if the file is not
as minicon wrote it. What was reviewed is what is done, so nothing is asked.

Examples:
  minicon apply plan.json
  minicon apply plan.json --dry-run
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.console.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``apply FILE``."""
    parser.add_argument("file", metavar="FILE", help="what 'minicon plan' wrote")
    options.add_change_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Check, show, carry out."""
    from minicon.api.plan.plan_files import read_plan
    from minicon.api.plan.planning import refuse_frozen
    from minicon.cli.commands.changing import carry_out_plan
    from minicon.fs.safe_path import typed_path
    from minicon.prefix.environment.prefix import Prefix

    plan = read_plan(context.services, typed_path(arguments.file))
    refuse_frozen(Prefix(plan.prefix), override=arguments.override_frozen)
    return carry_out_plan(plan, arguments, context, ask=False)
