"""Stored tables: compiled candidates that an earlier process stored.

Only the plain case is stored: all records of a name in the request's channels, highest versions
first. Requests that change this (age limits, lowest versions, installed builds that no channel has
any more) compile their tables from records.

A table is valid as long as its name's records are the same. If the indices are unchanged, nothing
is compared; if a channel was updated, the content of the name decides.

The format is Python's own for compiled modules (marshal), which has integers of any size and loads
three times as fast as JSON. Like compiled modules, a table belongs to one version of Python and
must only be loaded from where nobody else can write: the cache ensures both.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Sequence
from typing import overload

from minicon.models.indexes.table_cache import StoredTable
from minicon.models.records import RepodataRecord
from minicon.short_hash import short_hash
from minicon.solver.candidates.candidate_table import CandidateTable, Conditional
from minicon.solver.candidates.candidates import Candidates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from minicon.models.indexes.record_index import RecordIndex
    from minicon.models.indexes.table_cache import TableCache


#: This many newly evaluated dependency texts are worth saving by themselves.
_WORTH_SAVING = 50
#: Number of candidates up to which sets of them are stored as they are.
_SMALL = 1000


class _StoredRecords(Sequence["RepodataRecord"]):
    """The records of a stored table: some stored with it, the others read from the index if needed.

    Attributes:
        loaded: Records by position.
    """

    def __init__(
        self,
        size: int,
        loaded: Callable[[], dict[int, RepodataRecord]],
        all_records: Callable[[], Sequence[RepodataRecord]],
    ) -> None:
        self._size = size
        self._read = loaded
        self._all = all_records
        self._loaded: dict[int, RepodataRecord] | None = None
        self.is_new = False

    @property
    def loaded(self) -> dict[int, RepodataRecord]:
        """See the class."""
        if self._loaded is None:
            try:
                self._loaded = self._read()
            except ValueError:  # damaged: the index has all of them
                self._loaded = {}
        return self._loaded

    @overload
    def __getitem__(self, position: int) -> RepodataRecord: ...

    @overload
    def __getitem__(self, position: slice) -> Sequence[RepodataRecord]: ...

    def __getitem__(self, position: int | slice) -> RepodataRecord | Sequence[RepodataRecord]:
        if isinstance(position, slice):
            return self._all()[position]
        if not 0 <= position < self._size:
            raise IndexError(position)
        found = self.loaded.get(position)
        if found is None:
            found = self.loaded[position] = self._all()[position]
            self.is_new = True
        return found

    def __len__(self) -> int:
        return self._size


class StoredTables:
    """Loads and saves tables.

    Args:
        cache: Where they are stored; None stores nothing.
    """

    def __init__(self, cache: TableCache | None) -> None:
        self._cache = cache
        self._known: dict[tuple[Group, str], StoredTable | None] = {}
        self._used: dict[tuple[Group, str], _Used] = {}

    def knows(self, group: Group, name: str) -> bool:
        """Whether a table of a name is stored, so that its records need not be fetched."""
        return self._entry(group, name) is not None

    def candidates(
        self, group: Group, name: str, all_records: Callable[[], Sequence[RepodataRecord]]
    ) -> Candidates | None:
        """The stored candidates of a name; None if there are none.

        Args:
            group: The channels.
            name: Package name.
            all_records: Reads the records in the table's order; called if one is not stored.
        """
        entry = self._entry(group, name)
        if entry is None:
            return None
        try:
            table, texts = _decode_table(name, entry.table)
        except ValueError:
            return None
        stored, indices = entry.records, group.indices
        records = _StoredRecords(
            table.size, lambda: _decode_records(stored, indices) if stored else {}, all_records
        )
        found = Candidates(table, records, known=texts)
        self._used[group, name] = _Used(found, table, entry)
        return found

    def add(self, group: Group, name: str, candidates: Candidates) -> None:
        """Add a compiled table, to be saved later."""
        if self._cache is not None and group.state:
            self._used[group, name] = _Used(candidates, candidates.table, None)

    def save(self, chosen: Mapping[str, int]) -> None:
        """Save compiled tables and evaluated texts.

        Args:
            chosen: Per name, the position of the record to store with its table.
        """
        if self._cache is None:
            return
        by_group: dict[Group, dict[str, _Used]] = {}
        for (group, name), used in self._used.items():
            by_group.setdefault(group, {})[name] = used
        for group, tables in by_group.items():
            worth = sum(used.worth(group) for used in tables.values())
            # If an index changed meanwhile, the tables do not belong to its new state.
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
    """The entries to save for some tables of a group."""
    entries = {}
    for name, used in tables.items():
        if not used.worth(group):
            continue
        try:
            table, records = used.encoded(group.indices, chosen.get(name))
        except ValueError:  # a record has a value that cannot be stored
            continue
        content = used.entry.content if used.entry else group.content_of(name)
        entries[name] = StoredTable(content, group.state, table, records)
    return entries


class Group:
    """Indices whose records of a name are compiled together.

    Attributes:
        indices: The indices, in order of priority.
        key: Identifies the indices and how they are combined, whatever their content.
        state: Identifies their current content; empty if that is unknown.
    """

    def __init__(self, indices: Sequence[RecordIndex], how: str = "") -> None:
        self.indices = indices
        where = [(index.channel, index.subdir, index.base_url) for index in indices]
        self.key = _digest([how, where])
        self.state = self._state()

    @property
    def is_unchanged(self) -> bool:
        """Whether the indices have the same content as at the beginning."""
        return bool(self.state) and self.state == self._state()

    def content_of(self, name: str) -> str:
        """Identifies the records of one name; empty if they are unknown."""
        contents = [index.content_of(name) for index in self.indices]
        return _digest(contents) if all(contents) else ""

    def _state(self) -> str:
        fingerprints = [index.fingerprint for index in self.indices]
        return _digest(fingerprints) if fingerprints and all(fingerprints) else ""


class _Used:
    """A table that this process compiled or loaded, and its candidates.

    Attributes:
        entry: The stored entry; None if the table was compiled.
    """

    __slots__ = ("candidates", "entry", "table")

    def __init__(
        self, candidates: Candidates, table: CandidateTable, entry: StoredTable | None
    ) -> None:
        self.candidates = candidates
        self.table = table
        self.entry = entry

    def worth(self, group: Group) -> int:
        """How much is worth saving: a compiled table, a new record, newly evaluated texts."""
        records = self.candidates.records
        if self.entry is None or self.entry.state != group.state:
            return _WORTH_SAVING
        if isinstance(records, _StoredRecords) and records.is_new:
            return _WORTH_SAVING
        return self.candidates.newly_evaluated

    def encoded(self, indices: Sequence[RecordIndex], position: int | None) -> tuple[bytes, bytes]:
        """Table and records as bytes."""
        records = self.candidates.records
        loaded: dict[int, RepodataRecord] = {}
        if isinstance(records, _StoredRecords):
            loaded = records.loaded
        elif position is not None and position < self.table.size:
            loaded = {position: records[position]}
        table = _encode_table(self.table, self.candidates.evaluated)
        return table, _encode_records(loaded.items(), indices)


def _digest(value: object) -> str:
    return short_hash(json.dumps(value))[:32]


def _encode_table(table: CandidateTable, matching: Mapping[str, int]) -> bytes:
    """Encode a table with the domains of the dependency texts evaluated so far."""
    plain = table._replace(conditional=tuple([tuple(each) for each in table.conditional]))  # type: ignore[misc]
    texts: Any = dict(matching)
    if table.size > _SMALL:
        plain = plain._replace(
            dependencies=_with_ranges(plain.dependencies),
            constrains=_with_ranges(plain.constrains),
        )
        texts = {text: _range_of(domain) for text, domain in matching.items()}
    return marshal.dumps((tuple(plain[1:]), texts))


def _with_ranges(rows: Iterable[tuple[str, str, int]]) -> Any:
    return tuple([(name, text, _range_of(premise)) for name, text, premise in rows])


def _range_of(domain: int) -> int | tuple[int, int, int]:
    """A set as its first and last candidate and, unless it has all between, the bits from there.

    Else N versions with a dependency each would take N² bits.
    """
    if domain < 1 << _SMALL:
        return domain
    start, end = (domain & -domain).bit_length() - 1, domain.bit_length()
    bits = domain >> start
    return (start, end, 0 if bits & (bits + 1) == 0 else bits)


def _set_of(value: int | tuple[int, int, int]) -> int:
    """The reverse of :func:`_range_of`."""
    if isinstance(value, int):
        return value
    start, end, bits = value
    return bits << start if bits else (1 << end) - (1 << start)


def _with_sets(rows: Iterable[tuple[str, str, Any]]) -> tuple[tuple[str, str, int], ...]:
    return tuple([(name, text, _set_of(premise)) for name, text, premise in rows])


def _decode_table(name: str, data: bytes) -> tuple[CandidateTable, dict[str, int]]:
    """Decode a table, and per dependency text its domain.

    Raises:
        ValueError: The bytes are not an encoded table.
    """
    try:
        value, texts = marshal.loads(data)
        table = CandidateTable(name, *value)
        if table.size > _SMALL:
            table = table._replace(
                dependencies=_with_sets(table.dependencies),
                constrains=_with_sets(table.constrains),
            )
            texts = {text: _set_of(domain) for text, domain in texts.items()}
    except (EOFError, TypeError, AttributeError) as error:
        raise ValueError("not a table") from error
    if table.conditional:
        table = table._replace(conditional=tuple([Conditional(*c) for c in table.conditional]))
    return table, texts


def _encode_records(
    records: Iterable[tuple[int, RepodataRecord]], indices: Sequence[RecordIndex]
) -> bytes:
    """Encode records with their positions; those of none of the indices are left out."""
    numbers = {(index.channel, index.subdir): number for number, index in enumerate(indices)}
    value = [
        (position, number, record.fn, record.url, record.data)
        for position, record in records
        if (number := numbers.get((record.channel, record.subdir))) is not None
    ]
    return marshal.dumps(value)


def _decode_records(data: bytes, indices: Sequence[RecordIndex]) -> dict[int, RepodataRecord]:
    """Decode records by position.

    Raises:
        ValueError: The bytes are not encoded records.
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
