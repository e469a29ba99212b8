"""The RecordIndex of one channel's subdir: over a converted index file, or empty."""

from __future__ import annotations

import threading

from minicon.counted import counted
from minicon.models.indexes.record_index import RecordIndex
from minicon.repodata.index.index_file import IndexDamagedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from minicon.models.records import RepodataRecord
    from minicon.repodata.index.index_file import IndexFile
    from minicon.repodata.index.record_source import RecordSource


class LocatedIndex(RecordIndex):
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
        super().__init__(source.channel, source.subdir)
        self.base_url = source.base_url
        self.info = file.meta.get("info", {})
        self.fingerprint = fingerprint
        self._source = source
        self._file = file
        self._warn = warn
        self._records: dict[str, tuple[RepodataRecord, ...]] = {}
        self._lock = threading.Lock()

    def content_of(self, name: str) -> str:
        """See :meth:`RecordIndex.content_of`."""
        return self._file.digest(name)

    def names(self) -> Collection[str]:
        """Return all package names, found in the index file; without any request."""
        return self._file

    def names_containing(self, text: str) -> Iterable[str]:
        """See :meth:`RecordIndex.names_containing`; other names are not decoded."""
        return self._file.names(text)


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

    def read_once(self, name: str) -> tuple[RepodataRecord, ...]:
        """See :meth:`RecordIndex.read_once`."""
        return self._decode(name)

    def names_of_records(self, containing: str) -> Iterator[str]:
        """See :meth:`RecordIndex.names_of_records`; costs decompression of everything."""
        try:
            yield from self._file.names_of_records(containing)
        except IndexDamagedError:  # each name is repaired when it is read
            yield from self._file.names()

    def _decode(self, name: str) -> tuple[RepodataRecord, ...]:
        from minicon.repodata.index.decode import Members

        try:
            segments = self._file.segments(name)
        except IndexDamagedError:
            self._file = self._refetch()
            self.fingerprint = ""  # it may be newer
            segments = self._file.segments(name)
        members = Members()
        bad = sum([members.add_payload(section, payload) for section, payload in segments])
        if bad:
            what = f"{counted(bad, 'record')} of {name} cannot be read as JSON"
            self._warn(f"{self.channel}/{self.subdir}: {what}")
        return members.records(name, self._source, self._warn)


class EmptyIndex(RecordIndex):
    """A subdir that the channel does not have."""

    fingerprint = "empty"

    def content_of(self, name: str) -> str:  # noqa: ARG002
        """Return the identity of no records."""
        return "none"
