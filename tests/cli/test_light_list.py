"""A list that is said again is the list that would be made anew."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine
from tests.support.commands import Outcome

from minicon.__main__ import main


@pytest.fixture
def program(data: CommandLine, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """The program itself, its shortcuts included."""

    def run(text: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["minicon", *text.split()])
        data.capture.readouterr()
        code = main()
        out, err = data.capture.readouterr()
        return Outcome(code, out, err)

    return run


def settle(prefix: Path) -> None:
    """As if the environment had not changed for a minute."""
    for folder in (prefix / "conda-meta", *prefix.glob("lib/python*/site-packages")):
        os.utime(folder, (time.time() - 60, time.time() - 60))


@pytest.fixture
def whole_command_is_gone(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def take_away() -> None:
        def refuse(*_: object) -> int:
            raise AssertionError("the whole command was called")

        monkeypatch.setattr("minicon.cli.main.main", refuse)

    return take_away


def test_the_same_again(data: CommandLine, program, whole_command_is_gone) -> None:  # type: ignore[no-untyped-def]
    settle(data.environment("data"))
    first = program("list -n data").ok()
    assert first.out == data("list -n data").ok().out
    whole_command_is_gone()
    assert program("list -n data").ok() == first
    assert program(f"list -p {data.environment('data')}").ok() == first


def test_changes_are_seen(data: CommandLine, program) -> None:  # type: ignore[no-untyped-def]
    prefix = data.environment("data")
    settle(prefix)
    assert "lone" not in program("list -n data").ok().out
    data("install -y -n data lone").ok()
    assert "lone" in program("list -n data").ok().out
    settle(prefix)
    assert "lone" in program("list -n data").ok().out
    data("undo -y -n data").ok()
    assert "lone" not in program("list -n data").ok().out
    next((prefix / "conda-meta").glob("hello-*.json")).unlink()
    assert "hello" not in program("list -n data").ok().out
    data("remove -y -n data --all").ok()
    assert program("list -n data").code == 1


def test_other_forms_are_not_mixed_up(data: CommandLine, program) -> None:  # type: ignore[no-untyped-def]
    settle(data.environment("data"))
    program("list -n data").ok()
    assert len(program("list -n data --json").ok().json) == 2
    assert program("list -n data zzz").code == 1
    data.set(MINICON_JSON="true")
    assert len(program("list -n data").ok().json) == 2


def test_a_damaged_memory_is_no_answer(data: CommandLine, program) -> None:  # type: ignore[no-untyped-def]
    settle(data.environment("data"))
    expected = program("list -n data").ok().out
    for file in (data.root / "cache").rglob("lists-*/*"):
        for text in (b"", b"\n\nforged\n", b"\xff\xfe"):
            file.write_bytes(text)
            assert program("list -n data").ok().out == expected
