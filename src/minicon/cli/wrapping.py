"""Prose for terminals: lines are broken between words, and never in what users copy."""

from __future__ import annotations

from minicon.lazy_pattern import lazy_pattern

#: Widest prose, in columns.
WIDEST = 100
#: Further lines of a sentence are indented by so many columns.
_HANGING = 2
#: What is not broken: a command behind a colon, quoted text, and words.
_UNBROKEN = lazy_pattern(r"""(?<=:\ )(?:minicon|eval)\ .*|'[^']*'\S*|"[^"]*"\S*|\S+""")
_STYLE = lazy_pattern(r"\x1b\[\d+m")


def wrapped(text: str, columns: int) -> str:
    """Break the lines of a text that are wider than a terminal.

    Indented lines keep their indentation. What has to stay in one piece, but is wider than the
    terminal, has a line of its own.
    """
    width = min(columns, WIDEST)
    return "\n".join(
        line if _width(line) <= width else _fill(line, width) for line in text.split("\n")
    )


def _fill(line: str, width: int) -> str:
    start = line[: len(line) - len(line.lstrip())]
    lines, current = [], start
    for part in _UNBROKEN.findall(line):
        if current.strip() and _width(current) + 1 + _width(part) > width:
            lines.append(current)
            current = start + " " * _HANGING
        current += part if not current.strip() else f" {part}"
    return "\n".join([*lines, current])


def _width(text: str) -> int:
    return len(_STYLE.sub("", text))
