"""Help of a command: the options that are used every day on one screen, or all of them."""

from __future__ import annotations

import argparse
import sys

from minicon.cli.wrapping import WIDEST, columns_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

#: What the short help of a command with more options shows.
_USUAL = frozenset(
    """
    -n -p -f --with --clone --all --prune --force -c --override-channels --platform --offline
    --exclude-newer --no-deps --only-deps --update-deps --freeze-installed --force-reinstall
    --no-pip -y -d --json -v
    """.split()  # noqa: SIM905 - as in config/keys
)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """A formatter with coloured headings, and the width of the terminal.

    Paragraphs are filled; indented lines, such as examples, stay as they are. The usage is broken
    between options. It computes the width without importing ``shutil``, as argparse would.
    """

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(
            prog, **{"width": columns_of(sys.stdout) - 2, "max_help_position": 30, **options}
        )

    def start_section(self, heading: str | None) -> None:
        """Start a section with a bold heading, on a terminal."""
        shown = "arguments" if heading == "positional arguments" else heading
        super().start_section(bold(shown) if shown else shown)

    def _format_text(self, text: str) -> str:
        return super()._format_text(text).replace("Examples:\n", f"{bold('Examples')}:\n", 1)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        from textwrap import TextWrapper

        prose = TextWrapper(min(width, WIDEST), indent, indent, break_on_hyphens=False)
        return "\n\n".join(
            paragraph if "\n  " in paragraph else prose.fill(paragraph)
            for paragraph in text.split("\n\n")
        )

    def _split_lines(self, text: str, width: int) -> list[str]:
        from textwrap import wrap

        return wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Name the value of an option once, behind its last name (as argparse of Python 3.13)."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        """A metavar of several words, or with dots, already says how often it may be given."""
        metavar = action.metavar if isinstance(action.metavar, str) else ""
        if not action.option_strings and (" " in metavar or metavar.endswith("...")):
            return f"[{metavar}]" if action.nargs in ("*", "?") else metavar
        return super()._format_args(action, default_metavar)

    def _format_usage(
        self, usage: str | None, actions: Any, groups: Any, prefix: str | None
    ) -> str:
        if prefix is not None:
            return super()._format_usage(usage, actions, groups, prefix)
        width, self._width = self._width, 10_000  # on one line
        text = super()._format_usage(usage, actions, groups, "")
        self._width = width
        return f"{bold('usage')}: {self._broken(text.strip())}\n\n"

    def _broken(self, usage: str) -> str:
        """Break a usage between its parts, below the first of them if all fit there."""
        parts = _parts(usage.removeprefix(self._prog))
        start = len(f"usage: {self._prog} ")
        indent = start if max(map(len, parts), default=0) <= self._width - start else 4
        lines, line = [], f"usage: {self._prog}"
        for part in parts:
            if len(line) + 1 + len(part) > self._width:
                lines.append(line)
                line = " " * (indent - 1)
            line += f" {part}"
        return "\n".join([*lines, line]).removeprefix("usage: ")


def _parts(usage: str) -> list[str]:
    """Split a usage at the spaces outside of brackets, but not behind a ``|``."""
    parts: list[str] = []
    for word in usage.split():
        if parts and (parts[-1] == "|" or _depth(parts[-1])):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts


def _depth(text: str) -> int:
    return sum(text.count(each) for each in "[(") - sum(text.count(each) for each in "])")


def short_help(parser: argparse.ArgumentParser) -> str:
    """Return the help of a command's parser with the usual options only."""
    formatter = parser._get_formatter()
    formatter.add_usage(parser.usage, parser._actions, [])
    formatter.add_text(parser.description)
    formatter.start_section("arguments")
    formatter.add_arguments(_shown(parser, lambda action: not action.option_strings))
    formatter.end_section()
    formatter.start_section("usual options")
    own = parser._optionals._group_actions
    formatter.add_arguments(
        _shown(
            parser,
            lambda action: (
                bool(action.option_strings)
                and action.dest not in ("help", "help_all")
                and (action in own or not _USUAL.isdisjoint(action.option_strings))
            ),
        )
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
