"""Run network work in parallel threads that stop together.

The threads are daemons: after Ctrl-C, minicon does not wait for a server that does not respond.
That is safe because their work is, file by file, either not visible yet or complete.
"""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    Item = TypeVar("Item")
    Result = TypeVar("Result")

#: Seconds that workers get to notice that they must stop.
_GRACE = 1.0
#: Seconds after which a background thread that has no work ends.
_PATIENCE = 0.2


class CancelledError(Exception):
    """The work was cancelled because other work failed. Never reaches users."""


def run_parallel(
    function: Callable[[Item, threading.Event], Result], items: Iterable[Item], *, workers: int
) -> list[Result]:
    """Call ``function(item, cancelled)`` for every item; return results in the order of items.

    Args:
        function: Should check the event now and then, and raise :class:`CancelledError` if it is
            set.
        items: The items.
        workers: Most calls at the same time.

    Raises:
        BaseException: What the first failing call raised, or KeyboardInterrupt. The other calls
            are cancelled and get a second to stop.
    """
    pieces = list(items)
    if len(pieces) <= 1 or workers <= 1:
        never = threading.Event()
        return [function(item, never) for item in pieces]
    run = _Run(function, pieces)
    threads = [
        threading.Thread(target=run.work, name=f"minicon-{number}", daemon=True)
        for number in range(min(workers, len(pieces)))
    ]
    for thread in threads:
        thread.start()
    results: list[Result | None] = [None] * len(pieces)
    try:
        for _ in pieces:
            index, result, error = run.outcomes.get()
            if error is not None:
                raise error
            results[index] = result
    except BaseException:
        run.cancelled.set()
        for thread in threads:
            thread.join(_GRACE / len(threads))
        raise
    return results  # type: ignore[return-value]


class _Run:
    """One parallel run: items left, outcomes, and whether to stop."""

    def __init__(self, function: Callable[[Any, threading.Event], Any], items: list[Any]) -> None:
        self._function = function
        self._left: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        for entry in enumerate(items):
            self._left.put(entry)
        self.cancelled = threading.Event()
        self.outcomes: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()

    def work(self) -> None:
        """Process items until none is left or the run is cancelled."""
        while not self.cancelled.is_set() and not self._left.empty():
            try:
                index, item = self._left.get_nowait()
            except Empty:  # another worker took the last one
                return
            try:
                self.outcomes.put((index, self._function(item, self.cancelled), None))
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                self.outcomes.put((index, None, error))


class Background:
    """Runs work in a few threads without waiting for it. Thread-safe.

    Threads start with work and end soon after it: a process that has nothing left to do has none.

    Args:
        workers: Most pieces of work at the same time.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._active = 0
        self._idle = 0
        self._left: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def submit(self, work: Callable[[], object]) -> None:
        """Queue a function, which must not raise."""
        with self._lock:
            self._left.put(work)
            if self._active == self._workers or self._left.qsize() <= self._idle:
                return
            self._active += 1
            thread = threading.Thread(target=self._work, name="minicon-background", daemon=True)
            self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
            thread.start()

    def close(self) -> None:
        """Discard work that has not started, and end the threads that have none."""
        with self._lock:
            while self._next() is not None:
                pass
            for _ in range(self._idle):
                self._left.put(None)
            all_end = self._idle == self._active
        for thread in self._threads if all_end else ():
            thread.join(_PATIENCE)

    def _work(self) -> None:
        while (work := self._next() or self._awaited()) is not None:
            work()

    def _next(self) -> Callable[[], object] | None:
        try:
            return self._left.get_nowait()
        except Empty:
            return None

    def _awaited(self) -> Callable[[], object] | None:
        """The next work, if there is some soon; None ends the thread."""
        with self._lock:
            self._idle += 1
        try:
            work = self._left.get(timeout=_PATIENCE)
        except Empty:
            work = None
        with self._lock:
            self._idle -= 1
            work = work or self._next()
            if work is None:
                self._active -= 1
        return work
