"""Compare every file of an environment with the records of its packages.

Reads every file (about a second per gigabyte); --quick compares sizes only.

Examples:
  minicon verify -n data
  minicon verify -n data --quick
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``verify [-n | -p] [--quick]``."""
    parser.add_argument(
        "--quick", action="store_true", help="compare sizes only, without reading files"
    )
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the problems; return 1 if there are any."""
    from minicon.api.inspect.linked_python import interpreter_change
    from minicon.api.upkeep.health import file_problems
    from minicon.prefix.environment.prefix import Prefix
    from minicon.prefix.repair import Problem

    console = context.console
    path = context.registry.existing(arguments.name, arguments.prefix)
    prefix = Prefix(path).require()
    problems = file_problems(prefix, quick=arguments.quick)
    change = interpreter_change(context.services, prefix)
    if change is not None and change.is_problem:
        problems.append(Problem("python", change.path, change.kind))
    if console.json:
        listed = [{"package": p.package, "path": p.path, "kind": p.kind} for p in problems]
        document = {"success": not problems, "prefix": str(path), "problems": listed}
        console.document(document)
    for problem in problems:
        console.answer(str(problem))
    if problems:
        import shlex

        console.note(f"hint: minicon doctor --fix -p {shlex.quote(str(path))}")
        return 1
    console.answer(f"{path}: no problems found")
    return 0
