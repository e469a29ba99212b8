"""AgeLimits: since when a package may be known to count; newer ones do not exist (CEP 47)."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass, field
from minicon.models.match_spec.spec import channel_matches
from minicon.models.timestamps import milliseconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.models.records import RepodataRecord


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """Limits in milliseconds since 1970; None means none. A package's goes before its channel's.

    Attributes:
        everywhere: For all packages that nothing else is said of.
        channels: Per channel, as users write it.
        packages: Per package name.
    """

    everywhere: int | None = None
    channels: Mapping[str, int | None] = field(default_factory=dict)
    packages: Mapping[str, int | None] = field(default_factory=dict)

    def of(self, name: str, channel: str) -> int | None:
        """The limit for the packages of a name in a channel."""
        if name in self.packages:
            return self.packages[name]
        for wanted, limit in self.channels.items():
            if channel_matches(wanted, channel):
                return limit
        return self.everywhere

    def admits(self, record: RepodataRecord) -> bool:
        """Whether a record is old enough. One that does not tell its age is."""
        limit = self.of(record.name, record.channel)
        return limit is None or milliseconds(record.available_since) <= limit

    @property
    def loosest(self) -> int | None:
        """A limit that no package goes beyond, whatever its name and channel."""
        limits = [self.everywhere, *self.channels.values(), *self.packages.values()]
        known = [limit for limit in limits if limit is not None]
        return max(known) if len(known) == len(limits) else None
