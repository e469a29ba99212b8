"""The RecordIndex of one channel's subdir: over a converted index file, or empty."""

from __future__ import annotations

import threading

from minicon.repodata.index.decode import Members, RecordSource
from minicon.repodata.index.index_file import IndexDamagedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import Any

    from minicon.models.records import RepodataRecord
    from minicon.repodata.index.index_file import IndexFile


class LocatedIndex:
    """The common base of converted and sharded subdirs: an index file and its origin.

    Args:
        source: Origin of the records.
        file: The open index file.
        fingerprint: Identifies the content: equal fingerprints mean equal records. Empty once
            the content may have changed.
        warn: Called with a text for each record that cannot be used.
    """

    def __init__(
        self, source: RecordSource, file: IndexFile, fingerprint: str, warn: Callable[[str], None]
    ) -> None:
        self._source = source
        self._file = file
        self.fingerprint = fingerprint
        self._warn = warn
        self._records: dict[str, tuple[RepodataRecord, ...]] = {}
        self._lock = threading.Lock()

    @property
    def channel(self) -> str:
        """Canonical channel name or base URL, without credentials."""
        return self._source.channel

    @property
    def subdir(self) -> str:
        """Platform directory."""
        return self._source.subdir

    @property
    def info(self) -> Mapping[str, Any]:
        """The ``info`` object of the channel's index."""
        found: Mapping[str, Any] = self._file.meta.get("info", {})
        return found

    def content_of(self, name: str) -> str:
        """Identify the records of a name without reading them."""
        return self._file.digest(name)

    def names(self) -> Collection[str]:
        """Return all package names; one pass over the index, without any request."""
        return tuple(self._file.names())

    def records_for(self, name: str) -> tuple[RepodataRecord, ...]:
        """Return all usable records of a name; see the subclass."""
        raise NotImplementedError

    def prefetch(self, names: Iterable[str]) -> None:
        """Begin to fetch the records of names; returns at once. Does nothing by default."""


class ConvertedIndex(LocatedIndex):
    """A subdir whose complete repodata was converted into an :class:`IndexFile`.

    Args:
        source: As for :class:`LocatedIndex`.
        file: As for :class:`LocatedIndex`.
        fingerprint: As for :class:`LocatedIndex`.
        warn: As for :class:`LocatedIndex`.
        refetch: Called when the file is damaged; returns a new one.
    """

    def __init__(
        self,
        source: RecordSource,
        file: IndexFile,
        fingerprint: str,
        warn: Callable[[str], None],
        refetch: Callable[[], IndexFile],
    ) -> None:
        super().__init__(source, file, fingerprint, warn)
        self._refetch = refetch

    def records_for(self, name: str) -> tuple[RepodataRecord, ...]:
        """Return all usable records of a name; decoded once.

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

    def _decode(self, name: str) -> tuple[RepodataRecord, ...]:
        try:
            segments = self._file.segments(name)
        except IndexDamagedError:
            self._file = self._refetch()
            self.fingerprint = ""  # it may be newer
            segments = self._file.segments(name)
        members = Members()
        bad = sum([members.add_payload(section, payload) for section, payload in segments])
        if bad:
            self._warn(f"{self.channel}/{self.subdir}: {bad} records of {name} are not JSON")
        return members.records(name, self._source, self._warn)


class EmptyIndex:
    """A subdir that the channel does not have."""

    fingerprint = "empty"

    def __init__(self, channel: str, subdir: str) -> None:
        self.channel = channel
        self.subdir = subdir
        self.info: Mapping[str, Any] = {}

    def names(self) -> Collection[str]:
        """Return no names."""
        return ()

    def content_of(self, name: str) -> str:  # noqa: ARG002
        """Return the identity of no records."""
        return "none"

    def records_for(self, name: str) -> tuple[RepodataRecord, ...]:  # noqa: ARG002
        """Return no records."""
        return ()

    def prefetch(self, names: Iterable[str]) -> None:
        """Do nothing."""
