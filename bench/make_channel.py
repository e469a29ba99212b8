"""Make a conda channel with real content: an interpreter of this machine and wheels.

An environment is made by minicon (its interpreter, wheels and bytecode), then each of its
packages is packed as conda-build would have: files as they lie in an environment, bytecode
included, the environment's path as placeholder.

    ./dev bench make_channel FOLDER [--python X.Y] [PROJECT...]

The projects' wheels come from the configured package index, once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from minicon.fs.hashing import sha256_of_file
from minicon.publish.channel_index import index_channel
from minicon.publish.conda_archive import write_conda_archive

PROJECTS = ("numpy", "pandas", "scipy")
SUBDIR = "linux-64"


def make_channel(channel: Path, python: str, projects: list[str]) -> int:
    """Fill CHANNEL; gives the number of files in its packages."""
    with tempfile.TemporaryDirectory(prefix="minicon-channel-") as name:
        root = Path(name)
        environ = {**os.environ, "MINICON_ROOT": str(root), "HOME": name}
        command = [sys.executable, "-m", "minicon", "create", "-y", "-q", "-n", "build"]
        subprocess.run([*command, f"python={python}", *projects], check=True, env=environ)
        prefix = root / "envs" / "build"
        records = [json.loads(p.read_bytes()) for p in (prefix / "conda-meta").glob("*.json")]
        names = {record["name"] for record in records}
        files = sum(pack(prefix, record, names, channel) for record in records)
    (channel / "noarch").mkdir(exist_ok=True)
    index_channel(channel)
    return files


def pack(prefix: Path, record: dict[str, Any], names: set[str], channel: Path) -> int:
    """Pack one package of an environment."""
    with tempfile.TemporaryDirectory(prefix="minicon-channel-") as name:
        folder = Path(name)
        entries = [
            copy(prefix, folder, entry)
            for entry in record["paths_data"]["paths"]
            if os.path.lexists(prefix / entry["_path"])
        ]
        index = {
            "name": record["name"],
            "version": record["version"],
            "build": "0",
            "build_number": 0,
            "subdir": SUBDIR,
            "depends": sorted({text.split()[0] for text in record["depends"]} & names),
        }
        info = folder / "info"
        info.mkdir()
        (info / "index.json").write_text(json.dumps(index))
        (info / "paths.json").write_text(json.dumps({"paths": entries, "paths_version": 1}))
        write_conda_archive(folder, channel / SUBDIR, f"{index['name']}-{index['version']}-0")
    return len(entries)


def copy(prefix: Path, folder: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """Link one file over; its line in the package's paths.json."""
    source, target = prefix / entry["_path"], folder / entry["_path"]
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target, follow_symlinks=False)
    line = {"_path": entry["_path"], "path_type": "hardlink"}
    if source.is_symlink():
        return {**line, "path_type": "softlink"}
    has_prefix = "prefix_placeholder" in entry or entry["path_type"] == "unix_python_entry_point"
    if has_prefix and str(prefix).encode() in source.read_bytes():
        line |= {"prefix_placeholder": str(prefix), "file_mode": entry.get("file_mode", "text")}
    return {**line, "sha256": sha256_of_file(source), "size_in_bytes": source.stat().st_size}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("channel", type=Path)
    parser.add_argument("projects", nargs="*", default=PROJECTS)
    parser.add_argument("--python", default="{}.{}".format(*sys.version_info))
    arguments = parser.parse_args()
    files = make_channel(arguments.channel, arguments.python, list(arguments.projects))
    print(f"{files} files in {arguments.channel}")


if __name__ == "__main__":
    main()
