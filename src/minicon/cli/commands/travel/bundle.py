"""Put a lock, its packages and minicon into one file that creates the environment offline.

The file needs Python 3.10 or later, and verifies itself before it writes anything. It is also a
channel: '-c data.pyz'.

Examples:
  minicon bundle -n data -o data.pyz
  minicon bundle -f conda-lock.yml --platform linux-64 --platform linux-aarch64
  minicon bundle -n data --script -o data.sh
  python data.pyz -p /opt/data
"""

from __future__ import annotations

from pathlib import Path

from minicon.cli import options
from minicon.counted import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``bundle [-n | -p | -f LOCK] [-o FILE] [--platform SUBDIR] [--script]``."""
    parser.add_argument("-f", "--file", metavar="LOCK", help="lock file, instead of an environment")
    parser.add_argument("-o", "--output", metavar="FILE", help="(default: NAME.pyz)")
    options.add_platforms(
        parser, "platform of the lock file to include (default: all; may be repeated)"
    )
    parser.add_argument(
        "--script", action="store_true", help="write a shell script that contains the bundle"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Write the bundle."""
    from minicon.api.travel.bundling import bundle, lock_of_environment, lock_of_file
    from minicon.api.travel.packing import check_output
    from minicon.fs.safe_path import typed_path
    from minicon.fs.unfinished import new_folder, writing

    platform = context.settings.platform
    if arguments.file is not None:
        source = typed_path(arguments.file)
        lock = lock_of_file(source, arguments.platforms, platform)
        name = source.absolute().parent.name
    else:
        source = context.registry.existing(arguments.name, arguments.prefix)
        lock, name = lock_of_environment(source, platform), source.name
    ending = ".sh" if arguments.script else ".pyz"
    output = Path.cwd() / typed_path(
        name + ending if arguments.output is None else arguments.output
    )
    check_output(output, force=arguments.force)
    # Packages may be larger than what the system has for temporary files.
    with writing(output), new_folder(output) as folder:
        count = bundle(
            context.services,
            lock,
            output,
            name=name,
            script=arguments.script,
            folder=folder,
        )
    context.console.answer(
        f"wrote {output}: {counted(count, 'package')} for {', '.join(lock.platforms)}"
    )
    if context.console.json:
        document = {"success": True, "output": str(output), "packages": count}
        context.console.document({**document, "platforms": list(lock.platforms)})
    return 0
