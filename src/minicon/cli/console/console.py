"""Console: the one place that writes to the terminal and asks questions.

stdout carries the answer, stderr carries progress and notes. With ``--json`` stdout carries one
JSON document and nothing else.
"""

from __future__ import annotations

import os
import sys

from minicon.cli.console.json_text import json_text
from minicon.errors import MiniconError, UsageError
from minicon.lazy_pattern import lazy_pattern
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from typing import Any, TextIO

#: Control characters and marks of writing direction: a name must not repaint the terminal.
_UNSAFE = lazy_pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
#: Signs of our own texts, for terminals that have ASCII only (LC_ALL=C).
_PLAIN_SIGNS = str.maketrans({
    "→": "->", "…": "...", "×": "x",
    "├": "|", "│": "|", "└": "`", "─": "-",
})  # fmt: skip
_OWN_STYLE = lazy_pattern(r"(\x1b\[(?:0|1|2|31|32|33)m)")
_STYLES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "dim": "2"}


def printable(text: str) -> str:
    """TEXT with control characters written as escapes."""
    return _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class Console:
    """Writes answers, notes and errors, and asks for confirmation.

    Secrets in what it is given are masked, whoever gave it.
    """

    def __init__(
        self,
        *,
        json: bool = False,
        quiet: bool = False,
        color: bool | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.json = json
        self.quiet = quiet
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self._color = _wants_color(self.stdout) if color is None else color

    @property
    def shows_progress(self) -> bool:
        """Whether progress bars make sense: a terminal that can redraw a line."""
        return (
            not (self.quiet or self.json)
            and self.stderr.isatty()
            and os.environ.get("TERM") != "dumb"
        )

    def style(self, text: str, name: str) -> str:
        """TEXT in a colour or weight, where the terminal has such; never the only carrier."""
        return f"\x1b[{_STYLES[name]}m{text}\x1b[0m" if self._color and not self.json else text

    def answer(self, text: str = "", *, as_is: bool = False) -> None:
        """Part of what was asked for.

        Args:
            text: Any text.
            as_is: It holds variables of an environment, which are shown as the user set them.
        """
        if not self.json:
            self._write(self.stdout, text, as_is=as_is)

    def document(self, value: Any, *, as_is: bool = False) -> None:
        """The answer as JSON; AS_IS as for :meth:`answer`."""
        shown = str if as_is else redact
        text = json_text(value, shown=shown)
        if not text.isascii() and _encodable(text, self.stdout) != text:
            text = json_text(value, ensure_ascii=True, shown=shown)
        if not text.isascii() or "\x7f" in text:  # JSON has other control characters as escapes
            text = _UNSAFE.sub(lambda m: f"\\u{ord(m.group()):04x}", text)
        self.stdout.write(f"{text}\n")

    def note(self, text: str) -> None:
        """Something worth knowing beside the answer."""
        if not (self.json or self.quiet):
            self._write(self.stderr, text)

    def warn(self, text: str) -> None:
        """Something the user should know; shown also with --quiet."""
        if not self.json:
            self._write(self.stderr, f"{self.style('warning:', 'yellow')} {text}")

    def fail(self, error: MiniconError, *, whole: bool = False) -> None:
        """Tell of an error: what failed, on what, and what to type.

        Args:
            error: The error.
            whole: Tell every step of an explanation, however long.
        """
        if self.json:
            self.document(_error_document(error))
            return
        explanation = getattr(error, "explanation", None)
        message = explanation.whole_message if whole and explanation else error.message
        self._write(self.stderr, f"{self.style('error:', 'red')} {message}")
        if error.context:
            self._write(self.stderr, f"context: {error.context}")
        if error.hint:
            self._write(self.stderr, f"hint: {error.hint}")

    def confirm(self, question: str, *, default: bool = True) -> bool:
        """Ask yes or no on the terminal.

        Args:
            question: Without the choices.
            default: What an empty line means.

        Raises:
            UsageError: There is nobody to answer.
        """
        choices = "[Y/n]" if default else "[y/N]"
        self.stderr.write(_encodable(f"{printable(redact(question))} {choices} ", self.stderr))
        self.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            self.stderr.write("\n")
            raise UsageError(
                "confirmation-needed",
                "nobody is there to confirm the plan",
                hint="pass --yes (-y) to go ahead without being asked",
            )
        answer = line.strip().lower()
        return answer in ("y", "yes") if answer else default

    def _write(self, stream: TextIO, text: str, *, as_is: bool = False) -> None:
        text = text if as_is else redact(text)
        pieces = _OWN_STYLE.split(text) if self._color else [text]
        pieces[::2] = [printable(piece) for piece in pieces[::2]]
        stream.write(_encodable("".join(pieces), stream) + "\n")


def _encodable(text: str, stream: TextIO) -> str:
    """TEXT as the stream's encoding can write it: our own signs plainly, all else as escapes."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate(_PLAIN_SIGNS)
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    return text


def _wants_color(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def _error_document(error: MiniconError) -> dict[str, Any]:
    """Conda's error object, with our reference, context and hint beside it."""
    name = type(error).__name__
    explanation = getattr(error, "explanation", None)
    packages = getattr(error, "packages", ())
    return {
        # Only its type: texts of libraries repeat URLs, credentials included.
        "caused_by": type(error.__cause__).__name__ if error.__cause__ else "None",
        "context": error.context,
        "error": f"{name}: {error.message}",
        "exception_name": name,
        "exception_type": f"<class '{type(error).__module__}.{name}'>",
        "hint": error.hint,
        "message": error.message,
        "reference": error.reference,
        "success": False,
        **({"packages": list(packages)} if packages else {}),
        **({"explanation": explanation.to_json()} if explanation is not None else {}),
    }
