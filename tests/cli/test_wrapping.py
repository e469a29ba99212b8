"""Sentences are broken between words in terminals, and never in what users copy."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.cli.console import Console
from minicon.cli.wrapping import WIDEST, columns_of, cut, wrapped
from minicon.errors import UsageError

WORDS = st.from_regex(
    r"[a-z.,()→]{1,30}|'minicon [a-z ]{1,40}'[.,]?|https://[a-z/]{1,60}", fullmatch=True
)
LINES = st.builds(
    lambda indent, words: " " * indent + " ".join(words),
    st.integers(0, 8),
    st.lists(WORDS, min_size=1),
)


@given(st.lists(LINES, min_size=1, max_size=4), st.integers(20, 160))
def test_only_spaces_become_line_breaks(lines: list[str], columns: int) -> None:
    text = "\n".join(lines)
    shown = wrapped(text, columns)
    assert shown.split() == text.split()
    for line in shown.split("\n"):
        parts = line.strip().split()
        fits = len(line) <= min(columns, WIDEST)
        assert fits or len(parts) == 1 or parts[0][0] == "'"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short", "short"),
        ("one two three four five six seven", "one two three four\n  five six seven"),
        ("  indented one two three four", "  indented one two\n    three four"),
        ("first line is long enough\nsecond", "first line is long\n  enough\nsecond"),
        (
            "hint: use 'minicon install -n data numpy'",
            "hint: use\n  'minicon install -n data numpy'",
        ),
        ("run: conda remove -n data --all", "run:\n  conda remove -n data --all"),
        ("or: source /opt/base/bin/activate", "or:\n  source /opt/base/bin/activate"),
        ("error: minicon lock needs one file", "error: minicon lock\n  needs one file"),
        ("环境环境 环境环境 环境环境", "环境环境 环境环境\n  环境环境"),
        (
            "e\u0301e\u0301e\u0301e\u0301 " * 4 + "x",
            "e\u0301e\u0301e\u0301e\u0301 " * 3 + "e\u0301e\u0301e\u0301e\u0301\n  x",
        ),
        ("run: minicon remove -n data --all", "run:\n  minicon remove -n data --all"),
        ('see "python >=3.11,<3.12 here", ok', 'see\n  "python >=3.11,<3.12 here",\n  ok'),
        ("https://example.org/a/b/c/d/e/f is long", "https://example.org/a/b/c/d/e/f\n  is long"),
        ("the package's users' own files are", "the package's users'\n  own files are"),
        ("\x1b[31merror:\x1b[0m a b c d e f", "\x1b[31merror:\x1b[0m a b c d e f"),
    ],
)
def test_lines(text: str, shown: str) -> None:
    assert wrapped(text, 20) == shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_only_terminals_get_broken_lines(
    stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("NO_COLOR", "1")
    out = stream()
    console = Console(stderr=out)
    console.note("a note of several words that is long")
    console.warn("a warning of several words")
    hint = "type 'minicon config set channels conda-forge' to go on"
    console.fail(UsageError("x", "the cause, which is long enough", context="what", hint=hint))
    lines = out.getvalue().splitlines()
    if stream is Terminal:
        assert lines[:2] == ["a note of several words that", "  is long"]
        assert lines[2:4] == ["warning: a warning of several", "  words"]
        assert "  'minicon config set channels conda-forge'" in lines
    else:
        assert lines[0] == "a note of several words that is long"
        assert lines[-1] == f"hint: {hint}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("0123456789", "0123456789"), ("01234567890", "012345678…"), ("环境环境环境", "环境环境…")],
)
def test_lines_are_cut_by_columns(text: str, shown: str) -> None:
    assert cut(text, 10) == shown


def test_the_width_is_that_of_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    main, other = pty.openpty()
    try:
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 43, 0, 0))
        with open(other, "w", closefd=False) as stream:
            assert columns_of(stream) == 43
    finally:
        os.close(main)
        os.close(other)
    assert columns_of(io.StringIO()) == 80
    monkeypatch.setenv("COLUMNS", "61")
    assert columns_of(io.StringIO()) == 61
