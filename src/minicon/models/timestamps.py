"""Points in time as users write them: a date, a date with time, or an age (``7d``)."""

from __future__ import annotations

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern

_PART = r"(\d{1,6})\s*(h|d|w|m|y|hours?|days?|weeks?|months?|years?)"
_AGE = lazy_pattern(rf"(?:{_PART}\s*)+(?:\s*ago)?\Z|p(?:\d{{1,6}}[ymwd])*(?:t\d{{1,6}}h)?\Z")
_PARTS = lazy_pattern(_PART)
_SECONDS = lazy_pattern(r"\d{1,10}\Z")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}

#: Timestamps below this are seconds, as old records have them.
_MILLISECONDS = 100_000_000_000


def milliseconds(timestamp: float) -> int:
    """A record's timestamp in milliseconds, whichever unit it was written in."""
    return int(timestamp) if timestamp > _MILLISECONDS else int(timestamp * 1000)


def parse_moment(text: str, *, now: float) -> int:
    """Milliseconds since 1970 of ``2026-05-01``, ``2026-05-01T12:00:00Z``, or ``7d`` before NOW.

    Ages may have several parts (``3d12h``), be ISO 8601 durations (``P7D``), or seconds (``0``).
    A date without a time means the end of that day in UTC, so that packages of the day count.

    Raises:
        SpecError: Reference ``invalid-date``.
    """
    from datetime import datetime, timedelta, timezone

    stripped = text.strip()
    parts = _PARTS.findall(stripped.lower()) if _AGE.match(stripped.lower()) else ()
    if parts:
        hours = sum(int(number) * _HOURS[unit[0]] for number, unit in parts)
        return int((now - hours * 3600) * 1000)
    if _SECONDS.match(stripped):
        return int((now - int(stripped)) * 1000)
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
