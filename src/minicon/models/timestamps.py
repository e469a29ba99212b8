"""Points in time and age limits: which packages are old enough to be installed (CEP 47).

Users write a date, a date with a time, or an age (``7d``). Records have milliseconds since 1970,
old ones seconds.
"""

from __future__ import annotations

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, field
from minicon.models.match_spec.spec import channel_matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.models.records import RepodataRecord

_PART = r"(\d{1,6})\s*(h|d|w|m|y|hours?|days?|weeks?|months?|years?)"
_AGE = lazy_pattern(rf"(?:{_PART}\s*)+(?:\s*ago)?\Z|p(?:\d{{1,6}}[ymwd])*(?:t\d{{1,6}}h)?\Z")
_PARTS = lazy_pattern(_PART)
_SECONDS = lazy_pattern(r"\d{1,10}\Z")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}

#: Timestamps up to this are seconds, as in old records.
_LATEST_SECONDS = 100_000_000_000


def milliseconds(timestamp: float) -> int:
    """Convert a record's timestamp, in seconds or milliseconds, to milliseconds."""
    return int(timestamp) if timestamp > _LATEST_SECONDS else int(timestamp * 1000)


def parse_time(text: str, *, now: float) -> int:
    """Parse a date (``2026-05-01``), a time (``2026-05-01T12:00:00Z``) or an age (``7d``).

    An age may have several parts (``3d12h``), be an ISO 8601 duration (``P7D``), or a number of
    seconds (``0``). A date without a time means the end of that day in UTC, so that packages of
    that day are included.

    Args:
        text: As the user wrote it.
        now: Seconds since 1970 that an age is subtracted from.

    Returns:
        Milliseconds since 1970.

    Raises:
        SpecError: ``invalid-date``.
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
        time = datetime.fromisoformat(stripped.replace("Z", "+00:00"))
    except ValueError as error:
        raise SpecError(
            "invalid-date",
            f"{text!r} is neither a date nor an age",
            hint="write 2026-05-01, 2026-05-01T12:00:00Z, or an age such as 7d, 4w, 1y",
        ) from error
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    if len(stripped) == len("2026-05-01"):
        time += timedelta(days=1)
    return int(time.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """The newest timestamps at which packages are still installed (CEP 47).

    Limits are milliseconds since 1970; None means no limit. A package's own limit takes
    precedence over its channel's.

    Attributes:
        everywhere: For all packages without a limit of their own.
        channels: By channel, as users write it.
        packages: By package name.
    """

    everywhere: int | None = None
    channels: Mapping[str, int | None] = field(default_factory=dict)
    packages: Mapping[str, int | None] = field(default_factory=dict)

    def of(self, name: str, channel: str) -> int | None:
        """The limit for the packages of a name in a channel."""
        if name in self.packages:
            return self.packages[name]
        for pattern, limit in self.channels.items():
            if channel_matches(pattern, channel):
                return limit
        return self.everywhere

    def admits(self, record: RepodataRecord) -> bool:
        """Whether a record is old enough. A record without a timestamp is."""
        limit = self.of(record.name, record.channel)
        return limit is None or milliseconds(record.available_since) <= limit
