"""RecordIndex: what the solver reads conda packages from.

The solver itself does no input or output. Channels and interpreters offer a :class:`RecordIndex`,
PyPI offers a :class:`minicon.models.indexes.wheel_index.WheelIndex`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

    from minicon.models.records import RepodataRecord


class RecordIndex:
    """The records of one channel in one subdir, found by package name; here there are none.

    Attributes:
        channel: Canonical channel name or base URL, as in :attr:`RepodataRecord.channel`.
        subdir: Platform directory, for instance ``noarch``.
        base_url: The URL that file names are appended to; empty if there is none.
        info: The ``info`` object of a channel's index.
        fingerprint: Identifies the content: equal fingerprints mean equal records. Empty if it is
            unknown or may have changed.
        is_partial: Whether some names have records that are not cached, and there is no network.
    """

    base_url: str = ""
    info: Mapping[str, Any] = {}
    fingerprint: str = ""
    is_partial: bool = False

    def __init__(self, channel: str, subdir: str) -> None:
        self.channel = channel
        self.subdir = subdir

    def names(self) -> Collection[str]:
        """All package names. May cost one pass over the index; never fetches records."""
        return ()

    def content_of(self, name: str) -> str:  # noqa: ARG002
        """Identify the records of a name without reading them; empty if they are unknown."""
        return ""

    def records_for(self, name: str) -> Sequence[RepodataRecord]:  # noqa: ARG002
        """All records of a package name, in no particular order; empty if there are none.

        Cost: reading and decoding the records of this name, once; later calls are free.

        Raises:
            ChannelError: The records had to be fetched and could not be.
        """
        return ()

    def read_once(self, name: str) -> Sequence[RepodataRecord]:
        """As :meth:`records_for`, without keeping the records for later calls."""
        return self.records_for(name)

    def names_containing(self, text: str) -> Iterable[str]:
        """The names that contain a text; the case of ASCII letters is ignored."""
        return [name for name in self.names() if text.lower() in name.lower()]

    def names_of_records(self, containing: str) -> Iterable[str]:  # noqa: ARG002
        """The names of which a record contains a text in ASCII; others may be among them."""
        return self.names()

    def names_tracking(self, feature: str) -> Iterable[str]:
        """The names of which a record tracks a feature; of shards, only cached ones are read."""
        return [
            name
            for name in self.names_of_records(feature)
            if any(feature in record.track_features for record in self.read_once(name))
        ]

    def prefetch(self, names: Iterable[str]) -> None:
        """Announce that these names will be requested, so that they can be fetched together."""
