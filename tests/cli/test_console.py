"""What reaches the terminal: escapes, colours, JSON, and questions."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.cli.console import _STYLES, Console, printable
from minicon.errors import MiniconError, SpecError, UsageError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def console(**options: object) -> tuple[Console, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Console(stdout=out, stderr=err, **options), out, err  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("over\rwrite", "over\\x0dwrite"),
        ("\x9b31m", "\\x9b31m"),
        ("gnp.\u202etxt", "gnp.\\u202etxt"),
        ("\u2067x\u200f", "\\u2067x\\u200f"),
        ("line\u2028line", "line\\u2028line"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("ünï ✓ 名前", "ünï ✓ 名前"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_no_output_moves_the_cursor_or_changes_direction(text: str) -> None:
    import unicodedata

    subject, out, _ = console(color=True)
    subject.answer(text)
    left = out.getvalue()
    for code in ("0", "1", "2", "31", "32", "35"):
        left = left.replace(f"\x1b[{code}m", "")
    assert not [c for c in left if unicodedata.category(c) == "Cc" and c not in "\n\t"]
    directions = {"RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI"}
    assert not [c for c in left if unicodedata.bidirectional(c) in directions]


def test_a_name_cannot_contain_colours() -> None:
    subject, out, _ = console()
    subject.answer("\x1b[31mred\x1b[0m")
    assert "\x1b" not in out.getvalue()


def test_colours_only_on_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Console(stdout=Terminal()).style("x", "red") == "\x1b[31mx\x1b[0m"
    assert Console(stdout=io.StringIO()).style("x", "red") == "x"
    assert Console(stdout=Terminal(), json=True).style("x", "red") == "x"
    assert Console(stdout=Terminal(), color=False).style("x", "red") == "x"
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert Console(stdout=io.StringIO()).style("x", "red") != "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Console(stdout=Terminal()).style("x", "red") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert Console(stdout=Terminal()).style("x", "red") == "x"


def test_progress_needs_a_terminal_that_redraws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert Console(stderr=Terminal()).shows_progress
    assert not Console(stderr=io.StringIO()).shows_progress
    assert not Console(stderr=Terminal(), quiet=True).shows_progress
    assert not Console(stderr=Terminal(), json=True).shows_progress
    monkeypatch.setenv("TERM", "dumb")
    assert not Console(stderr=Terminal()).shows_progress


def test_results_go_to_stdout_and_notes_to_stderr() -> None:
    subject, out, err = console()
    subject.answer("the answer")
    subject.note("a note")
    subject.warn("a warning")
    assert out.getvalue() == "the answer\n"
    assert err.getvalue() == "a note\nwarning: a warning\n"
    subject, out, err = console(quiet=True)
    subject.answer("the answer")
    subject.note("a note")
    subject.warn("a warning")
    assert (out.getvalue(), err.getvalue()) == ("the answer\n", "warning: a warning\n")
    subject, out, err = console(json=True)
    subject.answer("the answer")
    subject.note("a note")
    subject.warn("a warning")
    assert out.getvalue() + err.getvalue() == ""


def test_an_error_names_cause_object_and_fix() -> None:
    subject, out, err = console()
    subject.fail(SpecError("bad", "it failed", context="while reading x.yml", hint="write y"))
    assert out.getvalue() == ""
    assert err.getvalue() == "error: it failed\ncontext: while reading x.yml\nhint: write y\n"
    subject, _, err = console()
    subject.fail(SpecError("bad", "it failed"))
    assert err.getvalue() == "error: it failed\n"


def test_an_error_as_json_has_the_keys_of_conda_and_minicon() -> None:
    subject, out, err = console(json=True)
    error = SpecError("bad-spec", "it failed", hint="write y")
    error.__cause__ = ValueError("https://user:secret@host/")
    subject.fail(error)
    assert err.getvalue() == ""
    document = json.loads(out.getvalue())
    assert list(document) == sorted(document)
    assert document == {
        "caused_by": "ValueError",
        "context": None,
        "error": "SpecError: it failed",
        "exception_name": "SpecError",
        "exception_type": "<class 'minicon.errors.SpecError'>",
        "hint": "write y",
        "message": "it failed",
        "reference": "bad-spec",
        "success": False,
    }


def test_json_is_valid_for_any_text() -> None:
    text = "\x1b[2J\x9b \u202e \udcff ünï \n"
    subject, out, _ = console(json=True)
    subject.document({"name": text})
    assert json.loads(out.getvalue()) == {"name": text}
    assert "\u202e" not in out.getvalue()
    assert "\x9b" not in out.getvalue()


def test_streams_with_a_small_encoding() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    subject = Console(stdout=out, stderr=err)
    subject.answer("1 → 2")
    subject.note("file \udcff")
    subject.document({"name": "é"})
    assert out.buffer.getvalue() == b'1 -> 2\n{\n  "name": "\\u00e9"\n}\n'  # type: ignore[attr-defined]
    assert err.buffer.getvalue() == b"file \\udcff\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("\n", True), ("y\n", True), (" YES \n", True), ("n\n", False), ("what?\n", False)],
)
def test_questions(typed: str, answer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    subject, out, err = console()
    assert subject.confirm("remove \x1b[2J?") is answer
    assert out.getvalue() == ""
    assert err.getvalue() == "remove \\x1b[2J? [Y/n] "


def test_an_empty_answer_may_mean_no(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, _, err = console()
    for typed, answer in (("\n", False), ("y\n", True)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        assert subject.confirm("all of it?", default=False) is answer
    assert err.getvalue().startswith("all of it? [y/N] ")


def test_a_question_without_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    subject, _, _ = console()
    assert subject.confirm("Proceed?")
    with pytest.raises(UsageError) as caught:
        subject.confirm("Delete it?", default=False)
    assert caught.value.reference == "confirmation-needed"
    assert isinstance(caught.value, MiniconError)


def test_one_file_for_both_streams_is_in_order(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w+") as log, (tmp_path / "log").open("a") as errors:
        subject = Console(stdout=log, stderr=errors)
        subject.answer("the plan")
        subject.note("a note")
        errors.flush()
    assert (tmp_path / "log").read_text() == "the plan\na note\n"


def test_each_stream_has_colours_if_it_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for out, err in ((Terminal(), io.StringIO()), (io.StringIO(), Terminal())):
        subject = Console(stdout=out, stderr=err)
        subject.answer(subject.style("removed", "red"))
        subject.warn("old")
        assert ("\x1b" in out.getvalue()) == out.isatty()
        assert ("\x1b" in err.getvalue()) == err.isatty()


#: Colours of usual palettes: xterm, Tango (GNOME), Terminal of macOS, Visual Studio Code.
_PALETTES = {
    "xterm": {"31": "cd0000", "35": "cd00cd", "grounds": ("ffffff", "000000")},
    "Tango": {"31": "cc0000", "35": "75507b", "grounds": ("ffffff", "000000")},
    "macOS": {"31": "c23621", "35": "d338d3", "grounds": ("ffffff", "000000")},
    "code, light": {"31": "cd3131", "35": "bc05bc", "grounds": ("ffffff",)},
    "code, dark": {"31": "cd3131", "35": "bc3fbc", "grounds": ("1e1e1e",)},
}


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_words_are_readable_on_light_and_dark_terminals() -> None:
    for name, palette in _PALETTES.items():
        for ground in palette["grounds"]:
            for style in ("red", "magenta"):
                pair = sorted(_luminance(each) for each in (palette[_STYLES[style]], ground))
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 3, (name, ground, style)


@pytest.mark.parametrize(("typed", "agreed"), [(None, True), (b"\xff\n", False), (b"y\n", True)])
def test_stdin_may_be_closed_or_no_text(
    monkeypatch: pytest.MonkeyPatch, typed: bytes | None, agreed: bool
) -> None:
    stdin = None if typed is None else io.TextIOWrapper(io.BytesIO(typed), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)
    assert Console(stderr=io.StringIO()).confirm("Proceed?") is agreed
