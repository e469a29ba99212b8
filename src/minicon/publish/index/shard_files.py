"""Write sharded repodata (CEP 16): one file per name, and ``repodata_shards.msgpack.zst``.

The shards of names that did not change are not made again: the state file has, per name, the hash
of its entries' texts and of its shard.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections import defaultdict

from minicon.constants import SHARDS_INDEX
from minicon.fs import operations
from minicon.publish.index.subdir_index import SECTIONS
from minicon.repodata.shards.shard_format import (
    make_shard,
    make_shards_index,
    shard_name,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.publish.index.subdir_index import SubdirIndex
    from minicon.publish.reading.package_entry import PackageEntry

FOLDER = "shards"
#: Seconds to keep shards that no index lists, for clients with an older index (CEP 16).
_OLD_SHARDS_KEPT = 7 * 86_400.0


def write_shards(folder: Path, index: SubdirIndex, known: Mapping[str, str]) -> dict[str, str]:
    """Write the shards of a subdir and then their index.

    Args:
        folder: The subdir's directory.
        index: Its records.
        known: Hash of entries → hash of the shard made of them, as returned before.

    Returns:
        The same, now.
    """
    operations.make_directory(folder / FOLDER)
    present = {path.name for path in (folder / FOLDER).iterdir()}
    made: dict[str, str] = {}
    hashes: dict[str, bytes] = {}
    removed_names: defaultdict[str, list[str]] = defaultdict(list)
    for fn in index.removed:
        removed_names[fn.rsplit("-", 2)[0]].append(fn)
    entries = sorted(index.entries, key=lambda entry: entry.name)
    for name, group in itertools.groupby(entries, key=lambda entry: entry.name):
        entries_of_name = list(group)
        removed = removed_names[name]
        content = _hash_of(entries_of_name, removed)
        digest = known.get(content)
        if digest is None or f"{digest}.msgpack.zst" not in present:
            shard = _shard(entries_of_name, removed)
            binary, file_name = shard_name(shard)
            digest = binary.hex()
            if file_name not in present:
                operations.replace_file(folder / FOLDER / file_name, shard, durable=False)
        made[content] = digest
        hashes[name] = bytes.fromhex(digest)
    info = {"base_url": "", "shards_base_url": f"./{FOLDER}/", **index.info}
    operations.replace_file(folder / SHARDS_INDEX, make_shards_index(info, hashes))
    _remove_old_shards(folder / FOLDER, {f"{digest}.msgpack.zst" for digest in made.values()})
    return made


def _hash_of(entries: Sequence[PackageEntry], removed: Sequence[str]) -> str:
    digest = hashlib.sha256(repr(removed).encode())
    for entry in entries:
        digest.update(f"{entry.section}\0{entry.key}\0{entry.record}\0{entry.run_exports}".encode())
    return digest.hexdigest()


def _shard(entries: Iterable[PackageEntry], removed: Sequence[str]) -> bytes:
    sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for entry in sorted(entries, key=lambda entry: entry.key):
        record = {**json.loads(entry.record), **json.loads(entry.run_exports)}
        sections.setdefault(entry.section, {})[entry.key] = record
    return make_shard(sections, removed)


def _remove_old_shards(folder: Path, used: set[str]) -> None:
    limit = time.time() - _OLD_SHARDS_KEPT
    for path in folder.glob("*.msgpack.zst"):
        if path.name not in used and path.stat().st_mtime < limit:
            operations.remove_file(path)
