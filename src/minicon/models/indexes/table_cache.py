"""TableCache: tables that the solver has compiled from records, kept for the next time."""

from __future__ import annotations

from typing import NamedTuple, Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class StoredTable(NamedTuple):
    """What a :class:`TableCache` keeps for one package name.

    Attributes:
        content: Identifies the records that the table was compiled from; may be empty.
        state: Identifies the state of the whole indexes for which the table was valid.
        table: The compiled table.
        records: Some of its records.
    """

    content: str
    state: str
    table: bytes
    records: bytes


class TableCache(Protocol):
    """Compiled tables and some of their records, by group of indexes and package name.

    A cache may lose anything at any time, but must never return altered or foreign data.
    """

    def load(self, group: str, name: str) -> StoredTable | None:
        """The table that was saved last, or None.

        Args:
            group: Identifies a set of indexes, whatever their content.
            name: Package name.
        """

    def save(self, group: str, entries: Mapping[str, StoredTable]) -> None:
        """Save tables by package name. Never fails: what cannot be saved is dropped."""
