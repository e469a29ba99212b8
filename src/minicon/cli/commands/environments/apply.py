"""Apply a plan that 'minicon plan' saved.

The plan is rejected if the environment has changed since, or if the file was edited. The reviewed
plan is applied without asking for confirmation.

Examples:
  minicon apply plan.json
  minicon apply plan.json --dry-run
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``apply FILE``."""
    parser.add_argument("file", metavar="FILE", help="a plan saved by 'minicon plan'")
    options.add_change_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Check, show and apply the plan."""
    from minicon.api.plan.context import refuse_frozen
    from minicon.api.plan.plan_files import read_plan
    from minicon.cli.commands.changing import carry_out_plan
    from minicon.fs.safe_path import typed_path
    from minicon.prefix.environment.prefix import Prefix

    plan = read_plan(context.services, typed_path(arguments.file))
    refuse_frozen(Prefix(plan.prefix), override=arguments.override_frozen)
    return carry_out_plan(plan, context, ask=False)
