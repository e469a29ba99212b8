"""Points in time as users write them: a date, a date with time, or an age (``7d``)."""

from __future__ import annotations

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern

_AGE = lazy_pattern(r"(\d{1,6})\s*(h|d|w|m|y|hours?|days?|weeks?|months?|years?)(?:\s+ago)?\Z")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


def parse_moment(text: str, *, now: float) -> int:
    """Milliseconds since 1970 of ``2026-05-01``, ``2026-05-01T12:00:00Z``, or ``7d`` before NOW.

    A date without a time means the end of that day in UTC, so that packages of the day count.

    Raises:
        SpecError: Reference ``invalid-date``.
    """
    from datetime import datetime, timedelta, timezone

    stripped = text.strip()
    age = _AGE.match(stripped.lower())
    if age:
        unit = age[2][0]
        span = (
            timedelta(hours=int(age[1]))
            if unit == "h"
            else timedelta(days=int(age[1]) * _DAYS[unit])
        )
        return int((now - span.total_seconds()) * 1000)
    try:
        moment = datetime.fromisoformat(stripped.replace("Z", "+00:00"))
    except ValueError as error:
        raise SpecError(
            "invalid-date",
            f"{text!r} is neither a date nor an age",
            hint="write 2026-05-01, 2026-05-01T12:00:00Z, or an age such as 7d, 4w, 1y",
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    if len(stripped) == len("2026-05-01"):
        moment += timedelta(days=1)
    return int(moment.timestamp() * 1000)
