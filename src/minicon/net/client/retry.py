"""When to ask again, and how long to wait before."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass

#: Answers that another try may change (RFC 9110 §15): too many requests, server trouble.
RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently to retry.

    Attributes:
        retries: Further tries after the first one.
        first_wait: Seconds before the first retry; each next wait doubles.
        longest_wait: Cap in seconds, also on what a server's Retry-After asks for.
    """

    retries: int = 3
    first_wait: float = 0.25
    longest_wait: float = 60.0

    def wait_before(self, retry: int, retry_after: float | None = None) -> float:
        """Seconds to wait before retry number RETRY (from 1).

        A random part spreads the clients of a server that has just come back.
        """
        if retry_after is not None:
            return max(0.0, min(retry_after, self.longest_wait))
        import random

        wait: float = self.first_wait * 2 ** (retry - 1) * random.uniform(0.8, 1.2)
        return min(wait, self.longest_wait)


def parse_retry_after(text: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, or None (RFC 9110 §10.2.3).

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
