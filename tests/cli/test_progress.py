"""Bars on a terminal that can redraw, silence elsewhere."""

from __future__ import annotations

import io
import threading

import pytest

from minicon.cli.console import Console
from minicon.cli.progress import ConsoleReporter
from minicon.models.reporter import SilentTask


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_no_terminal_no_bars() -> None:
    err = io.StringIO()
    reporter = ConsoleReporter(Console(stderr=err))
    task = reporter.start("download", "numpy", 100)
    assert isinstance(task, SilentTask)
    task.advance(50)
    task.finish()
    reporter.close()
    assert err.getvalue() == ""


def test_one_bar_per_kind_of_work(terminal: Terminal) -> None:
    reporter = ConsoleReporter(Console(stderr=terminal))
    first = reporter.start("download", "numpy", 1024)
    second = reporter.start("download", "sci\x1b[2Jpy", 1024)
    linking = reporter.start("link", "data", 3, unit="files")
    assert set(reporter._bars) == {"download", "link"}
    assert reporter._bars["download"].total == 2048
    first.advance(1024)
    assert reporter._bars["download"].n == 1024
    first.finish()
    assert "download" in reporter._bars
    second.finish()
    second.finish()
    linking.finish()
    assert reporter._bars == {}
    shown = terminal.getvalue()
    assert "Downloading" in shown
    assert "Linking" in shown
    assert "\x1b[2J" not in shown


def test_work_without_a_known_size(terminal: Terminal) -> None:
    reporter = ConsoleReporter(Console(stderr=terminal))
    tasks = [reporter.start("solve", "environment", None, unit="steps") for _ in range(2)]
    assert len(reporter._bars) == 1
    for task in tasks:
        task.advance(5)
        task.finish()
    assert "Solving" in terminal.getvalue()


def test_notes_are_written_above_the_bars(terminal: Terminal) -> None:
    reporter = ConsoleReporter(Console(stderr=terminal, color=False))
    reporter.start("extract", "numpy", 10)
    reporter.note("conda-forge cannot be reached")
    reporter.warn("odd")
    reporter.close()
    shown = terminal.getvalue()
    assert "conda-forge cannot be reached\n" in shown
    assert "warning: odd\n" in shown


def test_tasks_may_end_after_the_bars_were_removed(terminal: Terminal) -> None:
    """An interruption closes the reporter while threads still work."""
    reporter = ConsoleReporter(Console(stderr=terminal))
    task = reporter.start("download", "numpy", 10)
    reporter.close()
    task.advance(5)
    task.finish()


def test_many_threads(terminal: Terminal) -> None:
    reporter = ConsoleReporter(Console(stderr=terminal))

    def work() -> None:
        for _ in range(20):
            task = reporter.start("download", "x", 10)
            task.advance(10)
            task.finish()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reporter._bars == {}
    assert not any(reporter._running.values())
