"""Write the index files of a subdir, each replaced as a whole, ``repodata.json`` last.

::

    SubdirIndex ─┬─► shards/, repodata_shards.msgpack.zst   (CEP 16, on request)
                 ├─► run_exports.json                       (CEP 12)
                 ├─► current_repodata.json
                 ├─► index.html
                 └─► repodata.json.zst, repodata.json       clients check this one first
"""

from __future__ import annotations

import contextlib
import json
from typing import NamedTuple

from minicon.constants import CONDA_EXTENSION, REPODATA, SHARDS_INDEX, TARBALL_EXTENSION
from minicon.fs import operations
from minicon.publish.index.current_repodata import current_names
from minicon.publish.index.pages import subdir_page
from minicon.publish.index.shard_files import write_shards
from minicon.publish.reading.package_entry import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from minicon.publish.index.subdir_index import SubdirIndex
    from minicon.publish.reading.package_entry import PackageEntry

CURRENT = "current_repodata.json"
RUN_EXPORTS = "run_exports.json"
UNPATCHED = "repodata_from_packages.json"
PAGE = "index.html"
COMPRESSED = f"{REPODATA}.zst"
#: All files of a subdir but shards, in the order in which they are written.
INDEX_FILES = (RUN_EXPORTS, CURRENT, PAGE, UNPATCHED, COMPRESSED, SHARDS_INDEX, REPODATA)
_ZSTD_LEVEL = 10


class Formats(NamedTuple):
    """The files to write beside ``repodata.json``.

    Attributes:
        channel: Name of the channel, for pages.
        zst: Whether to write ``repodata.json.zst``.
        shards: Whether to write sharded repodata.
        current: Further versions in ``current_repodata.json``, by package name.
    """

    channel: str
    zst: bool = True
    shards: bool = False
    current: Mapping[str, Sequence[str]] = {}


def write_subdir(
    folder: Path,
    index: SubdirIndex,
    unpatched: SubdirIndex,
    formats: Formats,
    known_shards: Mapping[str, str],
) -> dict[str, str]:
    """Write all files of a subdir; those of formats that are not written are removed.

    Args:
        folder: The subdir's directory.
        index: Its records.
        unpatched: Its records before patches.
        formats: What to write.
        known_shards: See :func:`.write_shards`.

    Returns:
        The result of :func:`.write_shards`.

    Raises:
        FileError: A file cannot be written.
    """
    with operations.describing("write", folder):
        shards: dict[str, str] = {}
        if formats.shards:
            shards = write_shards(folder, index, known_shards)
        else:
            remove(folder / SHARDS_INDEX)  # it would hide the new index from clients
        write_text(folder / RUN_EXPORTS, unpatched.run_exports())
        write_text(folder / CURRENT, _current(index, formats).repodata())
        write_text(folder / PAGE, subdir_page(formats.channel, index))
        if index is unpatched:
            remove(folder / UNPATCHED)
        else:
            write_text(folder / UNPATCHED, unpatched.repodata())
        text = index.repodata().encode()
        if not formats.zst:
            remove(folder / COMPRESSED)
        elif not _has(folder / REPODATA, text) or not (folder / COMPRESSED).exists():
            operations.replace_file(folder / COMPRESSED, _compressed(text))
        _write(folder / REPODATA, text)
    return shards


def written_files(folder: Path) -> list[str]:
    """Describe the files that the index consists of: one that changes is written again."""
    found = []
    for name in INDEX_FILES:
        with contextlib.suppress(FileNotFoundError):
            facts = (folder / name).stat()
            found.append(f"{name} {facts.st_size} {facts.st_mtime_ns}")
    return found


def write_text(path: Path, text: str) -> None:
    """Replace a file unless it has that content, so that caches of readers stay valid."""
    _write(path, text.encode())


def remove(path: Path) -> None:
    """Remove a file if it exists."""
    with contextlib.suppress(FileNotFoundError):
        operations.remove_file(path)


def _write(path: Path, data: bytes) -> None:
    if not _has(path, data):
        operations.replace_file(path, data)


def _has(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return False


def _current(index: SubdirIndex, formats: Formats) -> SubdirIndex:
    """The index for older clients, which know a ``.conda`` by the hash of its ``.tar.bz2`` too."""
    tarballs = {e.fn: e.md5 for e in index.entries if e.fn.endswith(TARBALL_EXTENSION)}
    limited = index.limited_to(current_names(index, formats.current))

    def with_hash(entry: PackageEntry) -> PackageEntry:
        md5 = tarballs.get(entry.fn.removesuffix(CONDA_EXTENSION) + TARBALL_EXTENSION)
        if md5 is None or entry.section != "packages.conda":
            return entry
        return entry._replace(record=dump({**json.loads(entry.record), "legacy_bz2_md5": md5}))

    return limited._replace(entries=[with_hash(entry) for entry in limited.entries])


def _compressed(text: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(text)
