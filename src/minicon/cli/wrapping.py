"""Prose for terminals: lines are broken between words, and never in what users copy."""

from __future__ import annotations

import os
import re

from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

#: Widest prose, in columns.
WIDEST = 100
#: Further lines of a sentence are indented by so many columns.
_HANGING = 2
#: What is not broken: a command behind a colon, quoted text, and words.
_UNBROKEN = lazy_pattern(
    r"""(?<=:\ )(?<!error:\ )(?<!warning:\ )
            (?:minicon|conda|mamba|micromamba|pip|eval|source|export)\ .*
        |'[^']*'\S*|"[^"]*"\S*|\S+""",
    re.VERBOSE,
)
_STYLE = lazy_pattern(r"\x1b\[\d+m")


def wrapped(text: str, columns: int) -> str:
    """Break the lines of a text that are wider than a terminal.

    Indented lines keep their indentation. What has to stay in one piece, but is wider than the
    terminal, has a line of its own.
    """
    width = min(columns, WIDEST)
    return "\n".join(
        line if width_of(line) <= width else _fill(line, width) for line in text.split("\n")
    )


def columns_of(stream: TextIO) -> int:
    """Return the width of the terminal that a stream is: COLUMNS, what the system says, or 80."""
    text = os.environ.get("COLUMNS", "")
    if text.isdecimal() and int(text):
        return int(text)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def width_of(text: str) -> int:
    """Return how many columns a text takes: two for wide characters, none for combining ones."""
    text = _STYLE.sub("", text)
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(each) else 1 + (east_asian_width(each) in ("W", "F")) for each in text
    )


def cut(text: str, columns: int, end: str = "…") -> str:
    """Return a line that fits; what is left out is replaced by ``end``."""
    if width_of(text) <= columns:
        return text
    while text and width_of(text) > max(columns - len(end), 1):
        text = text[: min(len(text) - 1, columns)]
    return text + end


def _fill(line: str, width: int) -> str:
    start = line[: len(line) - len(line.lstrip())]
    lines, current = [], start
    for part in _UNBROKEN.findall(line):
        if current.strip() and width_of(current) + 1 + width_of(part) > width:
            lines.append(current)
            current = start + " " * _HANGING
        current += part if not current.strip() else f" {part}"
    return "\n".join([*lines, current])
