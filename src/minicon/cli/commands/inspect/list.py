"""List the packages of an environment.

Examples:
  minicon list -n data
  minicon list -n data '^py' --json
  minicon list -n data --explicit --md5
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``list [-n | -p] [REGEX]``."""
    parser.add_argument("regex", nargs="?", metavar="REGEX", help="list only names that match")
    parser.add_argument("-f", "--full-name", action="store_true", help="match the whole name")
    parser.add_argument("--explicit", action="store_true", help="list URLs, for 'create --file'")
    parser.add_argument(
        "--md5", action="store_true", help="with --explicit: append #md5 to each URL"
    )
    parser.add_argument(
        "--sha256", action="store_true", help="with --explicit: append #sha256:HASH"
    )
    parser.add_argument("-e", "--export", action="store_true", help="list as name=version=build")
    parser.add_argument(
        "-c", "--canonical", action="store_true", help="list as channel/subdir::name"
    )
    parser.add_argument("--no-pip", action="store_true", help="omit packages installed with pip")
    parser.add_argument(
        "-r", "--revisions", action="store_true", help="list what each revision changed, as conda"
    )
    parser.add_argument("--reverse", action="store_true", help="reverse the order")
    parser.add_argument(
        "--show-channel-urls", action="store_true", help="show whole URLs of channels"
    )
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the list; return 1 if no package matches."""
    path = context.registry.existing(arguments.name, arguments.prefix)
    if arguments.revisions:
        return _list_revisions(path, context)
    from minicon.api.inspect.installed import listed_packages
    from minicon.cli.render.listing import list_lines, list_objects

    records = listed_packages(
        path,
        pattern=arguments.regex,
        full_name=arguments.full_name,
        with_pip=not arguments.no_pip,
    )
    if arguments.reverse:
        records = records[::-1]
    shown = (path, records, arguments, context.settings.platform, context.services.channel_names)
    if context.console.json:
        context.console.document(list_objects(*shown))
    else:
        context.console.answer("\n".join(list_lines(*shown)))
    return 1 if arguments.regex and not records else 0


def _list_revisions(path: Path, context: CommandContext) -> int:
    """Print the changes of each revision, by conda's numbers."""
    from minicon.api.change.revision_list import change_lines_of, change_object, listed_revisions

    context.registry.recover(path)
    revisions = [each for each in listed_revisions(path) if each.conda_revision is not None]
    if context.console.json:
        context.console.document([change_object(each) for each in revisions])
        return 0
    for each in revisions:
        lines = "".join(f"    {line}\n" for line in change_lines_of(each))
        context.console.answer(f"{each.date}  (rev {each.conda_revision})\n{lines}")
    return 0
