"""EntryStore: the state file of a subdir, with the entry of every archive that was read.

It is a cache: where it is missing, damaged or of another version, all archives are read again. An
SQLite database, so that a run with few changes neither reads nor writes the other entries.
"""

from __future__ import annotations

import contextlib
import errno
import sqlite3

from minicon.closing import Closing
from minicon.errors import FileError
from minicon.fs import operations
from minicon.fs.failures import file_error
from minicon.publish.reading.package_entry import PackageEntry, Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

#: Changes whenever entries are made in another way.
_VERSION = 1
_COLUMNS = ", ".join(PackageEntry._fields)
_MARKS = ", ".join("?" * len(PackageEntry._fields))
_SCHEMA = f"""
CREATE TABLE entries ({_COLUMNS}, PRIMARY KEY (fn));
CREATE TABLE refused (fn PRIMARY KEY, size, modified, message);
CREATE TABLE notes (key PRIMARY KEY, value);
PRAGMA user_version = {_VERSION};
"""


class EntryStore(Closing):
    """The entries of one subdir. Use as a context manager, by one process at a time.

    Args:
        path: Of the database; created with its directory if missing.

    Raises:
        FileError: It cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with operations.describing("write", path):
            operations.make_directory(path.parent)
        try:
            self._database = self._open()
        except sqlite3.Error:
            with operations.describing("write", path), contextlib.suppress(FileNotFoundError):
                operations.remove_file(path)
            try:
                self._database = self._open()
            except sqlite3.Error as error:
                raise self._failure(error) from error

    def _open(self) -> sqlite3.Connection:
        # A journal protects the file if this process is killed; after a power cut it may be lost.
        database = sqlite3.connect(self._path, isolation_level=None)
        try:
            database.execute("PRAGMA synchronous = OFF")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                database.executescript(_SCHEMA)
            elif version != _VERSION:
                raise sqlite3.DatabaseError("another version")
            (result,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if result != "ok":
                raise sqlite3.DatabaseError(result)
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def known(self) -> dict[str, tuple[int, int]]:
        """Return (size, modified) of all archives that were read, refused ones too, by name."""
        query = "SELECT fn, size, modified FROM {}"
        return {
            fn: (size, modified)
            for table in ("refused", "entries")
            for fn, size, modified in self._rows(query.format(table))
        }

    def forget(self, names: Iterable[str]) -> None:
        """Remove the entries of archives that no longer exist."""
        rows = [(name,) for name in names]
        with self._transaction():
            for table in ("entries", "refused"):
                self._database.executemany(f"DELETE FROM {table} WHERE fn = ?", rows)

    def save(self, found: Sequence[PackageEntry | Refusal]) -> None:
        """Save what was read of some archives, all of it or nothing."""
        entries = [each for each in found if isinstance(each, PackageEntry)]
        refused = [each for each in found if isinstance(each, Refusal)]
        with self._transaction():
            execute = self._database.executemany
            execute("DELETE FROM refused WHERE fn = ?", [(e.fn,) for e in entries])
            execute("DELETE FROM entries WHERE fn = ?", [(r.fn,) for r in refused])
            execute(f"INSERT OR REPLACE INTO entries VALUES ({_MARKS})", entries)
            execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?)", refused)

    def refusals(self) -> list[Refusal]:
        """Return the archives that cannot be indexed, sorted by name."""
        return [Refusal(*row) for row in self._rows("SELECT * FROM refused ORDER BY fn")]

    def entries(self) -> Iterator[PackageEntry]:
        """Yield all entries, sorted by file name."""
        query = f"SELECT {_COLUMNS} FROM entries ORDER BY fn"
        return (PackageEntry(*row) for row in self._rows(query))

    def records(self, names: Iterable[str]) -> dict[str, str]:
        """Return the records of some archives, as JSON, by SHA-256."""
        query = "SELECT sha256, record FROM entries WHERE fn = ?"
        return {key: record for name in names for key, record in self._rows(query, (name,))}

    def note(self, key: str) -> str:
        """Return a text that was saved for a key, or an empty one."""
        found = list(self._rows("SELECT value FROM notes WHERE key = ?", (key,)))
        return str(found[0][0]) if found else ""

    def save_notes(self, notes: Mapping[str, str]) -> None:
        """Save texts by key."""
        with self._transaction():
            self._database.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", notes.items())

    def _rows(self, query: str, values: tuple[str, ...] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._database.execute(query, values)
        except sqlite3.Error as error:
            raise self._failure(error) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._database.execute("BEGIN")
            yield
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def _failure(self, error: sqlite3.Error) -> FileError:
        if "full" in str(error):
            return file_error("write", self._path, OSError(errno.ENOSPC, str(error)))
        return FileError(
            "file-system",
            f"cannot use {self._path}: {error}",
            hint="remove that file, which is a cache, and run the command again",
        )
