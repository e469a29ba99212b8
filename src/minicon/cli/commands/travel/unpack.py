"""Create an environment from an archive of 'minicon pack' or conda-pack.

Extracts it, puts the path into its files, and registers it, in one step: an interrupted command
leaves nothing. Nothing of the archive is executed.

Examples:
  minicon unpack data.tar.zst /opt/data
  minicon unpack data.tar.gz -n data
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``unpack FILE [DIRECTORY | -n NAME | -p PATH]``."""
    parser.add_argument("file", metavar="FILE", help="the archive")
    parser.add_argument("directory", metavar="DIRECTORY", nargs="?", help="the new environment")
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Unpack, and print how to activate the environment."""
    import os
    import shlex

    from minicon.api.travel.packing import unpack
    from minicon.errors import UsageError
    from minicon.fs.safe_path import typed_path

    given = [arguments.directory, arguments.name, arguments.prefix]
    if sum(each is not None for each in given) != 1:
        raise UsageError(
            "no-target-environment",
            "unpack needs one directory or name for the new environment",
            hint="minicon unpack FILE DIRECTORY, or minicon unpack FILE -n NAME",
        )
    directory = arguments.prefix if arguments.directory is None else arguments.directory
    path = context.registry.target(arguments.name, directory)
    archive = typed_path(arguments.file)
    unpack(context.services, archive, path, command_line=context.command_line)
    context.console.answer(f"unpacked {archive} into {path}")
    target = arguments.name or os.fspath(path)
    context.console.note(f"Activate it with: minicon activate {shlex.quote(target)}")
    if context.console.json:
        context.console.document({"success": True, "prefix": str(path)})
    return 0
