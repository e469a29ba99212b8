"""Let a directory choose the environment that is active while you work in it.

The file .minicon (a name or a path) or environment.yml in the directory names the environment.
When the file changes, it must be allowed again. It works if auto_activate_directories is set
('minicon config set auto_activate_directories true').

Examples:
  minicon allow
  minicon allow --remove ~/project
  minicon allow --list
"""

from __future__ import annotations

import os

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``allow [DIR] [--remove | --list]``."""
    parser.add_argument(
        "directory",
        nargs="?",
        default=".",
        metavar="DIR",
        help="directory (default: the current one)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--remove", action="store_true", help="do not allow it any more")
    which.add_argument("--list", action="store_true", help="list allowed files")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Change or print the list of allowed files."""
    from minicon.config.dirs import allowed_files_list
    from minicon.errors import ShellError
    from minicon.shell.directories import AllowedFiles, choosing_file, chosen_environment

    allowed = AllowedFiles(allowed_files_list(os.environ, str(context.settings.home)))
    console = context.console
    if arguments.list:
        paths = allowed.paths()
        console.document({"allowed": paths}) if console.json else console.answer("\n".join(paths))
        return 0
    path = choosing_file(os.path.expanduser(arguments.directory))
    target = chosen_environment(path) if path else None
    if path is None or target is None:
        raise ShellError(
            "names-no-environment",
            f"{os.path.abspath(arguments.directory)} names no environment",
            hint="write a name or a path to the file .minicon in that directory",
        )
    if arguments.remove:
        done = allowed.forget(path)
    else:
        done = True
        allowed.allow(path)
    if console.json:
        console.document({"success": done, "file": path, "environment": target})
    elif arguments.remove:
        console.answer(f"{path} {'is not allowed any more' if done else 'was not allowed'}")
    else:
        console.answer(f"{path} may choose the environment {target}")
        if not context.settings.auto_activate_directories:
            console.note(
                "to activate it on entering the directory, run: "
                "minicon config set auto_activate_directories true"
            )
    return 0
