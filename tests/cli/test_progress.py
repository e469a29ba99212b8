"""Lines of progress on a terminal that can redraw; silence or a log elsewhere."""

from __future__ import annotations

import io
import threading
import time

import pytest

from minicon.cli.console import Console
from minicon.cli.progress import ConsoleReporter
from minicon.cli.render.phase import Phase
from minicon.models.reporter import SilentTask


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def wait_for(stream: io.StringIO, text: str) -> str:
    end = time.monotonic() + 10
    while text not in stream.getvalue() and time.monotonic() < end:
        time.sleep(0.02)
    assert text in stream.getvalue()
    return stream.getvalue()


def drawing_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if "_draw_lines" in each.name]


def test_no_terminal_no_lines() -> None:
    err = io.StringIO()
    reporter = ConsoleReporter(Console(stderr=err))
    task = reporter.start("download", "numpy", 100)
    assert isinstance(task, SilentTask)
    assert isinstance(reporter.expect("download", 2, 100), SilentTask)
    task.advance(50)
    task.finish()
    reporter.close()
    assert err.getvalue() == ""


def test_a_line_tells_what_is_done_of_all_and_names_what_runs(terminal: Terminal) -> None:
    reporter = ConsoleReporter(Console(stderr=terminal))
    announced = reporter.expect("download", 3, 3 * 1024**2)
    first = reporter.start("download", "numpy-2.0", 1024**2)
    second = reporter.start("download", "sci\x1b[2Jpy-1.0", 1024**2)
    first.advance(1024**2)
    first.finish()
    shown = wait_for(terminal, "Downloading · 1/3 · 1.0/3.0 MiB")
    assert "sci\\x1b[2Jpy-1.0" in shown
    assert "\x1b[2J" not in shown
    second.finish()
    second.finish()
    assert reporter._phases, "a third one is announced"
    announced.finish()
    assert not reporter._phases
    reporter.close()
    assert not drawing_threads()


def test_lines_move_on_while_nothing_is_finished(terminal: Terminal) -> None:
    reporter = ConsoleReporter(Console(stderr=terminal))
    task = reporter.start("solve", "", None, unit="projects")
    page = reporter.start("solve", "numpy", None, unit="projects")
    page.advance(1)
    wait_for(terminal, "Resolving · 1 project · numpy")
    page.work_on("scipy")
    wait_for(terminal, "Resolving · 1 project · scipy")
    page.finish()
    task.finish()
    reporter.close()


def test_the_next_text_starts_at_the_left(terminal: Terminal) -> None:
    reporter = ConsoleReporter(Console(stderr=terminal))
    first = reporter.start("download", "numpy", 10)
    second = reporter.start("extract", "scipy", 10)
    wait_for(terminal, "Unpacking")
    first.finish()
    second.finish()
    assert terminal.getvalue().endswith("\r")
    reporter.close()


def test_pages_that_are_requested_ahead_do_not_outlive_a_solve(terminal: Terminal) -> None:
    """The plan is printed next: a line would stand before it, or behind the question."""
    reporter = ConsoleReporter(Console(stderr=terminal))
    solve = reporter.start("solve", "", None, unit="projects")
    page = reporter.start("solve", "numpy", None, unit="projects")
    wait_for(terminal, "Resolving · numpy")
    solve.finish()
    assert not reporter._phases
    assert terminal.getvalue().endswith("\r")
    assert isinstance(reporter.start("solve", "scipy", None, unit="projects"), SilentTask)
    page.finish()
    again = reporter.start("solve", "", None, unit="projects")
    assert reporter._phases
    again.finish()
    assert not drawing_threads()


def test_phases_that_end_soon_are_not_shown(terminal: Terminal) -> None:
    reporter = ConsoleReporter(Console(stderr=terminal))
    for _ in range(3):
        reporter.start("extract", "numpy", 10).finish()
    time.sleep(0.3)
    reporter.close()
    assert terminal.getvalue() == ""


def test_a_line_is_as_long_as_the_terminal_is_wide(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    reporter = ConsoleReporter(Console(stderr=terminal))
    task = reporter.start("download", f"http://example.invalid/{'x' * 300}", 10)
    shown = wait_for(terminal, "Downloading")
    task.finish()
    reporter.close()
    assert all(len(line.rstrip()) < 60 for line in shown.split("\r"))
    assert "xx…" in shown


def test_notes_are_written_above_the_lines(terminal: Terminal) -> None:
    reporter = ConsoleReporter(Console(stderr=terminal, color=False))
    reporter.start("extract", "numpy", 10)
    reporter.note("conda-forge cannot be reached")
    reporter.warn("odd")
    reporter.close()
    shown = terminal.getvalue()
    assert "conda-forge cannot be reached\n" in shown
    assert "warning: odd\n" in shown


def test_a_pipe_gets_a_log_only_with_verbose(monkeypatch: pytest.MonkeyPatch) -> None:
    err = io.StringIO()
    reporter = ConsoleReporter(Console(stderr=err), verbose=True)
    task = reporter.start("link", "numpy-2.0", 1200, "files")
    wait_for(err, "Linking")
    task.advance(1200)
    task.finish()
    reporter.close()
    first, last = err.getvalue().splitlines()
    assert first[2] == first[5] == ":"
    assert last.endswith("Linking · 1,200/1,200 files")


def test_a_terminal_that_cannot_redraw_gets_lines_of_long_phases(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    reporter = ConsoleReporter(Console(stderr=terminal))
    short = reporter.start("download", "numpy-2.0", 10)
    time.sleep(0.4)
    short.finish()
    assert terminal.getvalue() == ""
    monkeypatch.setattr("minicon.cli.progress._LONG", 0.2)
    again = ConsoleReporter(Console(stderr=terminal))
    long = again.start("download", "scipy-1.0", 10)
    shown = wait_for(terminal, "Downloading · 0/10 B · scipy-1.0\n")
    assert "\r" not in shown
    long.finish()
    assert isinstance(
        ConsoleReporter(Console(stderr=terminal, quiet=True)).start("link", "", 1), SilentTask
    )


def test_a_log_repeats_no_line() -> None:
    err = io.StringIO()
    reporter = ConsoleReporter(Console(stderr=err), verbose=True)
    task = reporter.start("extract", "numpy", 10)
    wait_for(err, "Unpacking · numpy")
    reporter.close()
    task.finish()
    assert [line[9:] for line in err.getvalue().splitlines()] == ["Unpacking · numpy"]


def test_tasks_may_end_after_the_lines_were_removed(terminal: Terminal) -> None:
    """An interruption closes the reporter while threads still work."""
    reporter = ConsoleReporter(Console(stderr=terminal))
    task = reporter.start("download", "numpy", 10)
    reporter.close()
    task.advance(5)
    task.work_on("scipy")
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
    assert reporter._phases == {}
    reporter.close()


def test_the_line_of_a_download() -> None:
    phase = Phase("download", "B", started=100.0)
    phase.expect("all", 94, 310 * 1024**2)
    for number in range(44):
        phase.start(number, f"package-{number}", 1024**2)
    for number in range(41):
        phase.finish(number)
    phase.done = 122 * 1024**2
    assert phase.line(106.0) == (
        "Downloading · 41/94 · 122.0/310.0 MiB · 20.3 MiB/s · 9 s left · package-41, package-42"
    )


@pytest.mark.parametrize(
    ("kind", "unit", "total", "done", "line"),
    [
        ("solve", "projects", None, 63, "Resolving · 63 projects · 1 min 05 s"),
        ("link", "files", 12_400, 5_210, "Linking · 5,210/12,400 files · 1 min 30 s left · numpy"),
        ("extract", "B", 50, 20, "Unpacking · numpy"),
        ("compile", "files", 90, 0, "Compiling · 1 min 05 s"),
        ("compile", "files", 90, 90, "Compiling · 90/90 files"),
        ("download", "B", None, 0, "Downloading · numpy"),
    ],
)
def test_the_lines_of_other_phases(
    kind: str, unit: str, total: int | None, done: int, line: str
) -> None:
    phase = Phase(kind, unit, started=0.0)
    phase.start("task", "numpy" if "numpy" in line else "", total)
    phase.done = done
    assert phase.line(65.0) == line
