"""Rename an environment, or move it to another path.

Only files that contain its path are rewritten. Earlier revisions are moved with it, so that
'minicon undo' still works.

Examples:
  minicon rename data science
  minicon rename -p ./env ./environments/data
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from minicon.api.change.environments import RenameRequest
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``rename [OLD | -n OLD | -p OLD] NEW``."""
    parser.add_argument(
        "words", nargs="+", metavar="[OLD] NEW", help="names, or paths that contain a /"
    )
    options.add_environment_options(parser)
    parser.add_argument(
        "-y", "--yes", dest="always_yes", action="store_true", help="do not ask for confirmation"
    )
    parser.add_argument("-d", "--dry-run", action="store_true", help="show what would be done")
    parser.add_argument(
        "--override-frozen", action="store_true", help="move the environment even if it is frozen"
    )
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Check the request and move the environment."""
    from minicon.api.change.environments import rename_environment, rename_request
    from minicon.api.plan.plan_effects import effects_of_switch
    from minicon.cli.commands.changing import warn_of_programs
    from minicon.errors import UsageError

    *old, new = arguments.words
    named = bool(arguments.name or arguments.prefix)
    if len(old) > 1 or (old and named) or not (old or named):
        raise UsageError(
            "unclear-names",
            "rename needs one environment and its new name",
            hint="minicon rename OLD NEW",
        )
    request = rename_request(
        context.services,
        old[0] if old else arguments.name,
        arguments.prefix,
        new,
        override_frozen=arguments.override_frozen,
    )
    warn_of_programs(effects_of_switch(request.old), context, "their files will be moved")
    if context.settings.changes_environments:
        rename_environment(context.services, request, command_line=context.command_line)
    _report(request, context)
    return 0


def _report(request: RenameRequest, context: CommandContext) -> None:
    dry_run = not context.settings.changes_environments
    context.console.answer(f"{'would move' if dry_run else 'moved'} {request.old} to {request.new}")
    if context.console.json:
        old, new = str(request.old), str(request.new)
        document: dict[str, Any] = {"success": True, "prefix": new, "from": old}
        document |= {"src_prefix": old, "dst_prefix": new, "untracked_files": []}
        context.console.document(document | ({"dry_run": True} if dry_run else {}))
