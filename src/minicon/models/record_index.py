"""RecordIndex: the seam between the solver and whatever offers records."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from minicon.models.records import RepodataRecord


class RecordIndex(Protocol):
    """The records of one channel in one subdir, found by package name.

    Attributes:
        channel: Canonical channel name or base URL, as in :attr:`RepodataRecord.channel`.
        subdir: Platform folder, as in :attr:`RepodataRecord.subdir`.
    """

    @property
    def channel(self) -> str:
        """Canonical channel name or base URL, without credentials."""

    @property
    def subdir(self) -> str:
        """Platform folder, for instance ``noarch``."""

    def names(self) -> Collection[str]:
        """All package names. May cost one pass over the index; never fetches records."""

    def records_for(self, name: str) -> Sequence[RepodataRecord]:
        """All records of a name, in no order; empty when there are none.

        Cost: reading and decoding the records of this one name, once; later calls are free.

        Raises:
            ChannelError: The records had to be fetched and could not be.
        """

    def prefetch(self, names: Iterable[str]) -> None:
        """Hint that these names will be asked for, so that they may be fetched together."""
