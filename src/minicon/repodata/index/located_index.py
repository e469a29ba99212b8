"""PlacedIndex: what every index over an :class:`IndexFile` knows of where its records come from."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from minicon.models.records import RepodataRecord
    from minicon.repodata.index.decode import Place
    from minicon.repodata.index.index_file import IndexFile


class LocatedIndex:
    """The common part of converted and sharded subdirs.

    Args:
        place: Where the records come from.
        file: The open index file.
        fingerprint: Identifies the content: equal fingerprints mean equal records. Empty once
            that is no longer sure.
        warn: Told of records that cannot be used.
    """

    def __init__(
        self, place: Place, file: IndexFile, fingerprint: str, warn: Callable[[str], None]
    ) -> None:
        self._place = place
        self._file = file
        self.fingerprint = fingerprint
        self._warn = warn
        self._records: dict[str, tuple[RepodataRecord, ...]] = {}
        self._lock = threading.Lock()

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

    def content_of(self, name: str) -> str:
        """Identifies the records of a name as the index lists them, without reading them."""
        return self._file.digest(name)

    def names(self) -> Collection[str]:
        """All package names; one pass over them, and nothing is fetched."""
        return tuple(self._file.names())
