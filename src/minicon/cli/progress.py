"""Progress bars on the terminal (the only module that imports tqdm)."""

from __future__ import annotations

import threading

from minicon.cli.console import printable
from minicon.models.reporter import SilentTask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minicon.cli.console import Console
    from minicon.models.reporter import Task

_VERBS = {
    "download": "Downloading",
    "extract": "Unpacking",
    "link": "Linking",
    "solve": "Solving",
    "index": "Reading",
    "look": "Looking into",
    "compile": "Compiling",
}


class ConsoleReporter:
    """Show notes, and one progress bar per kind of work, shared by its tasks."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: dict[str, Any] = {}
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()

    def start(self, kind: str, label: str, total: int | None, unit: str = "B") -> Task:
        """Start a task; ``label`` names what it works on."""
        if not self._console.shows_progress:
            return SilentTask()
        with self._lock:
            bar = self._bars.get(kind)
            if bar is None:  # a bar without a total is falsy
                bar = self._open_bar(kind, unit)
            bar.total = (bar.total or 0) + (total or 0)
            bar.set_postfix_str(printable(label), refresh=False)
            self._running[kind] = self._running.get(kind, 0) + 1
        return _BarTask(self, kind)

    def note(self, text: str) -> None:
        """Show a note above the bars."""
        self._above_bars(lambda: self._console.note(text))

    def warn(self, text: str) -> None:
        """Show a warning above the bars."""
        self._above_bars(lambda: self._console.warn(text))

    def message(self, package: str, text: str) -> None:
        """Show a message of a package above the bars."""
        self._above_bars(lambda: self._console.message(package, text))

    def close(self) -> None:
        """Remove all bars."""
        with self._lock:
            for bar in self._bars.values():
                bar.close()
            self._bars.clear()

    def advance(self, kind: str, amount: int) -> None:
        """Add finished units to the bar of a kind."""
        with self._lock:
            bar = self._bars.get(kind)
            if bar is not None:
                bar.update(amount)

    def finish(self, kind: str) -> None:
        """End a task; the last task of a kind removes the bar."""
        with self._lock:
            self._running[kind] -= 1
            if self._running[kind] == 0 and (bar := self._bars.pop(kind, None)) is not None:
                bar.close()

    def _open_bar(self, kind: str, unit: str) -> Any:
        from tqdm import tqdm

        bar: Any = tqdm(
            total=0,
            desc=_VERBS.get(kind, kind.capitalize()),
            unit=unit,
            unit_scale=unit == "B",
            unit_divisor=1024,
            leave=False,
            file=self._console.stderr,
            dynamic_ncols=True,
        )
        self._bars[kind] = bar
        return bar

    def _above_bars(self, write: Any) -> None:
        with self._lock:
            for bar in self._bars.values():
                bar.clear()
            write()
            for bar in self._bars.values():
                bar.refresh()


class _BarTask:
    """One task of a bar."""

    def __init__(self, reporter: ConsoleReporter, kind: str) -> None:
        self._reporter = reporter
        self._kind = kind
        self._open = True

    def advance(self, amount: int) -> None:
        self._reporter.advance(self._kind, amount)

    def finish(self) -> None:
        if self._open:
            self._open = False
            self._reporter.finish(self._kind)
