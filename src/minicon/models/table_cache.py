"""TableCache: the seam between the solver and whatever keeps its compiled tables.

The solver does no input or output. It hands over bytes and gets them back in a later process;
a cache may lose anything at any time, but must never give back something altered or foreign.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class StoredTable(NamedTuple):
    """What is kept of one name.

    Attributes:
        content: Identifies the records that it was compiled from; empty if nothing does.
        state: Identifies a state of the whole indices in which it was true.
        table: The compiled table.
        records: Some of its records.
    """

    content: str
    state: str
    table: bytes
    records: bytes


class TableCache(Protocol):
    """Keeps, per group of indices and package name, a compiled table and some of its records."""

    def load(self, group: str, name: str) -> StoredTable | None:
        """What was saved last; None if there is nothing.

        Args:
            group: Identifies some indices, whatever they hold.
            name: Package name.
        """

    def save(self, group: str, entries: Mapping[str, StoredTable]) -> None:
        """Keep tables by name. Never fails: what cannot be kept is lost."""
