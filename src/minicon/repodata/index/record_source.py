"""RecordSource: what all records of an index have in common."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordSource:
    """The origin of records.

    Attributes:
        channel: As in :attr:`RepodataRecord.channel`.
        subdir: Platform directory.
        base_url: URL that file names are appended to; ends with a slash.
    """

    channel: str
    subdir: str
    base_url: str
