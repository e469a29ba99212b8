"""TableStore: the solver's compiled tables on disk, so that a warm solve compiles nothing.

::

    cache/repodata-v1/tables-v3-cpython-311/
      3f9c…/                  one folder per group of indices, whatever they hold
        0001-9e8d….tables     a segment: never changed, appears whole
        0002-77aa….tables     newer segments win

    ┌──────────────────────────────────────────────────────────────┐
    │ magic   8 bytes │ length 4 │ CRC-32 4 │ directory (marshal)  │
    │ per name: its table, then its records                        │
    └──────────────────────────────────────────────────────────────┘

A solve that compiled something adds a segment; when there are many, they are merged into one.
Nobody waits for anybody: at worst two processes save the same twice. A folder that others may
write to is not believed. Anything damaged is as if it were not there.
"""

from __future__ import annotations

import contextlib
import marshal
import mmap
import os
import struct
import sys
import time
import zlib
from pathlib import Path

from minicon.errors import MiniconError
from minicon.fs import operations
from minicon.models.table_cache import StoredTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    #: Where a name's data lie, how long they are, their CRC-32, and what they were made from.
    _Place: TypeAlias = "tuple[int, int, int, int, str, str]"

#: A new format, of the file or of what the solver saves, is a new folder; so is another Python,
#: since what is in it is as bound to that as a compiled module.
FOLDER = f"tables-v3-{sys.implementation.cache_tag}"
_MAGIC = b"MCTABLE3"
_HEAD = struct.Struct("<8sII")
_SUFFIX = ".tables"
#: More segments than this are merged.
_SEGMENTS = 8
#: Groups that nothing was added to for so long are removed.
_UNUSED_SECONDS = 30 * 86400.0
_OTHERS_MAY_WRITE = 0o022


class TableStore:
    """A :class:`minicon.models.table_cache.TableCache` below one folder.

    Args:
        directory: The folder of the channel indexes' cache; made when something is saved.
    """

    def __init__(self, directory: Path | str) -> None:
        self._directory = Path(directory) / FOLDER
        self._homes: dict[str, dict[str, _Segment]] = {}

    def load(self, group: str, name: str) -> StoredTable | None:
        """See :class:`TableCache`. Costs two slices of a memory map."""
        homes = self._homes.get(group)
        if homes is None:
            homes = self._homes[group] = {}
            for segment in reversed(self._open(group)):
                homes.update(dict.fromkeys(segment.names, segment))
        home = homes.get(name)
        return None if home is None else home.get(name)

    def save(self, group: str, entries: Mapping[str, StoredTable]) -> None:
        """See :class:`TableCache`; one new file, written once."""
        folder = self._directory / group
        known = self._open(group)
        merged = dict(entries)
        if len(known) >= _SEGMENTS:
            for segment in known:
                merged = {**segment.entries(), **merged}
        number = 1 + max((segment.number for segment in known), default=0)
        try:
            operations.make_directory(folder)
            if not is_private(self._directory) or not is_private(folder):
                return
            path = folder / f"{number:04}-{os.urandom(8).hex()}{_SUFFIX}"
            operations.replace_file(path, _packed(merged), durable=False)
            if len(known) >= _SEGMENTS:
                _remove([segment.path for segment in known])
            self._sweep()
        except (OSError, MiniconError):
            return

    def _open(self, group: str) -> list[_Segment]:
        """Sound segments, the newest first."""
        folder = self._directory / group
        if not is_private(self._directory) or not is_private(folder):
            return []
        found = []
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(folder), reverse=True):
                if name.endswith(_SUFFIX) and not name.startswith("."):
                    with contextlib.suppress(OSError, ValueError, struct.error):
                        found.append(_Segment(folder / name))
        return found

    def _sweep(self) -> None:
        """Remove what was not written to for long, this and other formats' alike."""
        limit = time.time() - _UNUSED_SECONDS
        for folder in self._directory.parent.glob("tables-*/*"):
            with contextlib.suppress(OSError):
                if folder.stat().st_mtime < limit:
                    _remove(list(folder.iterdir()))
                    operations.remove_directory(folder)


class _Segment:
    """One file, open for reading. Raises ValueError if it is not whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = int(path.name.partition("-")[0])
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, length, crc = _HEAD.unpack_from(self._map, 0)
        self._start = _HEAD.size + length
        text = self._map[_HEAD.size : self._start]
        if magic != _MAGIC or len(text) != length or zlib.crc32(text) != crc:
            raise ValueError("not a segment of tables")
        self._places: dict[str, _Place] = _directory_of(text)

    @property
    def names(self) -> Iterable[str]:
        """Of which names there is something."""
        return self._places

    def get(self, name: str) -> StoredTable | None:
        """What is kept of a name; None if it is nothing, or damaged."""
        place = self._places.get(name)
        if place is None:
            return None
        offset, table, records, crc, content, state = place
        start = self._start + offset
        data = self._map[start : start + table + records]
        if len(data) != table + records or zlib.crc32(data) != crc:
            return None
        return StoredTable(content, state, data[:table], data[table:])

    def entries(self) -> dict[str, StoredTable]:
        """All of it."""
        found = {name: self.get(name) for name in self._places}
        return {name: entry for name, entry in found.items() if entry is not None}


def _directory_of(data: bytes) -> dict[str, _Place]:
    """Raises ValueError for what is no directory."""
    try:
        places: dict[str, _Place] = dict(marshal.loads(data))
    except (EOFError, TypeError) as error:
        raise ValueError("not a directory") from error
    return places


def is_private(folder: Path) -> bool:
    """Whether nobody but this user can have written what is in a folder."""
    try:
        status = os.stat(folder)
    except OSError:
        return False
    if os.name == "nt":  # pragma: no cover - profiles are private there
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_MAY_WRITE


def _packed(entries: Mapping[str, StoredTable]) -> bytes:
    places: dict[str, _Place] = {}
    pieces: list[bytes] = []
    offset = 0
    for name in sorted(entries):
        content, state, table, records = entries[name]
        data = table + records
        places[name] = (offset, len(table), len(records), zlib.crc32(data), content, state)
        pieces.append(data)
        offset += len(data)
    text = marshal.dumps(places)
    return b"".join([_HEAD.pack(_MAGIC, len(text), zlib.crc32(text)), text, *pieces])


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            operations.remove_file(path)
