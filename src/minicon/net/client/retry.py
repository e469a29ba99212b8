"""When to retry a request, how long to wait before, and when to give up on a server."""

from __future__ import annotations

import threading
import time

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from minicon.net.credentials.origin import Origin

#: Statuses that a retry may change (RFC 9110 §15): too many requests, server errors.
RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to retry, and how long to wait.

    Attributes:
        retries: Tries after the first one.
        first_wait: Seconds before the first retry; each next wait doubles.
        longest_wait: Limit in seconds, also for a server's Retry-After.
    """

    retries: int = 3
    first_wait: float = 0.25
    longest_wait: float = 60.0

    def wait_before(self, retry: int, retry_after: float | None = None) -> float:
        """Seconds to wait before a retry, counted from 1.

        A random part spreads out the clients of a server that has just come back.
        """
        if retry_after is not None:
            return max(0.0, min(retry_after, self.longest_wait))
        import random

        wait: float = self.first_wait * 2 ** (retry - 1) * random.uniform(0.8, 1.2)
        return min(wait, self.longest_wait)


def parse_retry_after(text: str | None, now: float) -> float | None:
    """Parse a Retry-After header into seconds; None if absent or invalid (RFC 9110 §10.2.3).

    Args:
        text: Seconds (``120``) or a date (``Wed, 21 Oct 2026 07:28:00 GMT``).
        now: Seconds since 1970.
    """
    if text is None:
        return None
    text = text.strip()
    if text.isdecimal():
        return float(text[:12])
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, moment - now)


class CircuitBreaker:
    """Gives up on servers that accept requests and never respond. Thread-safe.

    One request may take minutes: a timeout, times its retries. A command sends hundreds, and a
    server that timed out on all tries of one is not worth the wait of the next.

    Timeouts are counted in rounds. Requests that wait at the same time are one round: a short
    network outage makes all of them time out, and their retries may still succeed.

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
        """The time at which a request begins."""
        return self._clock()

    def is_open(self, origin: Origin) -> bool:
        """Whether requests to an origin must not be sent."""
        return self._rounds.get(origin, (0, 0.0))[0] >= self._most

    def timed_out(self, origin: Origin, began: float) -> None:
        """Note that a request, which began at that time, timed out."""
        with self._lock:
            count, counted = self._rounds.get(origin, (0, began))
            if began >= counted:
                self._rounds[origin] = (count + 1, self._clock())

    def answered(self, origin: Origin) -> None:
        """Note that a response arrived: the count starts again at zero."""
        if origin in self._rounds:
            with self._lock:
                self._rounds.pop(origin, None)
