"""Show how an environment differs from its records, from the requested specs and from its file.

Compares names, sizes and times only, which is fast enough for a prompt; 'minicon verify' reads
every file.

Examples:
  minicon status -n data
  minicon status -n data -f environment.yml --exit-code
"""

from __future__ import annotations

from minicon.cli import options
from minicon.counted import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from minicon.api.inspect.comparing import Mismatch
    from minicon.api.inspect.status import Status
    from minicon.cli.context import CommandContext

_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``status [-n | -p] [-f FILE] [--exit-code]``."""
    parser.add_argument(
        "-f", "--file", metavar="FILE", help="also compare with an environment file"
    )
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 1 if there are differences"
    )
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the differences; return 1 only with ``--exit-code``."""
    import os

    from minicon.api.inspect.linked_python import interpreter_change
    from minicon.api.inspect.status import environment_status
    from minicon.prefix.environment.prefix import Prefix

    path = context.registry.existing(arguments.name, arguments.prefix)
    context.registry.recover(path)
    file, folder = None, None
    if arguments.file:
        from minicon.api.input_files import read_one_environment

        folder, file = read_one_environment(context.services, arguments.file)
    status = environment_status(
        path,
        file=file,
        folder=folder,
        environ=os.environ,
        interpreter=interpreter_change(context.services, Prefix(path)),
    )
    if context.console.json:
        context.console.document(status.to_json())
    else:
        whole = context.settings.verbosity > 0
        context.console.answer("\n".join(_lines(status, whole=whole)))
    return 1 if arguments.exit_code and status.has_drifted else 0


def _lines(status: Status, *, whole: bool) -> Iterator[str]:
    revision = f", revision {status.revision}" if status.revision else ""
    yield f"{status.path}: {counted(status.packages, 'package')}{revision}"
    if status.frozen:
        yield f"frozen: {status.frozen}"
    parts: list[tuple[str, Iterable[object]]] = [
        ("unreadable records", status.broken_records),
        ("missing files", [f"{path} ({name})" for path, name in status.missing]),
        ("changed files", [f"{path} ({name})" for path, name in status.changed]),
        ("changed by pip", status.pip.sentences()),
        ("interpreter", [status.interpreter.text] if status.interpreter else []),
        ("requested specs that are not satisfied", _sentences(status.unmet_requests)),
        ("pins that are not satisfied", _sentences(status.broken_pins)),
        ("in the file, but not installed", _sentences(status.file or ())),
        ("requested, but not in the file", status.extra),
        ("variables that differ from the file", status.variables),
        ("modules that PYTHONPATH hides", status.hidden),
    ]
    for title, items in parts:
        yield from _part(title, [str(item) for item in items], whole=whole)
    if not status.has_drifted:
        yield "no differences found"


def _sentences(found: Iterable[Mismatch]) -> list[str]:
    return [each.sentence for each in found]


def _part(title: str, items: list[str], *, whole: bool) -> Iterator[str]:
    if not items:
        return
    yield f"{title}:"
    shown = items if whole else items[:_SHOWN]
    yield from (f"  {item}" for item in shown)
    if len(items) > len(shown):
        yield f"  … and {len(items) - len(shown)} more (-v shows them)"
