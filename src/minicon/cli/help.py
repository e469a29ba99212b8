"""Help of a command: the options that are used every day on one screen, or all of them."""

from __future__ import annotations

import argparse
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

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
        shown = "arguments" if heading == "positional arguments" else heading
        super().start_section(bold(shown) if shown else shown)

    def _format_text(self, text: str) -> str:
        return super()._format_text(text).replace("Examples:\n", f"{bold('Examples')}:\n", 1)

    def _format_usage(
        self, usage: str | None, actions: Any, groups: Any, prefix: str | None
    ) -> str:
        text = super()._format_usage(usage, actions, groups, prefix)
        return text.replace("usage:", bold("usage") + ":", 1) if prefix is None else text


def short_help(parser: argparse.ArgumentParser) -> str:
    """Return the help of a command's parser with the usual options only."""
    formatter = parser._get_formatter()
    formatter.add_usage(parser.usage, parser._actions, [])
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


def bold(text: str) -> str:
    """Return a heading as stdout shows it."""
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
