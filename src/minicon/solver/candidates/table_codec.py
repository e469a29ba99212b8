"""Compiled tables and records as bytes, and back: what a TableCache keeps.

The format is Python's own for compiled modules (marshal), which knows integers of any size and is
read three times as fast as JSON. Like compiled modules it belongs to one version of Python, and
must only be read from where nobody else can write: the cache sees to both.
"""

from __future__ import annotations

import marshal

from minicon.models.records import RepodataRecord
from minicon.solver.candidates.candidate_table import CandidateTable, Conditional

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from minicon.models.record_index import RecordIndex


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
