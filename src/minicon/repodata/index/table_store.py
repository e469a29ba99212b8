"""TableStore: the solver's compiled tables on disk, so that a solve from cache compiles nothing.

::

    cache/repodata-v1/tables-v4-cpython-311/
      3f9c…/                  one directory per group of indexes, whatever they contain
        0001-9e8d….tables     a segment: written once, atomically
        0002-77aa….tables     newer segments have precedence

    ┌──────────────────────────────────────────────────────────────┐
    │ magic   8 bytes │ length 4 │ CRC-32 4 │ contents (marshal)   │
    │ per name: its table, then its records                        │
    └──────────────────────────────────────────────────────────────┘

A solve that compiled something adds a segment; many segments are merged into one. There are no
locks: at worst, two processes save the same table. A directory that other users can write to is
not used. Anything damaged is treated as missing.
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
from minicon.models.indexes.table_cache import StoredTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    #: Of a name's data: offset, length of table and records, CRC-32, content and state.
    _Entry: TypeAlias = "tuple[int, int, int, int, str, str]"

#: Each format, of the file or of the solver's tables, has its own directory; so has each Python,
#: on which the content depends like a compiled module.
FOLDER = f"tables-v4-{sys.implementation.cache_tag}"
_MAGIC = b"MCTABLE3"
_HEAD = struct.Struct("<8sII")
_SUFFIX = ".tables"
#: Number of segments from which they are merged.
_SEGMENTS = 8
#: Groups to which nothing was added for so many seconds are removed.
_UNUSED_SECONDS = 30 * 86400.0
_OTHERS_MAY_WRITE = 0o022


class TableStore:
    """A :class:`minicon.models.indexes.table_cache.TableCache` in one directory.

    Args:
        directory: The repodata cache; created when a table is saved.
    """

    def __init__(self, directory: Path | str) -> None:
        self._directory = Path(directory) / FOLDER
        self._segments: dict[str, dict[str, _Segment]] = {}

    def load(self, group: str, name: str) -> StoredTable | None:
        """See :class:`TableCache`. Costs two slices of a memory map."""
        by_name = self._segments.get(group)
        if by_name is None:
            by_name = self._segments[group] = {}
            for segment in reversed(self._open(group)):
                by_name.update(dict.fromkeys(segment.names, segment))
        found = by_name.get(name)
        return None if found is None else found.get(name)

    def save(self, group: str, entries: Mapping[str, StoredTable]) -> None:
        """See :class:`TableCache`; writes one new file."""
        folder = self._directory / group
        known = self._open(group)
        merged = dict(entries)
        if len(known) >= _SEGMENTS:
            for segment in known:
                merged = {**segment.entries(), **merged}
        number = 1 + max((segment.number for segment in known), default=0)
        try:
            operations.make_directory(folder)
            if not _is_private(self._directory) or not _is_private(folder):
                return
            path = folder / f"{number:04}-{os.urandom(8).hex()}{_SUFFIX}"
            operations.replace_file(path, _packed(merged), durable=False)
            if len(known) >= _SEGMENTS:
                _remove([segment.path for segment in known])
            self._sweep()
        except (OSError, MiniconError):
            return

    def _open(self, group: str) -> list[_Segment]:
        """Valid segments, the newest first."""
        folder = self._directory / group
        if not _is_private(self._directory) or not _is_private(folder):
            return []
        found = []
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(folder), reverse=True):
                if name.endswith(_SUFFIX) and not name.startswith("."):
                    with contextlib.suppress(OSError, ValueError, struct.error):
                        found.append(_Segment(folder / name))
        return found

    def _sweep(self) -> None:
        """Remove groups of all formats that were not written to for long."""
        limit = time.time() - _UNUSED_SECONDS
        for folder in self._directory.parent.glob("tables-*/*"):
            with contextlib.suppress(OSError):
                if folder.stat().st_mtime < limit:
                    _remove(list(folder.iterdir()))
                    operations.remove_directory(folder)


class _Segment:
    """One file, open for reading. Raises ValueError if it is not complete."""

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
        self._entries: dict[str, _Entry] = _contents_of(text)

    @property
    def names(self) -> Iterable[str]:
        """The names with a table."""
        return self._entries

    def get(self, name: str) -> StoredTable | None:
        """Return the table of a name; None if it has none, or a damaged one."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        offset, table, records, crc, content, state = entry
        start = self._start + offset
        data = self._map[start : start + table + records]
        if len(data) != table + records or zlib.crc32(data) != crc:
            return None
        return StoredTable(content, state, data[:table], data[table:])

    def entries(self) -> dict[str, StoredTable]:
        """Return all tables."""
        found = {name: self.get(name) for name in self._entries}
        return {name: entry for name, entry in found.items() if entry is not None}


def _contents_of(data: bytes) -> dict[str, _Entry]:
    """Parse a segment's table of contents. Raises ValueError."""
    try:
        contents: dict[str, _Entry] = dict(marshal.loads(data))
    except (EOFError, TypeError) as error:
        raise ValueError("not a table of contents") from error
    return contents


def _is_private(folder: Path) -> bool:
    """Whether only this user can have written the files in a directory."""
    try:
        status = os.stat(folder)
    except OSError:
        return False
    if os.name == "nt":  # pragma: no cover - profiles are private there
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_MAY_WRITE


def _packed(entries: Mapping[str, StoredTable]) -> bytes:
    contents: dict[str, _Entry] = {}
    pieces: list[bytes] = []
    offset = 0
    for name in sorted(entries):
        content, state, table, records = entries[name]
        data = table + records
        contents[name] = (offset, len(table), len(records), zlib.crc32(data), content, state)
        pieces.append(data)
        offset += len(data)
    text = marshal.dumps(contents)
    return b"".join([_HEAD.pack(_MAGIC, len(text), zlib.crc32(text)), text, *pieces])


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            operations.remove_file(path)
