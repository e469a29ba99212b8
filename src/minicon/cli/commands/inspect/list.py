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
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.cli.context import CommandContext
    from minicon.models.prefix_record import PrefixRecord


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
    parser.add_argument("--size", action="store_true", help="show sizes of the installed files")
    parser.add_argument(
        "--fields", metavar="FIELD[,FIELD]", help="columns to show, for example name,version"
    )
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the list.

    Raises:
        PackageNotFound: No package matches.
    """
    path = context.registry.existing(arguments.name, arguments.prefix)
    if arguments.revisions:
        return _list_revisions(path, context)
    from minicon.api.inspect.installed import listed_packages
    from minicon.errors import PackageNotFound

    records = listed_packages(
        path,
        pattern=arguments.regex,
        full_name=arguments.full_name,
        with_pip=not arguments.no_pip,
    )
    if arguments.regex and not records:
        raise PackageNotFound(
            "no-installed-match",
            f"no package of {path} matches {arguments.regex!r}",
            hint="list all with 'minicon list'",
        )
    if arguments.reverse:
        records = records[::-1]
    _print(path, records, arguments, context)
    _warn_of_interpreter(path, context)
    return 0


def _warn_of_interpreter(path: Path, context: CommandContext) -> None:
    """Warn if the interpreter that python links to was updated or removed."""
    from minicon.api.inspect.linked_python import interpreter_change
    from minicon.prefix.environment.prefix import Prefix

    change = interpreter_change(context.services, Prefix(path))
    if change is not None and change.is_problem:
        import shlex

        repair = f"minicon doctor --fix -p {shlex.quote(str(path))}"
        context.console.warn(f"{change.text}; to repair it: {repair}")


def _print(
    path: Path,
    records: Sequence[PrefixRecord],
    arguments: argparse.Namespace,
    context: CommandContext,
) -> None:
    from minicon.cli.render.list_fields import field_lines, sized_objects
    from minicon.cli.render.listing import list_lines, list_objects

    console, names = context.console, context.services.channel_names
    has_lines = arguments.explicit or arguments.export or arguments.canonical
    shown = (path, records, arguments, context.settings.platform, names)
    if console.json:
        is_sized = arguments.size and not arguments.explicit
        console.document(sized_objects(*shown) if is_sized else list_objects(*shown))
    elif (arguments.fields or arguments.size) and not has_lines:
        console.answer("\n".join(field_lines(path, records, arguments, names)))
    else:
        console.answer("\n".join(list_lines(*shown)))


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
