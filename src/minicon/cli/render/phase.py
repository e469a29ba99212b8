"""Phases of a command, such as downloading, and the line that shows how far one is."""

from __future__ import annotations

from collections import deque

from minicon.cli.render.listing import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: The names of phases, in the words that users read.
_VERBS: Final = {
    "download": "Downloading",
    "extract": "Unpacking",
    "link": "Linking",
    "solve": "Resolving",
    "index": "Reading",
    "look": "Looking into",
    "compile": "Compiling",
    "pip": "Running pip",
    "pack": "Packing",
    "upload": "Uploading",
    "remove": "Removing",
}
#: Of this many running tasks, a line names the slowest.
_NAMED = 2
#: Seconds after which an estimate of the rest means something.
_ESTIMABLE = 1.0
#: Seconds over which the speed is measured.
_RECENT = 3.0


class Phase:
    """One kind of work: what its tasks have done, and what is to come.

    Attributes:
        kind: As in :meth:`minicon.models.reporter.Reporter.start`.
        unit: ``B`` for bytes; else the plural of what is counted.
        started: Clock reading of the start, in seconds.
        done: Finished units.
        labels: What each running task works on, the oldest first.
    """

    def __init__(self, kind: str, unit: str, started: float) -> None:
        self.kind = kind
        self.unit = unit
        self.started = started
        self.done = 0
        self.labels: dict[object, str] = {}
        self._tasks = 0
        self._known = 0
        self._expected_tasks = 0
        self._expected = 0
        self._announcements: set[object] = set()
        self._samples = deque([(started, 0)])
        self._leader: object | None = None

    def expect(self, announcement: object, tasks: int, total: int) -> None:
        """Announce tasks, and the units of all of them, until the announcement ends."""
        self._announcements.add(announcement)
        self._expected_tasks += tasks
        self._expected += total

    def finish(self, task: object) -> None:
        """Remove a running task or an announcement."""
        self.labels.pop(task, None)
        self._announcements.discard(task)
        if task is self._leader:
            self.labels.clear()

    def start(self, task: object, label: str, total: int | None) -> None:
        """Add a running task; one without a label leads the phase, which ends with it."""
        if not label:
            self._leader = task
        self._tasks += 1
        self._known += total or 0
        self.labels[task] = label

    @property
    def is_led(self) -> bool:
        """Whether it ended with one of its tasks, whatever the others still do."""
        return self._leader is not None

    @property
    def is_over(self) -> bool:
        """Whether no task runs, and none that was announced is to come.

        What is unpacked has to reach the disk after its task: that phase lasts as long as it was
        announced.
        """
        is_complete = self.kind == "download" and self._tasks >= self._expected_tasks
        return not self.labels and (is_complete or not self._announcements)

    @property
    def total(self) -> int:
        """Units of all tasks, as far as they are known."""
        return max(self._expected, self._known)

    def line(self, now: float) -> str:
        """Return its state as one line, the most important first.

        Args:
            now: Clock reading, in seconds.
        """
        facts = [_VERBS.get(self.kind, self.kind.capitalize()), *self._amounts(now)]
        slowest = list(dict.fromkeys(filter(None, self.labels.values())))[:_NAMED]
        return " · ".join(filter(None, [*facts, ", ".join(slowest)]))

    def _amounts(self, now: float) -> list[str]:
        elapsed = now - self.started
        if self.unit != "B":
            of_total = f"/{self.total:,}" if self.total else ""
            unit = self.unit.removesuffix("s") if self.done == 1 and not of_total else self.unit
            counts = f"{self.done:,}{of_total} {unit}" if self.done else ""
            if self.total and self.done:
                return [counts, self._time_left(self.done / elapsed, elapsed)]
            return [counts, _time(elapsed)]
        tasks = max(self._tasks, self._expected_tasks)
        finished = self._tasks - len(self.labels)
        counts = f"{finished}/{tasks}" if tasks > 1 else ""
        if self.kind != "download":
            return [counts]
        rate = self._rate(now)
        return [
            counts,
            _bytes_of(self.done, self.total),
            f"{human_size(rate)}/s" if rate else "",
            self._time_left(rate, elapsed),
        ]

    def _time_left(self, rate: float, elapsed: float) -> str:
        """Return an estimate of the rest, such as ``9 s left``; empty while it means nothing."""
        rest = (self.total - self.done) / rate if rate and self.total > self.done else 0
        time = _time(rest) if elapsed > _ESTIMABLE else ""
        return time and f"{time} left"

    def _rate(self, now: float) -> float:
        """Return finished units per second, of the last few seconds."""
        self._samples.append((now, self.done))
        while len(self._samples) > 2 and now - self._samples[1][0] > _RECENT:
            self._samples.popleft()
        then, before = self._samples[0]
        return (self.done - before) / (now - then) if now > then else 0


def _bytes_of(done: int, total: int) -> str:
    """Return ``12.5/310.0 MiB``: both in the unit of the larger; empty where nothing is known."""
    if total < done or not total:
        return human_size(done) if done else ""
    amount, unit = human_size(total).split(" ")
    factor = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}[unit]
    shown = f"{done}" if unit == "B" else f"{done / factor:.1f}"
    return f"{shown}/{amount} {unit}"


def _time(seconds: float) -> str:
    """Return a duration of at least a second: ``9 s``, ``1 min 20 s``; shorter ones are empty."""
    if seconds < 1:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
