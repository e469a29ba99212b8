"""TableCache: the seam between the solver and whatever keeps its compiled tables.

The solver does no input or output. It hands over bytes and gets them back in a later process;
a cache may lose anything at any time, but must never give back something altered or foreign.
"""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class TableCache(Protocol):
    """Keeps, per group of indices and package name, a compiled table and some of its records."""

    def load(self, group: str, name: str) -> tuple[bytes, bytes] | None:
        """The table and the records that were saved last; None if there are none.

        Args:
            group: Identifies the content of some indices, and of the code that compiled it.
            name: Package name.
        """

    def save(self, group: str, entries: Mapping[str, tuple[bytes, bytes]]) -> None:
        """Keep tables with their records, by name. Never fails: what cannot be kept is lost."""
