"""What the answers of package indexes were read from, so that they need not be asked again.

An answer is the same as long as the file that it was read from is the same, and is not older than
its index allows.
"""

from __future__ import annotations

import os

from minicon.fs.stamps import file_stamp
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from minicon.fs.stamps import Stamp


@dataclass(frozen=True, slots=True)
class IndexInput:
    """A file that was read.

    Attributes:
        path: Its path.
        stamp: Its stamp; None if it did not exist.
        fetched: When it was fetched from its server, in seconds since 1970; 0 for a local file.
        expires: When it has to be fetched again; None if never.
    """

    path: str
    stamp: Stamp | None
    fetched: float = 0.0
    expires: float | None = None

    @classmethod
    def of(cls, path: Path | str) -> IndexInput:
        """Return a local file as it is now. Raises OSError if it cannot be looked at."""
        return cls(str(path), file_stamp(path))

    @classmethod
    def from_json(cls, row: list[Any]) -> IndexInput:
        """Parse the result of :meth:`to_json`. Raises ValueError or TypeError for others."""
        path, stamp, fetched, expires = row
        return cls(path, stamp and tuple(stamp), fetched, expires)

    def to_json(self) -> list[Any]:
        """Return the attributes as a JSON array."""
        return [self.path, self.stamp and list(self.stamp), self.fetched, self.expires]

    def is_current(self, now: float) -> bool:
        """Whether the file is the same, and may still be used.

        Args:
            now: Seconds since 1970; if the clock was set back, the file counts as too old.
        """
        if self.expires is not None and not self.fetched <= now < self.expires:
            return False
        try:
            return file_stamp(self.path) == self.stamp
        except OSError:
            return False


class IndexInputs:
    """Everything that some answers were read from. Safe to use from several threads.

    Attributes:
        complete: Whether all of it is known: not what was fetched by this process.
    """

    def __init__(self) -> None:
        self._found: dict[str, IndexInput] = {}
        self.complete = True

    def add(self, found: IndexInput | None) -> None:
        """Add a file that was read; None stands for what is no file."""
        if found is None:
            self.complete = False
        else:
            self._found.setdefault(found.path, found)

    def add_folder(self, folder: Path) -> None:
        """Add a directory, with all files in it."""
        self.add(IndexInput.of(folder))
        for entry in os.scandir(folder) if folder.is_dir() else ():
            self.add(IndexInput.of(entry.path))

    def __iter__(self) -> Iterator[IndexInput]:
        return iter(tuple(self._found.values()))
