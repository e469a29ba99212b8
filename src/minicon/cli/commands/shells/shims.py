"""Write 'conda', 'mamba' and 'micromamba' for programs that call them; they start minicon.

Each speaks the options and the JSON of the program whose name it has. Scripts that clients source
(bin/activate, etc/profile.d/conda.sh, ...) are written too. Without DIR, they are written to the
root directory, see 'minicon info --base'.

Examples:
  minicon shims
  minicon shims /opt/conda
  minicon shims /opt/conda --undo
"""

from __future__ import annotations

import os

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``shims [DIR] [--undo] [--dry-run]``."""
    parser.add_argument("directory", nargs="?", metavar="DIR", help="directory of the files")
    parser.add_argument("--undo", action="store_true", help="remove the files again")
    parser.add_argument("-d", "--dry-run", action="store_true", help="list the files and stop")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Write or remove the files.

    Raises:
        ShellError: A file exists that minicon did not write, or there is nothing to remove.
    """
    from minicon.fs.safe_path import typed_path
    from minicon.prefix.environment.prefix_location import make_base, remove_empty_base
    from minicon.shell.commands import this_executable
    from minicon.shell.shims import make_shims, remove_shims, write_shims

    chosen = typed_path(arguments.directory) if arguments.directory else context.settings.root
    directory = os.path.abspath(chosen)
    root = str(context.settings.root)
    shims = make_shims(directory, root=root, executable=this_executable())
    paths = [os.path.join(directory, path) for path in shims.paths]
    if not context.settings.dry_run:
        if arguments.undo:
            paths = remove_shims(directory)
            remove_empty_base(root)
        else:
            write_shims(shims)
            make_base(root)
    context.console.answer("\n".join(paths))
    if context.console.json:
        context.console.document(
            {"success": True, "dry_run": context.settings.dry_run, "files": paths}
        )
    elif not (arguments.undo or context.settings.dry_run):
        context.console.note(f'add them to PATH: export PATH="{directory}/bin:$PATH"')
    return 0
