"""The RecordIndex of one channel's subdir, over an index file or over nothing."""

from __future__ import annotations

import threading

from minicon.repodata.decode import Members, Place
from minicon.repodata.index_file import IndexDamagedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import Any

    from minicon.models.records import RepodataRecord
    from minicon.repodata.index_file import IndexFile


class ConvertedIndex:
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
        self._place = place
        self._file = file
        self._warn = warn
        self._convert_again = convert_again
        self._records: dict[str, tuple[RepodataRecord, ...]] = {}
        self._lock = threading.Lock()
        self.fingerprint = fingerprint

    @property
    def channel(self) -> str:
        """Canonical channel name or base URL, without credentials."""
        return self._place.channel

    @property
    def subdir(self) -> str:
        """Platform folder."""
        return self._place.subdir

    @property
    def base_url(self) -> str:
        """What file names are appended to."""
        return self._place.base_url

    @property
    def info(self) -> Mapping[str, Any]:
        """The ``info`` object that the channel gives."""
        found: Mapping[str, Any] = self._file.meta.get("info", {})
        return found

    def names(self) -> Collection[str]:
        """All package names; one pass over them."""
        return tuple(self._file.names())

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

    def records_for(self, name: str) -> tuple[RepodataRecord, ...]:  # noqa: ARG002
        """None."""
        return ()

    def prefetch(self, names: Iterable[str]) -> None:
        """Nothing to do."""
