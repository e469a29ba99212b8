"""Packages of an environment.

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
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.cli.console.context import CommandContext
    from minicon.models.prefix_record import PrefixRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``list [-n | -p] [REGEX]``."""
    parser.add_argument("regex", nargs="?", metavar="REGEX", help="only names that match")
    parser.add_argument("-f", "--full-name", action="store_true", help="the name as it is")
    parser.add_argument("--explicit", action="store_true", help="URLs, for 'create --file'")
    parser.add_argument("--md5", action="store_true", help="with --explicit: #md5 behind each URL")
    parser.add_argument("--sha256", action="store_true", help="with --explicit: #sha256:HASH")
    parser.add_argument("-e", "--export", action="store_true", help="name=version=build lines")
    parser.add_argument("-c", "--canonical", action="store_true", help="channel/subdir::name lines")
    parser.add_argument("--no-pip", action="store_true", help="without what pip installed by hand")
    parser.add_argument("-r", "--revisions", action="store_true", help="as 'minicon history'")
    parser.add_argument("--reverse", action="store_true", help="backwards")
    parser.add_argument("--show-channel-urls", action="store_true", help="channels as whole URLs")
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the list; 1 if a name was asked for that is not there."""
    if arguments.revisions:
        from minicon.cli.commands.environments import history

        return history.run(arguments, context)
    from minicon.api.change.environments import listed_packages
    from minicon.cli.render.listing import list_lines, list_objects

    path = context.registry.existing(arguments.name, arguments.prefix)
    records = listed_packages(
        path,
        pattern=arguments.regex,
        full_name=arguments.full_name,
        with_pip=not arguments.no_pip,
    )
    if arguments.reverse:
        records = records[::-1]
    platform = context.settings.platform
    if context.console.json:
        context.console.document(list_objects(path, records, arguments, platform))
    else:
        text = "\n".join(list_lines(path, records, arguments, platform))
        context.console.answer(text)
        if _is_plain(arguments):
            _remember(path, records, text, context)
    return 1 if arguments.regex and not records else 0


def _is_plain(arguments: argparse.Namespace) -> bool:
    asked = vars(arguments)
    keys = ("regex", "explicit", "export", "canonical", "no_pip", "reverse", "show_channel_urls")
    return not any(asked[key] for key in keys)


def _remember(
    path: Path, records: Sequence[PrefixRecord], text: str, context: CommandContext
) -> None:
    """So that saying it again costs next to nothing."""
    from minicon.cli.console.console import printable
    from minicon.cli.light_list import remember_list
    from minicon.prefix.plan.noarch_python import PythonLayout

    python = next((record.record for record in records if record.name == "python"), None)
    layout = PythonLayout.from_record(python, python.subdir) if python else None
    remember_list(
        str(path),
        str(path / layout.site_packages) if layout else None,
        printable(text),
        str(context.settings.cache_dir),
    )
