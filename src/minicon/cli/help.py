"""Help of a command: the options that are used every day on one screen, or all of them."""

from __future__ import annotations

import argparse
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

#: With at most this many options, the help shows all.
_FEW = 20
#: What the short help of a command with more options shows.
_USUAL = frozenset(
    """
    -n -p -f --with --clone --all --prune --force -c --override-channels --platform --offline
    --exclude-newer --no-deps --only-deps --update-deps --freeze-installed --force-reinstall
    --no-pip -y -d --json -v -h
    """.split()  # noqa: SIM905 - as in config/keys
)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """A formatter with coloured headings, and the width of the terminal.

    It computes the width without importing ``shutil``, as argparse would.
    """

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"width": _columns() - 2, "max_help_position": 30, **options})

    def start_section(self, heading: str | None) -> None:
        """Start a section with a bold heading, on a terminal."""
        super().start_section(_bold(heading) if heading else heading)

    def _format_usage(
        self, usage: str | None, actions: Any, groups: Any, prefix: str | None
    ) -> str:
        text = super()._format_usage(usage, actions, groups, prefix)
        return text.replace("usage:", _bold("usage") + ":", 1) if prefix is None else text


class ShowAll(argparse.Action):
    """The action of ``--help-all``: print every option and exit."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(self, parser: Any, *_: object) -> None:
        """Print and exit."""
        parser._print_message(parser.format_help(whole=True))
        parser.exit()


def has_many_options(parser: argparse.ArgumentParser) -> bool:
    """Whether the short help of a command leaves options out."""
    return sum(1 for _ in _shown(parser, lambda action: bool(action.option_strings))) > _FEW


def short_help(parser: argparse.ArgumentParser, usage: str) -> str:
    """Return the help with the usual options only.

    Args:
        parser: The parser of a command.
        usage: Its arguments in short.
    """
    formatter = parser._get_formatter()
    formatter.add_usage(f"{parser.prog} {usage} [OPTION...]", parser._actions, [])
    formatter.add_text(parser.description)
    formatter.start_section("arguments")
    formatter.add_arguments(_shown(parser, lambda action: not action.option_strings))
    formatter.end_section()
    formatter.start_section("usual options")
    formatter.add_arguments(
        _shown(parser, lambda action: not _USUAL.isdisjoint(action.option_strings))
    )
    formatter.end_section()
    formatter.add_text(f"All options: {parser.prog} --help-all")
    return formatter.format_help()


def _shown(
    parser: argparse.ArgumentParser, wanted: Callable[[argparse.Action], bool]
) -> Iterator[argparse.Action]:
    return (a for a in parser._actions if a.help != argparse.SUPPRESS and wanted(a))


def _bold(text: str) -> str:
    from minicon.cli.console import is_colored

    return f"\x1b[1m{text}\x1b[0m" if is_colored() else text


def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS", "")) or 80
    except ValueError:
        pass
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80
