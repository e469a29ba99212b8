"""Compiled tables and records as bytes, and back: what a TableCache keeps.

JSON, because it can be read without trust and without importing anything; bitsets are
hexadecimal texts in it, which costs nothing to speak of.
"""

from __future__ import annotations

import json

from minicon.models.records import RepodataRecord
from minicon.solver.candidate_table import CandidateTable, Conditional

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from minicon.models.record_index import RecordIndex


def encode_table(table: CandidateTable, matching: Mapping[str, int]) -> bytes:
    """A table, with what is known of the sets that dependency texts mean in it."""
    value = [
        table.size,
        [key.decode("latin-1") for key in table.version_keys],
        [f"{below:x}" for below in table.below],
        table.versions,
        table.builds,
        table.build_numbers,
        table.ties,
        [(name, text, f"{premise:x}") for name, text, premise in table.dependencies],
        [(name, text, f"{premise:x}") for name, text, premise in table.constrains],
        [(*each[:2], f"{each.premise:x}", each.condition) for each in table.conditional],
        {text: f"{found:x}" for text, found in matching.items() if text[0] != "#"},
    ]
    return json.dumps(value, separators=(",", ":")).encode()


def decode_table(name: str, data: bytes) -> tuple[CandidateTable, dict[str, str]]:
    """The table, and per dependency text the set that it means, in hexadecimal.

    Raises:
        ValueError: It is not an encoded table.
    """
    size, keys, below, versions, builds, numbers, ties, depends, constrains, conditional, texts = (
        json.loads(data)
    )
    table = CandidateTable(
        name,
        size,
        tuple([key.encode("latin-1") for key in keys]),
        tuple([int(each, 16) for each in below]),
        tuple(versions),
        tuple(builds),
        tuple(numbers),
        tuple(ties),
        tuple([(other, text, int(premise, 16)) for other, text, premise in depends]),
        tuple([(other, text, int(premise, 16)) for other, text, premise in constrains]),
        tuple([_conditional(*each) for each in conditional]),
    )
    return table, texts


def _conditional(name: str, text: str, premise: str, condition: list[list[str]]) -> Conditional:
    return Conditional(name, text, int(premise, 16), tuple((a, b) for a, b in condition))


def encode_records(
    records: Iterable[tuple[int, RepodataRecord]], indices: Sequence[RecordIndex]
) -> bytes:
    """Some records with their positions; they come from one group of indices."""
    subdirs = [index.subdir for index in indices]
    value = [
        (position, subdirs.index(record.subdir), record.fn, record.url, record.data)
        for position, record in records
    ]
    return json.dumps(value, separators=(",", ":")).encode()


def decode_records(data: bytes, indices: Sequence[RecordIndex]) -> dict[int, RepodataRecord]:
    """The records by position.

    Raises:
        ValueError: It is not what :func:`encode_records` gave.
    """
    rows: list[tuple[int, int, str, str, dict[str, Any]]] = json.loads(data)
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
