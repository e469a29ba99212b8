"""GroupSync: several threads make their files durable with one call.

``syncfs`` writes out a whole file system, so whoever calls it does the work of all that wrote
before it began. A thread that comes while a sync is running waits for the next one, which it
shares with everyone who came meanwhile.
"""

from __future__ import annotations

import threading

from minicon.fs import operations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


class GroupSync:
    """Makes durable what was written to the file system of FOLDER. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._begun = 0
        self._done = 0

    def sync(self) -> None:
        """Return once everything that the caller wrote before is on disk. Raises OSError."""
        with self._guard:
            needed = self._begun + 1  # a sync that is running may have passed our files by
        with self._turn:
            if self._done >= needed:
                return
            with self._guard:
                self._begun += 1
                current = self._begun
            operations.sync_file_system(self._folder)
            self._done = current
