"""index_channel: write the index files of a directory of packages, which makes it a channel.

::

    DIR/linux-64/*.conda, *.tar.bz2          (read: info/index.json, hashes, size)
        ├── repodata.json, repodata.json.zst
        ├── repodata_shards.msgpack.zst, shards/<sha256>.msgpack.zst      (CEP 16, on request)
        ├── run_exports.json                                              (CEP 12)
        └── .cache/minicon-index.json         the entries read, with size and time of each file

Files are replaced atomically. ``noarch`` is always written: every channel has it (CEP 26).
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from pathlib import Path

from minicon.constants import PACKAGE_EXTENSIONS, REPODATA, TARBALL_EXTENSION
from minicon.errors import MiniconError
from minicon.fs import operations
from minicon.fs.lock import locked
from minicon.lean_dataclasses import dataclass, field
from minicon.models.strict_json import read_json
from minicon.models.subdir import KNOWN_SUBDIRS, NOARCH, check_subdir
from minicon.net.parallel import run_parallel
from minicon.publish.package_entry import PackageEntry, read_entry
from minicon.repodata.shards.shard_format import (
    SHARDS_INDEX,
    make_shard,
    make_shards_index,
    shard_name,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

_CACHE = Path(".cache") / "minicon-index.json"
_SHARDS = "shards"
#: Seconds to keep shards that no index lists, for clients with an older index (CEP 16).
_OLD_SHARDS_KEPT = 7 * 86_400.0
_ZSTD_LEVEL = 10


@dataclass(frozen=True, slots=True)
class ChannelSummary:
    """Result of :func:`index_channel`.

    Attributes:
        counts: Packages per subdir.
        errors: (path, message) of the files that are not indexed.
        reused: Number of packages that are unchanged since the last run, and were not read.
    """

    counts: Mapping[str, int]
    errors: tuple[tuple[Path, str], ...] = field(default=())
    reused: int = 0


def index_channel(
    directory: Path | str,
    *,
    subdirs: Sequence[str] | None = None,
    write_zst: bool = True,
    write_shards: bool = False,
    workers: int | None = None,
) -> ChannelSummary:
    """Write the index files of a directory of packages.

    Args:
        directory: Contains ``noarch/``, ``linux-64/`` …; created if missing.
        subdirs: Only these and ``noarch``; None is all that exist.
        write_zst: Whether to write ``repodata.json.zst`` too.
        write_shards: Whether to write sharded repodata too.
        workers: Number of packages read at once; None is the number of processors.

    Raises:
        FileError: The directory cannot be read or written.
        SpecError: ``invalid-subdir``.
    """
    folder = Path(directory)
    with locked(folder / ".cache" / "minicon-index.lock", timeout=60):
        names = _subdirs_of(folder) if subdirs is None else map(check_subdir, subdirs)
        counts: dict[str, int] = {}
        errors = [(path, _misplaced(path)) for path in _packages_in(folder)]
        reused = 0
        for name in sorted({*names, NOARCH}):
            subdir = _SubdirIndexer(folder / name, workers or os.cpu_count() or 1)
            entries = subdir.entries()
            _write_index_files(folder / name, entries, zst=write_zst, shards=write_shards)
            counts[name] = len(entries)
            errors += subdir.errors
            reused += subdir.reused
    return ChannelSummary(counts, tuple(errors), reused)


def _subdirs_of(folder: Path) -> list[str]:
    found = (path for path in folder.iterdir() if path.is_dir())
    return [p.name for p in found if p.name in KNOWN_SUBDIRS or any(_packages_in(p))]


def _packages_in(folder: Path) -> list[Path]:
    with operations.describing("read", folder):
        paths = [Path(entry.path) for entry in os.scandir(folder) if entry.is_file()]
    return sorted(path for path in paths if path.name.endswith(PACKAGE_EXTENSIONS))


def _misplaced(path: Path) -> str:
    return f"{path.name} is not in a subdir such as {path.parent.name}/linux-64"


class _SubdirIndexer:
    """Reads the packages of one subdir that changed since the last run.

    Attributes:
        errors: (path, message) of the packages that cannot be indexed.
        reused: Number of packages that are unchanged.
    """

    def __init__(self, folder: Path, workers: int) -> None:
        self._folder = folder
        self._workers = workers
        self._lock = threading.Lock()
        self.errors: list[tuple[Path, str]] = []
        self.reused = 0

    def entries(self) -> dict[str, PackageEntry]:
        """Return all readable packages by file name, sorted."""
        with operations.describing("write", self._folder):
            operations.make_directory(self._folder)
        known = _load_cache(self._folder / _CACHE, self._folder.name)
        paths = _packages_in(self._folder)
        found = run_parallel(
            lambda path, _: self._entry(path, known.get(path.name)), paths, workers=self._workers
        )
        entries = {entry.fn: entry for entry in found if entry is not None}
        self.errors.sort()
        _save_cache(self._folder / _CACHE, entries.values())
        return entries

    def _entry(self, path: Path, known: PackageEntry | None) -> PackageEntry | None:
        try:
            if known is not None and known.is_current(path):
                with self._lock:
                    self.reused += 1
                return known
            return read_entry(path, self._folder.name)
        except (MiniconError, OSError) as error:
            message = error.message if isinstance(error, MiniconError) else str(error)
            with self._lock:
                self.errors.append((path, message))
            return None


def _load_cache(path: Path, subdir: str) -> dict[str, PackageEntry]:
    try:
        data = read_json(path.read_bytes())
        entries = [PackageEntry.from_json(each, subdir) for each in data["entries"]]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {entry.fn: entry for entry in entries}


def _save_cache(path: Path, entries: Iterable[PackageEntry]) -> None:
    with operations.describing("write", path):
        operations.make_directory(path.parent)
        _write(path, {"entries": [entry.to_json() for entry in entries]})


def _write_index_files(
    folder: Path, entries: Mapping[str, PackageEntry], *, zst: bool, shards: bool
) -> None:
    """Write all files of a subdir; ``repodata.json`` last, since clients check it first."""
    sections = _sections(entries, lambda entry: entry.record)
    exports = _sections(entries, lambda entry: {"run_exports": entry.run_exports})
    info = {"subdir": folder.name}
    repodata = {"info": info, **sections, "removed": [], "repodata_version": 1}
    with operations.describing("write", folder):
        _write(folder / "run_exports.json", {"info": {**info, "version": 1}, **exports})
        if shards:
            _write_shards(folder, sections)
        else:
            _remove(folder / SHARDS_INDEX)  # it would hide the new index from clients
        text = _dump(repodata)
        if zst:
            operations.replace_file(folder / f"{REPODATA}.zst", _compressed(text))
        else:
            _remove(folder / f"{REPODATA}.zst")
        operations.replace_file(folder / REPODATA, text)


def _sections(entries: Mapping[str, PackageEntry], value: Any) -> dict[str, dict[str, Any]]:
    sections: dict[str, dict[str, Any]] = {"packages": {}, "packages.conda": {}}
    for fn, entry in sorted(entries.items()):
        name = "packages" if fn.endswith(TARBALL_EXTENSION) else "packages.conda"
        sections[name][fn] = value(entry)
    return sections


def _write_shards(folder: Path, sections: Mapping[str, Mapping[str, Any]]) -> None:
    by_name: dict[str, dict[str, dict[str, Any]]] = {}
    for section, records in sections.items():
        for fn, record in records.items():
            empty: dict[str, dict[str, Any]] = {"packages": {}, "packages.conda": {}}
            by_name.setdefault(record["name"], empty)[section][fn] = record
    operations.make_directory(folder / _SHARDS)
    hashes: dict[str, bytes] = {}
    used = set()
    for name, parts in sorted(by_name.items()):
        shard = make_shard(parts["packages"], parts["packages.conda"])
        hashes[name], file_name = shard_name(shard)
        used.add(file_name)
        if not (folder / _SHARDS / file_name).exists():
            operations.replace_file(folder / _SHARDS / file_name, shard, durable=False)
    index = make_shards_index(folder.name, hashes, f"./{_SHARDS}/")
    operations.replace_file(folder / SHARDS_INDEX, index)
    _remove_old_shards(folder / _SHARDS, used)


def _remove_old_shards(folder: Path, used: set[str]) -> None:
    limit = time.time() - _OLD_SHARDS_KEPT
    for path in folder.glob("*.msgpack.zst"):
        if path.name not in used and path.stat().st_mtime < limit:
            _remove(path)


def _dump(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _write(path: Path, value: Any) -> None:
    operations.replace_file(path, _dump(value))


def _compressed(text: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(text)


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        operations.remove_file(path)
