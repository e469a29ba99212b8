"""StoredTables: candidates whose tables an earlier process compiled.

Only the plain case is stored: all records of a name in the channels of the request, highest
versions first. What a request changes about that (age limits, lowest versions, installed builds
that no channel has any more) is compiled from records as always.

A table is good as long as its name's records are the same: where the indices as a whole are what
they were, nothing need be compared; where a channel was updated, the names that the update did
not touch are told by their own content.
"""

from __future__ import annotations

import hashlib
import json
import marshal
from collections.abc import Sequence
from typing import overload

from minicon.models.records import RepodataRecord
from minicon.models.table_cache import StoredTable
from minicon.solver.candidates.candidate_table import CandidateTable, Conditional
from minicon.solver.candidates.candidates import Candidates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from minicon.models.record_index import RecordIndex
    from minicon.models.table_cache import TableCache


#: As many newly evaluated dependency texts are worth saving by themselves.
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
            except ValueError:  # damaged: all of them can be read again
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
    """Reads and writes tables.

    Args:
        cache: Where they are kept; None keeps nothing.
    """

    def __init__(self, cache: TableCache | None) -> None:
        self._cache = cache
        self._known: dict[tuple[Group, str], StoredTable | None] = {}
        self._used: dict[tuple[Group, str], _Used] = {}

    def knows(self, group: Group, name: str) -> bool:
        """Whether records of a name need not be fetched."""
        return self._entry(group, name) is not None

    def candidates(
        self, group: Group, name: str, all_records: Callable[[], Sequence[RepodataRecord]]
    ) -> Candidates | None:
        """The candidates that some channels have for a name; None if that is not stored.

        Args:
            group: The channels.
            name: Package name.
            all_records: Gives the records in the table's order, should one be missing here.
        """
        entry = self._entry(group, name)
        if entry is None:
            return None
        try:
            table, texts = decode_table(name, entry.table)
        except ValueError:
            return None
        stored, indices = entry.records, group.indices
        records = StoredRecords(
            table.size, lambda: decode_records(stored, indices) if stored else {}, all_records
        )
        found = Candidates(table, records, known=texts)
        self._used[group, name] = _Used(found, table, entry)
        return found

    def add(self, group: Group, name: str, candidates: Candidates) -> None:
        """Take note of a table that was compiled, to be saved."""
        if self._cache is not None and group.state:
            self._used[group, name] = _Used(candidates, candidates.table, None)

    def save(self, chosen: Mapping[str, int]) -> None:
        """Save what this process has found out.

        Args:
            chosen: Per name the position of the record that will be needed again.
        """
        if self._cache is None:
            return
        by_group: dict[Group, dict[str, _Used]] = {}
        for (group, name), used in self._used.items():
            by_group.setdefault(group, {})[name] = used
        for group, tables in by_group.items():
            worth = sum(used.worth(group) for used in tables.values())
            # What changes on the way is not what was compiled.
            if worth >= _WORTH_SAVING and group.is_unchanged:
                self._cache.save(group.key, _entries(group, tables, chosen))

    def _entry(self, group: Group, name: str) -> StoredTable | None:
        try:
            return self._known[group, name]
        except KeyError:
            found = self._cache.load(group.key, name) if self._cache and group.state else None
            if found is not None and found.state != group.state:
                is_same = found.content and found.content == group.content_of(name)
                found = found if is_same else None
            self._known[group, name] = found
            return found


def _entries(
    group: Group, tables: Mapping[str, _Used], chosen: Mapping[str, int]
) -> dict[str, StoredTable]:
    """What is to be saved of some tables of a group."""
    entries = {}
    for name, used in tables.items():
        if not used.worth(group):
            continue
        try:
            table, records = used.encoded(group.indices, chosen.get(name))
        except ValueError:  # a record holds what cannot be stored
            continue
        content = used.entry.content if used.entry else group.content_of(name)
        entries[name] = StoredTable(content, group.state, table, records)
    return entries


class Group:
    """Indices whose records of a name are compiled together.

    Attributes:
        indices: They, in order of priority.
        key: Identifies them and how they are put together, whatever they hold.
        state: Identifies what they hold now; empty if nothing does.
    """

    def __init__(self, indices: Sequence[RecordIndex], how: str = "") -> None:
        self.indices = indices
        where = [(index.channel, index.subdir, getattr(index, "base_url", "")) for index in indices]
        self.key = _digest([how, where])
        self.state = self._state()

    @property
    def is_unchanged(self) -> bool:
        """Whether the indices hold what they held at the beginning."""
        return bool(self.state) and self.state == self._state()

    def content_of(self, name: str) -> str:
        """Identifies the records of one name; empty if nothing does."""
        contents = []
        for index in self.indices:
            find = getattr(index, "content_of", None)
            if find is None:
                return ""
            contents.append(find(name))
        return _digest(contents)

    def _state(self) -> str:
        fingerprints = [getattr(index, "fingerprint", "") for index in self.indices]
        return _digest(fingerprints) if fingerprints and all(fingerprints) else ""


class _Used:
    """A table that this process compiled or read, and the candidates made of it.

    Attributes:
        entry: How it was stored; None if it was compiled.
    """

    __slots__ = ("candidates", "entry", "table")

    def __init__(
        self, candidates: Candidates, table: CandidateTable, entry: StoredTable | None
    ) -> None:
        self.candidates = candidates
        self.table = table
        self.entry = entry

    def worth(self, group: Group) -> int:
        """How much there is to save: compiled, needed for the first time, or newly evaluated."""
        records = self.candidates.records
        if self.entry is None or self.entry.state != group.state:
            return _WORTH_SAVING
        if isinstance(records, StoredRecords) and records.is_new:
            return _WORTH_SAVING
        return self.candidates.newly_evaluated

    def encoded(self, indices: Sequence[RecordIndex], position: int | None) -> tuple[bytes, bytes]:
        """Table and records as they are to be stored."""
        records = self.candidates.records
        at_hand: dict[int, RepodataRecord] = {}
        if isinstance(records, StoredRecords):
            at_hand = records.at_hand
        elif position is not None and position < self.table.size:
            at_hand = {position: records[position]}
        table = encode_table(self.table, self.candidates.evaluated)
        return table, encode_records(at_hand.items(), indices)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:32]


def encode_table(table: CandidateTable, matching: Mapping[str, int]) -> bytes:
    """A table, with what is known of the sets that dependency texts mean in it."""
    plain = table._replace(conditional=tuple([tuple(each) for each in table.conditional]))  # type: ignore[misc]
    return marshal.dumps((tuple(plain[1:]), dict(matching)))


def decode_table(name: str, data: bytes) -> tuple[CandidateTable, dict[str, int]]:
    """The table, and per dependency text the set that it means.

    Raises:
        ValueError: It is not an encoded table.
    """
    try:
        value, texts = marshal.loads(data)
        table = CandidateTable(name, *value)
    except (EOFError, TypeError) as error:
        raise ValueError("not a table") from error
    if table.conditional:
        table = table._replace(conditional=tuple([Conditional(*c) for c in table.conditional]))
    return table, texts


def encode_records(
    records: Iterable[tuple[int, RepodataRecord]], indices: Sequence[RecordIndex]
) -> bytes:
    """Some records with their positions; those that come from none of the indices are left out."""
    numbers = {(index.channel, index.subdir): number for number, index in enumerate(indices)}
    value = [
        (position, number, record.fn, record.url, record.data)
        for position, record in records
        if (number := numbers.get((record.channel, record.subdir))) is not None
    ]
    return marshal.dumps(value)


def decode_records(data: bytes, indices: Sequence[RecordIndex]) -> dict[int, RepodataRecord]:
    """The records by position.

    Raises:
        ValueError: It is not what :func:`encode_records` gave.
    """
    try:
        rows: list[tuple[int, int, str, str, dict[str, Any]]] = marshal.loads(data)
        return {
            position: RepodataRecord(
                fields,
                channel=indices[number].channel,
                subdir=indices[number].subdir,
                fn=fn,
                url=url,
            )
            for position, number, fn, url, fields in rows
        }
    except (EOFError, TypeError, IndexError) as error:
        raise ValueError("not records") from error
