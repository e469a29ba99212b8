"""Pack an environment into a file or a directory, for machines without minicon and network.

Unpacked there, 'source bin/activate' activates it, and 'conda-unpack' puts the path into its files.
'minicon unpack' does both in one step. For a path that is known now, pass --dest-prefix.

Examples:
  minicon pack -n data -o data.tar.zst
  minicon pack -n data -o data.tar.gz --dest-prefix /opt/data
  minicon pack -n data -o data.squashfs --slim
  minicon pack -n data --for spark
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minicon.cli import options
from minicon.counted import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from minicon.cli.context import CommandContext
    from minicon.travel.contents import Selection


class _Filter(argparse.Action):
    """Collects ``--include`` and ``--exclude`` in their order."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        del parser
        namespace.filters = [*namespace.filters, (option_string == "--include", str(values))]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``pack [-n | -p] [-o FILE] [--dest-prefix PATH] [--slim] [--exclude PATTERN] …``."""
    from minicon.travel.formats import FORMATS

    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="a .tar.zst, .tar.gz, .tar.bz2, .tar, .zip or .squashfs file, or a directory"
        " (default: NAME.tar.zst)",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)} (default: by the name of FILE)",
    )
    parser.add_argument(
        "--squashfs", dest="format", action="store_const", const="squashfs", help=argparse.SUPPRESS
    )
    parser.add_argument(
        "-d",
        "--dest-prefix",
        dest="destination",
        metavar="PATH",
        help="write this path into the files; then no conda-unpack is needed",
    )
    parser.add_argument(
        "--compress-level", type="number", metavar="N", help="1 to 9, or 19 of .zst"
    )
    add_selection(parser)
    parser.add_argument(
        "--for",
        dest="purpose",
        choices=("spark",),
        help="choose the format for a cluster, and print its settings",
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace an existing file")
    group = parser.add_argument_group("environment")
    group.add_argument("-n", "--name", metavar="NAME", help="name of the environment")
    group.add_argument(
        "-p",
        "--prefix",
        metavar="PATH",
        help="path of the environment; with -n NAME, its later path as --dest-prefix",
    )
    options.add_output_options(parser)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose files, and those that accept an incomplete environment."""
    from minicon.travel.contents import ALL_SLIM_KINDS, SLIM_KINDS

    parser.add_argument(
        "--slim",
        nargs="?",
        const=",".join(SLIM_KINDS),
        metavar="KIND[,KIND]",
        help=f"leave out {', '.join(SLIM_KINDS)}; or some of {', '.join(ALL_SLIM_KINDS)}",
    )
    parser.set_defaults(filters=[])
    for name, meaning in (("exclude", "leave out files"), ("include", "add excluded files again")):
        parser.add_argument(
            f"--{name}",
            action=_Filter,
            metavar="PATTERN",
            help=f"{meaning}, by path in the environment (may be repeated; the last one decides)",
        )
    parser.add_argument(
        "--ignore-editable",
        "--ignore-editable-packages",
        action="store_true",
        help="pack without projects that are outside of the environment",
    )
    parser.add_argument(
        "--ignore-missing",
        "--ignore-missing-files",
        action="store_true",
        help="pack although files of packages are missing",
    )


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Pack, and print what to do with the output."""
    import os

    from minicon.api.travel.packing import PackRequest, pack

    destination, prefix = arguments.destination, arguments.prefix
    if arguments.name and prefix:
        destination, prefix = destination or prefix, None
    path = context.registry.existing(arguments.name, prefix)
    request = PackRequest(
        prefix=path,
        output=_output(arguments, path),
        format=arguments.format,
        destination=destination,
        selection=selection(arguments),
        level=arguments.compress_level,
        force=arguments.force,
        ignore_editable=arguments.ignore_editable,
        ignore_missing=arguments.ignore_missing,
    )
    result = pack(request, environ=os.environ, reporter=context.services.reporter)
    context.console.answer(f"packed {path} into {result.output} ({counted(result.files, 'file')})")
    if arguments.purpose == "spark":
        for line in _spark_settings(result.output):
            context.console.answer(line)
    if context.console.json:
        document = {"success": True, "prefix": str(path), "output": str(result.output)}
        context.console.document({**document, "format": result.format, "files": result.files})
    return 0


def _output(arguments: argparse.Namespace, path: Path) -> Path:
    from minicon.fs.safe_path import typed_path
    from minicon.prefix.environment.prefix_location import usual_name
    from minicon.travel.formats import FORMATS

    if arguments.output is not None:
        return typed_path(arguments.output)
    kind = arguments.format or ("tar.gz" if arguments.purpose == "spark" else "tar.zst")
    return Path(usual_name(path) + (FORMATS[kind] or ("",))[0])


def selection(arguments: argparse.Namespace) -> Selection:
    """Return the files that the options of :func:`add_selection` choose.

    Raises:
        UsageError: ``wrong-arguments``.
    """
    from minicon.travel.contents import Selection

    return Selection(slim=_slim(arguments.slim), filters=tuple(arguments.filters))


def _slim(text: str | None) -> tuple[str, ...]:
    from minicon.errors import UsageError
    from minicon.travel.contents import ALL_SLIM_KINDS

    kinds = tuple(word.strip() for word in (text or "").split(",") if word.strip())
    for kind in kinds:
        if kind not in ALL_SLIM_KINDS:
            raise UsageError(
                "wrong-arguments",
                f"--slim cannot leave out {kind!r}",
                hint=f"use some of {', '.join(ALL_SLIM_KINDS)}",
            )
    return kinds


def _spark_settings(output: Path) -> tuple[str, ...]:
    """Return the two settings with which Spark's workers use the environment."""
    return (
        f"spark.archives={output}#environment",
        "PYSPARK_PYTHON=./environment/bin/python",
    )
