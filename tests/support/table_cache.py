"""MemoryTables: a TableCache in memory, and cases whose indexes have fingerprints."""

from __future__ import annotations

import hashlib
from functools import partial

from tests.support.solver_cases import SolverCase

from minicon.models.indexes.table_cache import StoredTable


class MemoryTables:
    """Stores tables during a test."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], StoredTable] = {}
        self.saved = 0

    def load(self, group, name):
        return self.entries.get((group, name))

    def save(self, group, entries) -> None:
        self.saved += len(entries)
        self.entries.update({(group, name): entry for name, entry in entries.items()})


def with_fingerprints(case: SolverCase) -> SolverCase:
    """Give the indexes of a case fingerprints, as those of a channel client have."""
    for (channel, subdir), index in case.indices.items():
        index.fingerprint = f"{channel}-{subdir}"
        index.content_of = partial(_content_of, index)
        index.names_read.clear()
    return case


def _content_of(index, name: str) -> str:
    """Identify the records of a name without reading them."""
    found = [record.to_json() for record in index.records.get(name, ())]
    return hashlib.sha256(repr(found).encode()).hexdigest()


def names_read(case: SolverCase) -> set[str]:
    """Return the names whose records were read."""
    return {name for index in case.indices.values() for name in index.names_read}
