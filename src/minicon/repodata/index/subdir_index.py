"""The RecordIndex of one channel's subdir, over an index file or over nothing."""

from __future__ import annotations

from minicon.repodata.index.decode import Members, Place
from minicon.repodata.index.index_file import IndexDamagedError
from minicon.repodata.index.located_index import LocatedIndex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import Any

    from minicon.models.records import RepodataRecord
    from minicon.repodata.index.index_file import IndexFile


class ConvertedIndex(LocatedIndex):
    """A subdir whose whole repodata was converted into an :class:`IndexFile`.

    Args:
        place: Where its records come from.
        file: The open index file.
        fingerprint: Identifies the content: equal fingerprints mean equal records. Empty once
            that is no longer sure.
        warn: Told of records that cannot be used.
        convert_again: Called when the file turns out to be damaged; returns a sound one.
    """

    def __init__(
        self,
        place: Place,
        file: IndexFile,
        fingerprint: str,
        warn: Callable[[str], None],
        convert_again: Callable[[], IndexFile],
    ) -> None:
        super().__init__(place, file, fingerprint, warn)
        self._convert_again = convert_again

    @property
    def info(self) -> Mapping[str, Any]:
        """The ``info`` object that the channel gives."""
        found: Mapping[str, Any] = self._file.meta.get("info", {})
        return found

    def records_for(self, name: str) -> tuple[RepodataRecord, ...]:
        """All usable records of a name; decoded once.

        Raises:
            ChannelError: The index was damaged on disk and could not be fetched again.
        """
        found = self._records.get(name)
        if found is None:
            with self._lock:
                found = self._records.get(name)
                if found is None:
                    found = self._records[name] = self._decode(name)
        return found

    def prefetch(self, names: Iterable[str]) -> None:
        """Nothing to do: everything is here."""

    def _decode(self, name: str) -> tuple[RepodataRecord, ...]:
        try:
            segments = self._file.segments(name)
        except IndexDamagedError:
            self._file = self._convert_again()
            self.fingerprint = ""  # it may be newer
            segments = self._file.segments(name)
        members = Members()
        bad = sum([members.add_payload(section, payload) for section, payload in segments])
        if bad:
            self._warn(f"{self.channel}/{self.subdir}: {bad} records of {name} are not JSON")
        return members.records(name, self._place, self._warn)


class EmptyIndex:
    """A subdir that the channel does not have."""

    fingerprint = "empty"

    def __init__(self, channel: str, subdir: str) -> None:
        self.channel = channel
        self.subdir = subdir
        self.info: Mapping[str, Any] = {}

    def names(self) -> Collection[str]:
        """None."""
        return ()

    def content_of(self, name: str) -> str:  # noqa: ARG002
        """None."""
        return "none"

    def records_for(self, name: str) -> tuple[RepodataRecord, ...]:  # noqa: ARG002
        """None."""
        return ()

    def prefetch(self, names: Iterable[str]) -> None:
        """Nothing to do."""
