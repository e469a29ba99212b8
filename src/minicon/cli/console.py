"""The console: all output to the terminal, and questions to the user.

Results go to stdout; progress, notes and errors go to stderr. With ``--json``, stdout carries one
JSON document and nothing else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys

from minicon.cli.dialects.dialect import MINICON
from minicon.errors import Declined, MiniconError, UsageError
from minicon.lazy_pattern import lazy_pattern
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from typing import Any, TextIO

    from minicon.cli.dialects.dialect import Dialect

#: Control and bidirectional characters: text of a package must not control the terminal.
_UNSAFE = lazy_pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
#: Replacements for non-ASCII characters of minicon's own texts, for ASCII terminals (LC_ALL=C).
_PLAIN_SIGNS = str.maketrans({
    "→": "->", "…": "...", "×": "x",
    "├": "|", "│": "|", "└": "`", "─": "-", "·": "-", "↑": "^", "↓": "v",
})  # fmt: skip
_OWN_STYLE = lazy_pattern(r"(\x1b\[(?:0|1|2|31|32|35)m)")
#: A command line in a text, not a path that ends with minicon's name.
_COMMAND_LINE = lazy_pattern(r"(?<![\w/.-])minicon ([a-z-]+(?:\.[a-z]+)?)")
#: What changes is magenta: yellow cannot be read on white. Grey is made from the text's own colour.
_STYLES = {"bold": "1", "red": "31", "green": "32", "magenta": "35", "dim": "2"}
#: Errors of an output device that is full or broken. Errors on files carry the file's name.
_DEVICE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def printable(text: str) -> str:
    """Return the text with control characters written as escapes."""
    if text.replace("\n", "").isprintable():
        return text
    return _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class Console:
    """Write results, notes and errors, and ask for confirmation.

    Credentials are masked in every text, unless ``as_is`` is set.
    """

    def __init__(
        self,
        *,
        json: bool = False,
        quiet: bool = False,
        color: bool | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        dialect: Dialect = MINICON,
    ) -> None:
        self.json = json
        self.quiet = quiet
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.dialect = dialect
        self._color = is_colored(self.stdout) if color is None else color
        self._error_color = is_colored(self.stderr) if color is None else color
        self._messages: list[dict[str, str]] = []

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads stdout as it is written."""
        return self.stdout.isatty()

    @property
    def shows_progress(self) -> bool:
        """Whether to draw progress bars: stderr is a terminal that can redraw a line."""
        return (
            not (self.quiet or self.json)
            and self.stderr.isatty()
            and os.environ.get("TERM") != "dumb"
        )

    def one_line(self, text: str) -> str:
        """Return the text as stderr can show it in one line: what does not fit is cut."""
        from minicon.cli.wrapping import columns_of, cut

        shown, end = encodable(text, self.stderr), encodable("…", self.stderr)
        return cut(shown, columns_of(self.stderr) - 1, end)

    def fitted(self, line: str) -> str:
        """Return a line of the result; in a terminal, what does not fit is cut."""
        if not self.is_terminal:
            return line
        from minicon.cli.wrapping import columns_of, cut

        return cut(line, columns_of(self.stdout))

    def style(self, text: str, name: str, *, of_error: bool = False) -> str:
        """Return the text in a colour or weight, if stdout (or stderr) supports it.

        Colour must never be the only way in which a meaning is shown.
        """
        color = self._error_color if of_error else self._color
        return f"\x1b[{_STYLES[name]}m{text}\x1b[0m" if color and not self.json else text

    def answer(self, text: str = "", *, as_is: bool = False) -> None:
        """Write a line of the result to stdout.

        Args:
            text: The text.
            as_is: Do not mask credentials; for variables of an environment, as the user set them.
        """
        if not self.json:
            self._write(self.stdout, text, as_is=as_is)

    def document(self, value: Any, *, kind: str = "", as_is: bool = False) -> None:
        """Write the result as JSON, with the messages of packages.

        Args:
            value: The document.
            kind: Its name in the shapes of the dialect; empty if it has the same in all.
            as_is: As for :meth:`answer`.
        """
        from minicon.cli.json_text import json_text

        value = self.dialect.shaped(kind, value)
        if self._messages and isinstance(value, dict):
            value = {**value, "messages": self._messages}
        shown = str if as_is else redact
        text = json_text(value, shown=shown)
        if not text.isascii() and encodable(text, self.stdout) != text:
            text = json_text(value, ensure_ascii=True, shown=shown)
        if not text.isascii() or "\x7f" in text:  # JSON has other control characters as escapes
            text = _UNSAFE.sub(lambda m: f"\\u{ord(m.group()):04x}", text)
        self.stdout.write(f"{text}\n")

    def note(self, text: str) -> None:
        """Write additional information to stderr."""
        if not (self.json or self.quiet):
            self._write_sentences(self.named(text))

    def warn(self, text: str) -> None:
        """Write a warning to stderr, also with ``--quiet``."""
        if not self.json:
            self._write_sentences(
                f"{self.style('warning:', 'magenta', of_error=True)} {self.named(text)}"
            )

    def message(self, package: str, text: str) -> None:
        """Write a message of a package to stderr, also with ``--quiet`` and ``--json``."""
        self._messages.append({"package": package, "message": text})
        self._write(self.stderr, f"{package}: {text}")

    def fail(self, error: MiniconError, *, whole: bool = False) -> None:
        """Write an error with its context and hint.

        Args:
            error: The error.
            whole: Write every step of an explanation, however long.
        """
        if self.json:
            self.document(_error_document(error, self.dialect), kind="error")
            return
        if isinstance(error, Declined):
            self._write_sentences(error.message)
            return
        named = self.named
        explanation = getattr(error, "explanation", None)
        message = explanation.whole_message if whole and explanation else error.message
        self._write_sentences(f"{self.style('error:', 'red', of_error=True)} {named(message)}")
        if error.context:
            self._write_sentences(f"context: {named(error.context)}")
        if error.hint:
            self._write_sentences(f"hint: {named(error.hint)}")

    def confirm(self, question: str, *, default: bool = True) -> bool:
        """Ask a yes-or-no question on the terminal.

        Args:
            question: The question without the choices.
            default: The meaning of an empty line.

        Returns:
            The answer; at the end of stdin the default, if that is yes.

        Raises:
            UsageError: Stdin is at its end, and the default is no.
        """
        choices = "[Y/n]" if default else "[y/N]"
        self._keep_order(self.stderr)
        self.stderr.write(encodable(f"{printable(redact(question))} {choices} ", self.stderr))
        self.stderr.flush()
        try:
            line = sys.stdin.readline() if sys.stdin else ""  # None: closed by the caller
        except UnicodeDecodeError:
            return False
        if not line:
            self.stderr.write("\n")
            if default:
                return True
            raise UsageError(
                "confirmation-needed",
                "this needs a confirmation, and stdin is closed",
                hint="pass --yes (-y) to proceed without confirmation",
            )
        answer = line.strip().lower()
        return answer in ("y", "yes") if answer else default

    def named(self, text: str) -> str:
        """Return minicon's own text with its command lines for the program that the user typed."""
        return _named(text, self.dialect)

    def prose(self, text: str) -> str:
        """Return sentences of the result; in a terminal, long lines are broken between words."""
        return _wrapped(text, self.stdout)

    def _write_sentences(self, text: str) -> None:
        """Write sentences to stderr; in a terminal, long lines are broken between words."""
        self._write(self.stderr, _wrapped(text, self.stderr))

    def _keep_order(self, stream: TextIO) -> None:
        """Write what stdout buffers before stderr goes on: both may be one file."""
        if stream is self.stderr:
            with contextlib.suppress(OSError, ValueError):  # reported when minicon ends
                self.stdout.flush()

    def _write(self, stream: TextIO, text: str, *, as_is: bool = False) -> None:
        text = text if as_is else redact(text)
        color = self._error_color if stream is self.stderr else self._color
        pieces = _OWN_STYLE.split(text) if color else [text]
        pieces[::2] = [printable(piece) for piece in pieces[::2]]
        self._keep_order(stream)
        stream.write(encodable("".join(pieces), stream) + "\n")


def _wrapped(text: str, stream: TextIO) -> str:
    if not stream.isatty():
        return text
    from minicon.cli.wrapping import columns_of, wrapped

    return wrapped(text, columns_of(stream))


def encodable(text: str, stream: TextIO) -> str:
    """Return the text in what the stream's encoding can write; other characters as escapes."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate(_PLAIN_SIGNS)
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    return text


def is_colored(stream: TextIO | None = None) -> bool:
    """Whether a stream, by default stdout, is to have colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream or sys.stdout).isatty()


def _named(text: str, dialect: Dialect) -> str:
    """Return a text with the command lines in it for another program.

    Only that one may be on PATH; it has minicon's commands beside its own.
    """
    if dialect is MINICON:
        return text
    from minicon.cli.command_table import COMMANDS

    def renamed(found: re.Match[str]) -> str:
        is_command = found[1].partition(".")[0] in COMMANDS or found[1].startswith("-")
        return f"{dialect.name} {found[1]}" if is_command else found[0]

    return _COMMAND_LINE.sub(renamed, text)


def _error_document(error: MiniconError, dialect: Dialect) -> dict[str, Any]:
    """Return conda's error object, with minicon's reference, context and hint added."""
    name = dialect.error_name(error)
    explanation = getattr(error, "explanation", None)
    packages = getattr(error, "packages", ())
    return {
        # Only the type: messages of libraries repeat URLs, credentials included.
        "caused_by": type(error.__cause__).__name__ if error.__cause__ else "None",
        "context": error.context,
        "error": f"{name}: {error.message}",
        "exception_name": name,
        "exception_type": f"<class '{type(error).__module__}.{type(error).__name__}'>",
        "hint": _named(error.hint, dialect) if error.hint else None,
        "message": error.message,
        "reference": error.reference,
        "success": False,
        **error.facts,
        **({"packages": list(packages)} if packages else {}),
        **({"explanation": explanation.to_json()} if explanation is not None else {}),
    }


def is_output_failure(error: BaseException) -> bool:
    """Whether an error comes from writing to stdout (closed pipe, full disk)."""
    if isinstance(error, BrokenPipeError):
        return True
    is_unnamed = isinstance(error, OSError) and error.filename is None
    return is_unnamed and getattr(error, "errno", None) in _DEVICE_ERRORS


def abandon_output(error: OSError) -> int:
    """Discard the rest of the output and return the exit code.

    Nothing is printed if the reader closed the pipe (``minicon list | head``).
    """
    if not isinstance(error, BrokenPipeError):
        sys.stderr.write(f"error: cannot write the output: {error.strerror}\n")
    # Python would complain about buffered output that cannot be written when it exits.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
