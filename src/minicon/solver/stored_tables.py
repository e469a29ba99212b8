"""StoredTables: candidates whose tables an earlier process compiled.

Only the plain case is stored: all records of a name in one channel, highest versions first. What
a request changes about that (age limits, lowest versions, installed builds that the channel no
longer has, names that several channels offer at once) is compiled from records as always.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import overload

from minicon.lean_dataclasses import dataclass
from minicon.solver.candidates import Candidates
from minicon.solver.table_codec import decode_records, decode_table, encode_records, encode_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from minicon.models.record_index import RecordIndex
    from minicon.models.records import RepodataRecord
    from minicon.models.table_cache import TableCache
    from minicon.solver.candidate_table import CandidateTable

    Channel = Sequence[RecordIndex]

#: As many newly understood dependency texts are worth saving by themselves.
_WORTH_SAVING = 50


class StoredRecords(Sequence["RepodataRecord"]):
    """The records of a stored table: some at hand, the others read again if somebody asks.

    Attributes:
        at_hand: Records by position.
    """

    def __init__(
        self,
        size: int,
        at_hand: Callable[[], dict[int, RepodataRecord]],
        all_records: Callable[[], Sequence[RepodataRecord]],
    ) -> None:
        self._size = size
        self._read = at_hand
        self._all = all_records
        self._at_hand: dict[int, RepodataRecord] | None = None
        self.is_new = False

    @property
    def at_hand(self) -> dict[int, RepodataRecord]:
        """See the class."""
        if self._at_hand is None:
            try:
                self._at_hand = self._read()
            except (ValueError, TypeError, IndexError):  # damaged: all of them can be read again
                self._at_hand = {}
        return self._at_hand

    @overload
    def __getitem__(self, position: int) -> RepodataRecord: ...

    @overload
    def __getitem__(self, position: slice) -> Sequence[RepodataRecord]: ...

    def __getitem__(self, position: int | slice) -> RepodataRecord | Sequence[RepodataRecord]:
        if isinstance(position, slice):
            return self._all()[position]
        if not 0 <= position < self._size:
            raise IndexError(position)
        found = self.at_hand.get(position)
        if found is None:
            found = self.at_hand[position] = self._all()[position]
            self.is_new = True
        return found

    def __len__(self) -> int:
        return self._size


class StoredTables:
    """Reads and writes the tables of some channels.

    Args:
        cache: Where they are kept; None keeps nothing.
        channels: In order of priority.
    """

    def __init__(self, cache: TableCache | None, channels: Sequence[Channel]) -> None:
        self._cache = cache
        self._groups = [group_of(channel) if cache else None for channel in channels]
        self._channels = channels
        self._loaded: dict[tuple[int, str], _Table] = {}
        self._fresh: dict[tuple[int, str], _Table] = {}
        self._known: dict[tuple[int, str], tuple[bytes, bytes] | None] = {}

    def knows(self, name: str) -> bool:
        """Whether records of a name need not be fetched."""
        return any(self._entry(place, name) is not None for place in range(len(self._channels)))

    def candidates(
        self,
        place: int,
        name: str,
        all_records: Callable[[], Sequence[RepodataRecord]],
    ) -> Candidates | None:
        """The candidates that a channel has for a name; None if that is not stored.

        Args:
            place: The channel's place among all.
            name: Package name.
            all_records: Gives the records in the table's order, should one be missing here.
        """
        entry = self._entry(place, name)
        if entry is None:
            return None
        try:
            table, texts = decode_table(name, entry[0])
        except (ValueError, TypeError):
            return None
        indices = self._channels[place]
        records = StoredRecords(
            table.size, lambda: decode_records(entry[1], indices) if entry[1] else {}, all_records
        )
        found = Candidates(table, records, known=texts)
        self._loaded[place, name] = _Table(found, table, len(texts))
        return found

    def add(self, place: int, name: str, candidates: Candidates) -> None:
        """Take note of a table that was compiled, to be saved."""
        if self._groups[place] is not None:
            self._fresh[place, name] = _Table(candidates, candidates.table, 0)

    def save(self, chosen: Mapping[str, int]) -> None:
        """Save what this process has found out.

        Args:
            chosen: Per name the position of the record that will be needed again.
        """
        if self._cache is None:
            return
        for place, group in enumerate(self._groups):
            entries = self._entries(place, chosen)
            if entries and group is not None and group == group_of(self._channels[place]):
                self._cache.save(group, entries)

    def _entry(self, place: int, name: str) -> tuple[bytes, bytes] | None:
        group = self._groups[place]
        if group is None or self._cache is None:
            return None
        if (place, name) not in self._known:
            self._known[place, name] = self._cache.load(group, name)
        return self._known[place, name]

    def _entries(self, place: int, chosen: Mapping[str, int]) -> dict[str, tuple[bytes, bytes]]:
        fresh = {
            name: table.encoded(self._fresh_records(table, chosen.get(name)), self._channels[place])
            for (own, name), table in self._fresh.items()
            if own == place
        }
        grown = {n: t for (own, n), t in self._loaded.items() if own == place and t.growth}
        if not fresh and sum(table.growth for table in grown.values()) < _WORTH_SAVING:
            return {}
        stored = {
            name: table.encoded(table.records_at_hand.items(), self._channels[place])
            for name, table in grown.items()
        }
        return {**stored, **fresh}

    def _fresh_records(
        self, table: _Table, position: int | None
    ) -> Iterable[tuple[int, RepodataRecord]]:
        if position is None or position >= table.table.size:
            return ()
        return [(position, table.candidates.records[position])]


@dataclass(frozen=True, slots=True)
class _Table:
    """A table as it is stored, the candidates made of it, and how many texts it knew."""

    candidates: Candidates
    table: CandidateTable
    known: int

    @property
    def records_at_hand(self) -> dict[int, RepodataRecord]:
        records = self.candidates.records
        return records.at_hand if isinstance(records, StoredRecords) else {}

    @property
    def growth(self) -> int:
        """How much was learned since it was read; a new record counts as worth saving."""
        records = self.candidates.records
        if isinstance(records, StoredRecords) and records.is_new:
            return _WORTH_SAVING
        return self.candidates.learned

    def encoded(
        self, records: Iterable[tuple[int, RepodataRecord]], indices: Channel
    ) -> tuple[bytes, bytes]:
        understood = self.candidates.understood
        return encode_table(self.table, understood), encode_records(records, indices)


def group_of(channel: Channel) -> str | None:
    """What identifies the content of a channel's indices; None if nothing does.

    ``<where it is>-<what it holds>``, so that older states of one channel can be told.
    """
    fingerprints = [getattr(index, "fingerprint", "") for index in channel]
    if not channel or not all(fingerprints):
        return None
    where = [(index.channel, index.subdir, getattr(index, "base_url", "")) for index in channel]
    return f"{_digest(where)}-{_digest([where, fingerprints])}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:32]
