"""Run a tool without installing it, in an environment that is created once and cached.

Examples:
  minicon x ruff check .
  minicon x --from 'pygments>=2.18' pygmentize -V
  minicon x --with numpy python -c 'import numpy; print(numpy.__version__)'
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``x [--from SPEC] [--with SPEC]... COMMAND [ARGUMENT...]``."""
    parser.add_argument(
        "--from",
        dest="tool",
        metavar="SPEC",
        help="package of the command, if it has another name",
    )
    parser.add_argument(
        "--with",
        dest="extra",
        action="append",
        default=[],
        metavar="SPEC",
        help="additional package (may be repeated)",
    )
    parser.add_argument("--refresh", action="store_true", help="update the cached environment")
    options.add_channel_options(parser)
    options.add_output_options(parser)
    options.add_program(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Create the environment of the tool if necessary, then replace this process by the command."""
    from minicon.api.change.tool_environment import (
        is_fresh,
        make_tool_environment,
        plan_tool_environment,
        tool_environment_path,
    )
    from minicon.errors import UsageError
    from minicon.shell.run import run_in_environment

    argv = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not argv:
        raise UsageError("no-command", "no command to run", hint="minicon x COMMAND...")
    services = context.services
    specs = [arguments.tool or argv[0], *arguments.extra]
    path = tool_environment_path(services, specs, arguments.channels)
    if arguments.refresh or not is_fresh(services, path):
        plan = plan_tool_environment(
            services, path, specs, arguments.channels, override=arguments.override_channels
        )
        context.write_notes(plan.source_notes, plan.notes)
        make_tool_environment(services, plan, context.command_line)
    context.close()
    return run_in_environment(path, argv, settings=context.settings)
