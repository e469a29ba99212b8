"""Environments, channels and files of any size, for measuring how costs grow."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from minicon.publish.channel_index import index_channel
from minicon.publish.conda_archive import write_conda_archive

SUBDIR = "linux-64"


def environment_of(prefix: Path, size: int, *, requested: bool = False) -> Path:
    """Make an environment of a python and a chain of so many noarch packages, a file in each."""
    meta = prefix / "conda-meta"
    site = prefix / "lib/python3.11/site-packages"
    meta.mkdir(parents=True)
    site.mkdir(parents=True)
    _install(prefix, "python", "3.11.0", "bin/python3.11", "bin/python3.11", subdir=SUBDIR)
    for number in range(size):
        name, depends = f"p{number}", [f"p{number - 1}"] if number else []
        files = f"lib/python3.11/site-packages/{name}.py", f"site-packages/{name}.py"
        _install(prefix, name, "1.0", *files, depends=depends, noarch="python")
    names = [f"p{number}" for number in range(size)] if requested else [f"p{size - 1}"]
    specs = ", ".join(f"'{name}'" for name in names)
    history = f"==> 2026-01-01 00:00:00 <==\n# cmd: minicon create\n# update specs: [{specs}]\n"
    (meta / "history").write_text(history)
    return prefix


def _install(
    prefix: Path, name: str, version: str, path: str, recorded: str, **fields: Any
) -> None:
    file = prefix / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(name)
    entry = {
        "_path": recorded,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "size_in_bytes": len(name),
    }
    record = {
        **_record(name, version, **fields),
        "files": [path],
        "paths_data": {"paths": [entry], "paths_version": 1},
    }
    (prefix / f"conda-meta/{name}-{version}-0.json").write_text(json.dumps(record))


def _record(name: str, version: str, *, subdir: str = "noarch", **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "build": "0",
        "build_number": 0,
        "depends": [],
        "subdir": subdir,
        "channel": "https://channel.test/main",
        "url": f"https://channel.test/main/{subdir}/{name}-{version}-0.conda",
        "fn": f"{name}-{version}-0.conda",
        "sha256": "0" * 64,
        "size": 1,
        "timestamp": 1_700_000_000_000,
        **fields,
    }


def channel_of(folder: Path, size: int, *, chain: bool = False, versions: bool = False) -> Path:
    """Make a channel without archives.

    Args:
        folder: Its directory.
        size: Number of records.
        chain: Each package depends on the one before.
        versions: Two packages of ``size`` versions, the first of which needs the same of the other.
    """
    records = []
    for number in range(size):
        if versions:
            records.append(_record("p", f"1.{number}", depends=[f"q 1.{number}"]))
            records.append(_record("q", f"1.{number}"))
        else:
            depends = [f"p{number - 1}"] if chain and number else []
            records.append(_record(f"p{number}", "1.0", depends=depends))
    for subdir in ("noarch", SUBDIR):
        kept = {each["fn"]: _in_repodata(each) for each in records if subdir == "noarch"}
        data = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": kept}
        (folder / subdir).mkdir(parents=True)
        (folder / subdir / "repodata.json").write_text(json.dumps(data))
    return folder


def _in_repodata(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in ("channel", "url", "fn")}


def environment_file(file: Path, channel: Path, size: int) -> Path:
    """Write an environment file that requests so many packages of a channel."""
    lines = [f"channels: ['{channel}', nodefaults]", "dependencies:"]
    file.write_text("\n".join([*lines, *(f"- p{number}" for number in range(size))]))
    return file


def package_of(channel: Path, size: int) -> Path:
    """Make a channel with one package ``big`` of so many small files."""
    folder = channel / "big"
    for number in range(size):
        file = folder / f"share/big/{number // 100}/{number}.txt"
        if number % 100 == 0:
            file.parent.mkdir(parents=True)
        file.write_text(f"{number}\n")
    (folder / "info").mkdir()
    index = {
        key: value
        for key, value in _record("big", "1.0").items()
        if key in ("name", "version", "build", "build_number", "depends", "subdir", "timestamp")
    }
    (folder / "info/index.json").write_text(json.dumps(index))
    paths = []
    for parent, _, names in os.walk(folder / "share"):
        for name in names:
            path = Path(parent, name)
            paths.append(
                {
                    "_path": path.relative_to(folder).as_posix(),
                    "path_type": "hardlink",
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                    "size_in_bytes": path.stat().st_size,
                }
            )
    (folder / "info/paths.json").write_text(json.dumps({"paths": paths, "paths_version": 1}))
    write_conda_archive(folder, channel / "noarch", "big-1.0-0")
    index_channel(channel)
    return channel
