"""A terminal that is drawn: commands are typed into bash, and its last screen becomes an SVG.

Nothing that a command printed is changed, except the path of its home (``/home/me``).
"""

from __future__ import annotations

import os
import pty
import re
import select
import struct
import termios
import time
from dataclasses import dataclass, field
from fcntl import ioctl
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_PROMPT = "\x1b]9;prompt\x07"  # printed by PROMPT_COMMAND, and by nothing else
_SECONDS = 120
_CONTROL = re.compile(r"\x1b\]9;[^\x07]*\x07|\x1b\[([?\d;]*)([A-Za-z])|\x1b[=>]|[\r\n\b\x07]")
_PROGRESS = re.compile(r"(?:Resolving|Downloading|Unpacking|Linking|Compiling) ·[^\r\n\x1b]*")
_TYPED = re.compile(r"(\(\w+\) )?\$ ")
_COLOURS = {31: "r", 32: "g", 33: "y", 34: "b", 35: "m", 36: "c", 90: "d", 2: "d", 1: "w"}

_ROW, _COLUMN, _MARGIN = 19, 8.43, 16
_STYLE = (
    "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace;"
    "fill:#d8dee4;white-space:pre}.w{font-weight:bold;fill:#fff}.d{fill:#8b949e}.r{fill:#ff8f86}"
    ".g{fill:#7ee787}.y{fill:#e3b341}.b{fill:#79c0ff}.m{fill:#d2a8ff}.c{fill:#76d9e6}"
)

Cell = tuple[str, str]


@dataclass
class Screen:
    """Rows of characters with their styles; the subset of a terminal that minicon uses."""

    columns: int
    rows: list[list[Cell]] = field(default_factory=lambda: [[]])
    row: int = 0
    column: int = 0
    style: tuple[str, ...] = ()

    def feed(self, text: str) -> None:
        end = 0
        for control in _CONTROL.finditer(text):
            self._write(text[end : control.start()])
            end = control.end()
            self._obey(control.group(0), control.group(1), control.group(2))
        self._write(text[end:])

    def _write(self, text: str) -> None:
        for character in text:
            if self.column == self.columns:
                self._obey("\r", None, None)
                self._obey("\n", None, None)
            line = self.rows[self.row]
            line += [(" ", "")] * (self.column + 1 - len(line))
            line[self.column] = (character, " ".join(self.style))
            self.column += 1

    def _obey(self, control: str, numbers: str | None, letter: str | None) -> None:
        if control == "\r":
            self.column = 0
        elif control == "\n":
            self.row += 1
            self.rows += [[] for _ in range(self.row + 1 - len(self.rows))]
        elif control == "\b":
            self.column = max(self.column - 1, 0)
        elif letter == "A":
            self.row = max(self.row - int(numbers or 1), 0)
        elif letter == "K":
            del self.rows[self.row][0 if numbers == "2" else self.column :]
        elif letter == "J":
            del self.rows[self.row][self.column :], self.rows[self.row + 1 :]
        elif letter == "m":
            for number in (int(each or 0) for each in (numbers or "").split(";")):
                known = _COLOURS.get(number)
                self.style = (
                    () if number in (0, 22, 39) else (*self.style, *([known] if known else []))
                )


def record(
    lines: Sequence[str | tuple[str, str]],
    environ: Mapping[str, str],
    folder: Path,
    *,
    columns: int = 102,
    start: str = "",
    moments: bool = False,
) -> Screen:
    """Return the screen after lines were typed into bash.

    A pair is a command and the answer to its question. ``start`` is run before, unseen. With
    ``moments``, the lines of progress of one command are shown, see :func:`_moments`.
    """
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting"], dict(environ))
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
    prompt = _PROMPT.replace("\x1b", "\\033").replace("\x07", "\\007")
    _type(terminal, f"PS1='$ '; PROMPT_COMMAND=\"printf '{prompt}'\"; {start or ':'}\n")
    _read(terminal, _PROMPT)
    text = "$ "
    for line in lines:
        command, answer = line if isinstance(line, tuple) else (line, None)
        _type(terminal, command + "\n")
        if answer is not None:
            text += _read(terminal, "? ")
            _type(terminal, answer + "\n")
        text += _read(terminal, _PROMPT)
    _type(terminal, "exit\n")
    os.close(terminal)
    os.waitpid(process, 0)
    screen = Screen(columns)
    text = text.replace(str(folder), "/home/me")
    screen.feed(_moments(text) if moments else text)
    return screen


def _moments(text: str) -> str:
    """Return what was typed, the line of each phase when it said most, and how it ended."""
    said: dict[str, str] = {}
    for line in _PROGRESS.findall(text):
        phase = line.partition(" ")[0]
        said[phase] = max(said.get(phase, ""), line.rstrip(), key=len)
    typed, end = text.split("\r\n", 1)[0], text[text.index("Installed ") :]
    return "\r\n".join([typed, *said.values(), end])


def _type(terminal: int, text: str) -> None:
    os.write(terminal, text.encode())


def _read(terminal: int, end: str) -> str:
    """Return what is printed until a text, and the prompt after it."""
    data, deadline = b"", time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        quiet = not select.select([terminal], [], [], 0.3)[0]
        shown = data.decode(errors="replace")
        if quiet and end in shown:
            return shown
        if quiet and _PROMPT in shown:
            raise ValueError(f"no question was asked: {shown}")
        if not quiet:
            data += os.read(terminal, 65536)
    raise TimeoutError(data.decode(errors="replace"))


def plain(screen: Screen) -> list[str]:
    """Return the rows as text, without the last prompt."""
    rows = ["".join(character for character, _ in row).rstrip() for row in screen.rows]
    while rows and rows[-1] in ("", "$"):
        rows.pop()
    return rows


def draw(screen: Screen, title: str) -> str:
    """Return the screen as an SVG, with the commands as its description."""
    rows = plain(screen)
    width = round(screen.columns * _COLUMN + 2 * _MARGIN)
    height = len(rows) * _ROW + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img"><title>{escape(title)}</title>',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#161b22"/>',
    ]
    for number, length in enumerate(map(len, rows)):
        top = _MARGIN + number * _ROW + 14
        cells = screen.rows[number][:length]
        if _TYPED.match(rows[number]):
            cells = [(character, "w") for character, _ in cells]
        parts += _row(cells, top)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(cells: list[Cell], top: int) -> list[str]:
    """Return texts of one row: one per style, each as wide as its columns."""
    parts, start = [], 0
    while start < len(cells):
        style = cells[start][1]
        end = next((i for i in range(start, len(cells)) if cells[i][1] != style), len(cells))
        text = "".join(character for character, _ in cells[start:end])
        if text.strip():
            left = _MARGIN + (start + len(text) - len(text.lstrip())) * _COLUMN
            shown = text.strip()
            class_ = f' class="{style}"' if style else ""
            parts.append(
                f'<text x="{left:.1f}" y="{top}"{class_} textLength="{len(shown) * _COLUMN:.1f}" '
                f'xml:space="preserve">{escape(shown)}</text>'
            )
        start = end
    return parts
