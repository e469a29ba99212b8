"""Save a change to a file instead of applying it, for review.

Examples:
  minicon plan install -n data scipy > plan.json
  minicon plan create -n data -f environment.yml > plan.json
  minicon apply plan.json
"""

from __future__ import annotations

import argparse

from minicon.cli import options
from minicon.cli.parser import CommandParser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.cli.context import CommandContext

_VERBS = ("create", "install", "update", "remove", "sync")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``plan create|install|update|remove|sync … > FILE``."""
    parser.add_argument("verb", choices=_VERBS, metavar="VERB", help=", ".join(_VERBS))
    parser.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="...", help="arguments of that command"
    )
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the plan as one JSON document."""
    import importlib

    from minicon.api.plan.plan_effects import effects_of_plan
    from minicon.api.plan.plan_files import plan_document
    from minicon.api.plan.planning import make_plan
    from minicon.cli.context import CommandContext as Context
    from minicon.errors import UsageError

    module = importlib.import_module(f"minicon.cli.commands.environments.{arguments.verb}")
    parser = CommandParser(prog=f"minicon plan {arguments.verb}")
    module.add_arguments(parser)
    parsed = parser.parse_args(arguments.words)
    parsed.command = arguments.verb
    arguments.options |= parsed.options
    if getattr(parsed, "all", False) and arguments.verb == "remove":
        import shlex

        raise UsageError(
            "not-plannable",
            "the removal of a whole environment cannot be saved as a plan",
            hint=f"run: minicon remove --dry-run {shlex.join(arguments.words)}",
        )
    inner = Context.from_arguments(parsed, context.command_line, context.console.dialect)
    try:
        plan = make_plan(inner.services, module.build_request(parsed, inner))
        inner.write_notes(plan.source_notes, plan.notes)
        effects = effects_of_plan(inner.services, plan, preview=True)
        context.console.document(plan_document(plan, effects))
    finally:
        inner.close()
    return 0
