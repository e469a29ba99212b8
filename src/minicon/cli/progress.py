"""Progress on the terminal: one line per phase that moves (the only module that imports tqdm).

::

    Downloading · 41/94 · 122.0/310.5 MiB · 18.2 MiB/s · 9 s left · pytorch-2.4.1, mkl-2024.1

A thread draws the lines a few times per second, so that work only counts. It ends with the last
phase: processes are forked only where no thread runs. Phases that end soon are not shown. Where
stderr is not a terminal, ``-v`` writes the same lines with the time of day; so does a terminal that
cannot redraw a line (``TERM=dumb``), of phases that take seconds.
"""

from __future__ import annotations

import contextlib
import threading
import time

from minicon.cli.console import printable
from minicon.models.reporter import SilentTask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minicon.cli.console import Console
    from minicon.cli.render.phase import Phase
    from minicon.models.reporter import Task

#: Seconds after which a phase is worth a line, and lines that stay.
_DELAY = 0.2
_LONG = 2.0
#: Seconds between two drawings of a line, and between two lines of a log.
_DRAWING = 0.1
_LOGGING = 5.0
_SOLVE = "solve"


class ConsoleReporter:
    """Show notes, and one line per kind of work, shared by its tasks.

    Args:
        console: Where to write.
        verbose: Write lines of progress where they cannot be redrawn.
    """

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._console = console
        self._lines: _Lines | None = None
        if console.shows_progress:
            self._lines = _Bars(console)
        elif (verbose or console.stderr.isatty()) and not (console.json or console.quiet):
            self._lines = _Log(console, _DELAY if verbose else _LONG)
        self._phases: dict[str, Phase] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._drawer: threading.Thread | None = None
        self._led: set[str] = set()

    def expect(self, kind: str, tasks: int, total: int, unit: str = "B") -> Task:
        """Announce tasks of a kind, and the units of all of them, until the result is finished."""
        if self._lines is None:
            return SilentTask()
        with self._lock:
            phase = self._phase(kind, unit)
            task = _PhaseTask(self, phase)
            phase.expect(task, tasks, total)
        return task

    def start(self, kind: str, label: str, total: int | None, unit: str = "B") -> Task:
        """Start a task; ``label`` names what it works on."""
        if self._lines is None:
            return SilentTask()
        with self._lock:
            if label and kind in self._led:
                return SilentTask()  # a page that was requested ahead, and is not needed any more
            self._led.discard(kind)
            phase = self._phase(kind, unit)
            task = _PhaseTask(self, phase)
            phase.start(task, printable(label), total)
            if self._drawer is None:
                self._ended = threading.Event()
                self._drawer = threading.Thread(
                    target=self._draw_lines, args=(self._ended,), daemon=True
                )
                self._drawer.start()
        return task

    def note(self, text: str) -> None:
        """Show a note above the lines."""
        self._above_lines(lambda: self._console.note(text))

    def warn(self, text: str) -> None:
        """Show a warning above the lines."""
        self._above_lines(lambda: self._console.warn(text))

    def message(self, package: str, text: str) -> None:
        """Show a message of a package above the lines."""
        self._above_lines(lambda: self._console.message(package, text))

    def close(self) -> None:
        """Remove all lines."""
        with self._lock:
            for kind in [*self._phases]:
                self._end(kind)
        self._stop_drawing()

    def finish(self, task: object, phase: Phase) -> None:
        """End a task; the last task of a phase removes its line."""
        with self._lock:
            phase.finish(task)
            if phase.is_over and self._phases.get(phase.kind) is phase:
                self._end(phase.kind)
        self._stop_drawing()

    def _stop_drawing(self) -> None:
        """End the thread if there is nothing to draw."""
        with self._lock:
            if self._phases:
                return
            drawer, self._drawer = self._drawer, None
            ended = self._ended
        if drawer is not None:
            ended.set()
            drawer.join()

    def _phase(self, kind: str, unit: str) -> Phase:
        phase = self._phases.get(kind)
        if phase is None:
            from minicon.cli.render.phase import Phase

            phase = self._phases[kind] = Phase(kind, unit, time.monotonic())
        return phase

    def _end(self, kind: str) -> None:
        phase = self._phases.pop(kind)
        if kind == _SOLVE and phase.is_led:
            self._led.add(kind)
        if self._lines is not None:
            self._lines.end(phase, time.monotonic())

    def _above_lines(self, write: Callable[[], None]) -> None:
        with self._lock:
            if self._lines is not None:
                self._lines.clear()
            write()

    def _draw_lines(self, ended: threading.Event) -> None:
        while not ended.wait(_DRAWING):
            with self._lock:
                now = time.monotonic()
                for phase in self._phases.values():
                    if self._lines is not None and now - phase.started >= self._lines.delay:
                        with contextlib.suppress(OSError, ValueError):  # stderr is closed
                            self._lines.draw(phase, now)


class _PhaseTask:
    """One task of a phase."""

    def __init__(self, reporter: ConsoleReporter, phase: Phase) -> None:
        self._reporter = reporter
        self._phase = phase

    def advance(self, amount: int) -> None:
        self._phase.done += amount

    def work_on(self, label: str) -> None:
        if self in self._phase.labels:
            self._phase.labels[self] = printable(label)

    def finish(self) -> None:
        self._reporter.finish(self, self._phase)


class _Bars:
    """Lines of a terminal, drawn by tqdm."""

    delay = _DELAY

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: dict[str, Any] = {}

    def draw(self, phase: Phase, now: float) -> None:
        bar = self._bars.get(phase.kind)
        if bar is None:
            from tqdm import tqdm

            bar = self._bars[phase.kind] = tqdm(
                bar_format="{desc}", leave=False, file=self._console.stderr
            )  # fmt: skip
        bar.set_description_str(self._console.one_line(phase.line(now)))

    def clear(self) -> None:
        for bar in self._bars.values():
            bar.clear()

    def end(self, phase: Phase, now: float) -> None:  # noqa: ARG002
        bar = self._bars.pop(phase.kind, None)
        if bar is not None:
            bar.close()
            self._console.stderr.write("\r")  # below another line, tqdm leaves the cursor behind


class _Log:
    """Lines that stay: every few seconds, and at the end of a phase.

    Args:
        console: Where to write.
        delay: Seconds after which a phase is shown.
    """

    def __init__(self, console: Console, delay: float) -> None:
        self._console = console
        self.delay = delay
        self._written: dict[str, tuple[float, str]] = {}

    def draw(self, phase: Phase, now: float) -> None:
        then, _ = self._written.get(phase.kind, (phase.started - _LOGGING, ""))
        if now - then >= _LOGGING:
            self._write(phase, now)

    def _write(self, phase: Phase, now: float) -> None:
        """Write the line of a phase, unless it is the one that was written last."""
        line = phase.line(now)
        if line != self._written.get(phase.kind, (0.0, ""))[1]:
            self._console.note(f"{time.strftime('%H:%M:%S')} {line}")
        self._written[phase.kind] = (now, line)

    def clear(self) -> None:
        """Nothing has to be removed."""

    def end(self, phase: Phase, now: float) -> None:
        if phase.kind in self._written:
            self._write(phase, now)
            del self._written[phase.kind]


if TYPE_CHECKING:
    _Lines = _Bars | _Log
