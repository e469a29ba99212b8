"""Make a channel of any size out of real records.

    python bench/repodata_generate.py SOURCE_SUBDIR... --out DIR --records 1000000 [--shards]

SOURCE_SUBDIR are folders with a real ``repodata.json`` (one per subdir that is wanted). Copy 0
is the real thing, so that solves mean something; in copy N every name, and every dependency on
a name of the subdir, gets the suffix ``-xN``, so that proportions (versions per name, builds per
version, dependencies per build) stay real. Hashes differ between copies, as they would.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from pathlib import Path

import zstandard

_NAME = re.compile(r"[A-Za-z0-9_.\-]+")
SECTIONS = ("packages", "packages.conda")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--shards", action="store_true")
    arguments = parser.parse_args()
    documents = [json.loads((path / "repodata.json").read_bytes()) for path in arguments.sources]
    real = sum(len(document[section]) for document in documents for section in SECTIONS)
    copies = max(1, round(arguments.records / real))
    for path, document in zip(arguments.sources, documents, strict=True):
        write_subdir(arguments.out / path.name, path.name, document, copies, arguments.shards)


def write_subdir(folder: Path, subdir: str, document: dict, copies: int, shards: bool) -> None:
    names = {r["name"] for section in SECTIONS for r in document[section].values()}
    sections = {
        section: dict(
            sorted(
                copied(fn, record, number, names)
                for number in range(copies)
                for fn, record in document[section].items()
            )
        )
        for section in SECTIONS
    }
    folder.mkdir(parents=True, exist_ok=True)
    repodata = {"info": {"subdir": subdir}, **sections, "removed": [], "repodata_version": 1}
    text = json.dumps(repodata, sort_keys=True, separators=(",", ":")).encode()
    (folder / "repodata.json").write_bytes(text)
    packed = zstandard.ZstdCompressor(level=6, threads=-1).compress(text)
    (folder / "repodata.json.zst").write_bytes(packed)
    count = sum(map(len, sections.values()))
    print(f"{subdir}: {count} records, {len(text) / 1e6:.0f} MB, zst {len(packed) / 1e6:.0f} MB")
    if shards:
        write_shards(folder, subdir, sections)


def copied(fn: str, record: dict, number: int, names: set[str]) -> tuple[str, dict]:
    if number == 0:
        return fn, record
    name = f"{record['name']}-x{number}"
    new = dict(record)
    new["name"] = name
    for key in ("md5", "sha256"):
        if key in new:
            new[key] = hashlib.new(key, f"{number}{new[key]}".encode()).hexdigest()
    for key in ("depends", "constrains"):
        if key in new:
            new[key] = [renamed(spec, number, names) for spec in new[key]]
    return name + fn[len(record["name"]) :], new


def renamed(spec: str, number: int, names: set[str]) -> str:
    found = _NAME.match(spec)
    if found is None or found.group() not in names:
        return spec
    return f"{found.group()}-x{number}{spec[found.end() :]}"


def write_shards(folder: Path, subdir: str, sections: dict[str, dict]) -> None:
    from minicon.repodata.shards.shard_format import make_shard, make_shards_index, shard_name

    by_name: dict[str, dict[str, dict]] = {}
    for section, records in sections.items():
        for fn, record in records.items():
            parts = by_name.setdefault(record["name"], {name: {} for name in SECTIONS})
            parts[section][fn] = record
    (folder / "shards").mkdir(exist_ok=True)
    hashes = {}
    for name, parts in by_name.items():
        shard = make_shard(parts)
        hashes[name], file_name = shard_name(shard)
        (folder / "shards" / file_name).write_bytes(shard)
    index = make_shards_index(
        {"subdir": subdir, "base_url": "", "shards_base_url": "./shards/"}, hashes
    )
    (folder / "repodata_shards.msgpack.zst").write_bytes(index)
    print(f"{subdir}: {len(hashes)} shards, index {len(index) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
