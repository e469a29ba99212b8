"""Solve a request that --capture saved, without channels or an environment.

A capture is a file with a request and all that the solver read, for bug reports and tests.

Examples:
  minicon create -n x python=3.13 numpy --dry-run --capture problem.json
  minicon replay problem.json
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``replay FILE``."""
    parser.add_argument("file", metavar="FILE", help="file written by --capture")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the solution, or fail like the captured command."""
    from minicon.api.plan.solving import replay
    from minicon.fs.safe_path import typed_path

    solution = replay(typed_path(arguments.file))
    if context.console.json:
        context.console.document(
            {
                "success": True,
                "records": [record.to_json() for record in solution.records],
                "hold_backs": dict(solution.hold_backs),
            }
        )
        return 0
    for record in sorted(solution.records, key=lambda each: each.name):
        context.console.answer(f"{record.name} {record.version} {record.build}")
    for sentence in (*solution.notes, *solution.hold_backs.values()):
        context.console.note(sentence)
    return 0
