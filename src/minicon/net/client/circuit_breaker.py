"""Stalls: servers that take requests and never answer, which are given up after some patience.

One request may wait for minutes: a time limit, times its retries. A command has hundreds of them,
and a server that was silent through all tries of one is not worth the wait of the next.
"""

from __future__ import annotations

import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from minicon.net.credentials.origin import Origin


class CircuitBreaker:
    """Counts, by origin, rounds in which nothing came. Thread-safe.

    Requests that wait at the same time are one round: a short break of the network stalls them
    all, and their retries shall have their chance.

    Args:
        most: Rounds in a row after which an origin is given up.
        clock: Monotonic seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._rounds: dict[Origin, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def now(self) -> float:
        """The moment at which a request begins."""
        return self._clock()

    def is_given_up(self, origin: Origin) -> bool:
        """Whether an origin was silent for too many rounds."""
        return self._rounds.get(origin, (0, 0.0))[0] >= self._most

    def stalled(self, origin: Origin, began: float) -> None:
        """Note that a request, begun at that moment, ran into its time limit."""
        with self._lock:
            count, counted = self._rounds.get(origin, (0, began))
            if began >= counted:
                self._rounds[origin] = (count + 1, self._clock())

    def answered(self, origin: Origin) -> None:
        """Note that an answer came: the origin is as good as new."""
        if origin in self._rounds:
            with self._lock:
                self._rounds.pop(origin, None)
