"""ChannelBuilder: small channels on disk from short descriptions of their records.

::

    builder = ChannelBuilder(tmp_path / "channel")
    builder.add("numpy-1.26.4-py311_0", depends=["python >=3.11,<3.12.0a0", "libblas"])
    builder.add("six-1.16.0-pyh_0", subdir="noarch", noarch="python")
    builder.write(zst=True, shards=True)
    builder.url   # file:///…/channel

Such records have no package files unless ``archive=`` is given. This is independent of minicon's
index code, so that each tests the other.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def make_record(dist: str, *, subdir: str = "linux-64", **fields: Any) -> tuple[str, dict]:
    """(file name, record) of ``name-version-build[.conda|.tar.bz2]``; hashes are invented."""
    extension = ".conda"
    for candidate in (".conda", ".tar.bz2"):
        if dist.endswith(candidate):
            dist, extension = dist.removesuffix(candidate), candidate
    name, version, build = dist.rsplit("-", 2)
    number = build.rpartition("_")[2]
    record = {
        "build": build,
        "build_number": int(number) if number.isdigit() else 0,
        "depends": [],
        "md5": hashlib.md5(dist.encode()).hexdigest(),
        "name": name,
        "sha256": hashlib.sha256(dist.encode()).hexdigest(),
        "size": 1000 + len(dist),
        "subdir": subdir,
        "timestamp": 1_700_000_000_000,
        "version": version,
        **fields,
    }
    record = {key: value for key, value in record.items() if value is not None}
    return dist + extension, record


class ChannelBuilder:
    """A channel in preparation.

    Attributes:
        directory: Its directory.
        info: Extra keys for the ``info`` object of every subdir (``base_url`` …).
    """

    def __init__(self, directory: Path | str, **info: Any) -> None:
        self.directory = Path(directory)
        self.info = info
        self._subdirs: dict[str, dict[str, Any]] = {}
        self.subdir("noarch")

    @property
    def url(self) -> str:
        """``file://`` URL without a trailing slash."""
        return self.directory.absolute().as_uri()

    def subdir(self, name: str) -> dict[str, Any]:
        """Return the repodata of a subdir, created if missing; tests may edit it."""
        return self._subdirs.setdefault(
            name,
            {
                "info": {"subdir": name, **self.info},
                "packages": {},
                "packages.conda": {},
                "removed": [],
                "repodata_version": 2 if "base_url" in self.info else 1,
            },
        )

    def add(
        self,
        dist: str,
        *,
        subdir: str = "linux-64",
        depends: list[str] | tuple[str, ...] = (),
        archive: bytes | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Add one record; with ``archive`` also the package file that it describes."""
        fn, record = make_record(dist, subdir=subdir, depends=list(depends), **fields)
        if archive is not None:
            record["size"] = len(archive)
            record["sha256"] = hashlib.sha256(archive).hexdigest()
            record["md5"] = hashlib.md5(archive).hexdigest()
            path = self.directory / subdir / fn
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive)
        section = "packages.conda" if fn.endswith(".conda") else "packages"
        self.subdir(subdir)[section][fn] = record
        return record

    def add_all(self, *dists: str, subdir: str = "linux-64") -> ChannelBuilder:
        """Add records without dependencies."""
        for dist in dists:
            self.add(dist, subdir=subdir)
        return self

    def remove(self, fn: str, subdir: str = "linux-64") -> None:
        """List a file as removed."""
        self.subdir(subdir)["removed"].append(fn)

    def write(
        self,
        *,
        json_file: bool = True,
        zst: bool = False,
        shards: bool = False,
        indent: int | None = None,
    ) -> ChannelBuilder:
        """Write the index files of all subdirs in the requested formats."""
        for name, repodata in self._subdirs.items():
            folder = self.directory / name
            folder.mkdir(parents=True, exist_ok=True)
            text = dump(repodata, indent)
            if json_file:
                (folder / "repodata.json").write_bytes(text)
            if zst:
                (folder / "repodata.json.zst").write_bytes(compress(text))
            if shards:
                write_shards(folder, repodata)
        return self


def dump(repodata: dict[str, Any], indent: int | None = None) -> bytes:
    """Return JSON as conda-index writes it: sorted, compact."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(repodata, sort_keys=True, indent=indent, separators=separators).encode()


def compress(data: bytes, level: int = 3) -> bytes:
    """Return a Zstandard frame with its content size."""
    import zstandard

    return zstandard.ZstdCompressor(level=level).compress(data)


def pack_record(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as in shards: hashes as bytes (CEP 16)."""
    packed = dict(record)
    for key in ("md5", "sha256"):
        if isinstance(packed.get(key), str):
            packed[key] = bytes.fromhex(packed[key])
    return packed


def shards_of(repodata: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the shard of each package name."""
    shards: dict[str, dict[str, Any]] = {}
    for section in ("packages", "packages.conda"):
        for fn, record in repodata[section].items():
            empty = {"packages": {}, "packages.conda": {}, "removed": []}
            shards.setdefault(record["name"], empty)[section][fn] = pack_record(record)
    for fn in repodata["removed"]:
        name = fn.rsplit("-", 2)[0]
        if name in shards:
            shards[name]["removed"].append(fn)
    return shards


def write_shards(folder: Path, repodata: dict[str, Any], where: str = "shards/") -> None:
    """Write repodata_shards.msgpack.zst and one file per name (CEP 16)."""
    import msgpack

    target = folder / where
    target.mkdir(parents=True, exist_ok=True)
    hashes = {}
    for name, shard in shards_of(repodata).items():
        body = compress(msgpack.packb(shard))
        digest = hashlib.sha256(body)
        hashes[name] = digest.digest()
        (target / f"{digest.hexdigest()}.msgpack.zst").write_bytes(body)
    info = {"base_url": "", "shards_base_url": f"./{where}", **repodata["info"]}
    index = {"version": 1, "info": info, "shards": hashes}
    (folder / "repodata_shards.msgpack.zst").write_bytes(compress(msgpack.packb(index)))
