"""Packing and unpacking: minicon beside conda-pack, on one environment, at equal compression.

Whole processes in turns, medians. conda-pack is installed from PyPI into a directory of its own.
The environment has numpy, pandas and scipy, as wheels, in a copied python. Run it as
``./dev bench pack [--runs N] [--prefix ENVIRONMENT]``. conda-pack's ``.tar.zst`` always has level
9, which is as small as minicon's level 8; minicon's default is measured, too.

``./dev bench pack --size GIB`` packs and unpacks a generated environment of 100,000 files once,
and shows the memory it takes.

Unpacking is ``minicon unpack``, which checks each path, updates records and registers the
environment, beside ``tar xf`` and ``conda-unpack``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import compare, print_table

FILES, FILES_PER_FOLDER = 100_000, 100


def install_conda_pack(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "-q", "conda-pack", "zstandard"]
    subprocess.run(pip, check=True)
    return folder / "bin" / "conda-pack"


def create_environment(root: Path) -> Path:
    command = [sys.executable, "-m", "minicon", "create", "-y", "-q", "-n", "data", "-c", "host"]
    subprocess.run([*command, "python", "pypi:numpy", "pypi:pandas", "pypi:scipy"], check=True)
    return root / "envs" / "data"


def generate_environment(prefix: Path, size: int) -> Path:
    """Create an environment of one package with 100,000 files of random bytes."""
    length = size // FILES
    source = os.urandom((64 << 20) + length)
    entries = []
    for number in range(FILES):
        path = f"share/{number // FILES_PER_FOLDER}/{number}.bin"
        if number % FILES_PER_FOLDER == 0:
            (prefix / path).parent.mkdir(parents=True)
        start = number * 10_007 % (64 << 20)
        data = source[start : start + length]
        (prefix / path).write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        entries.append({"_path": path, "path_type": "hardlink", "sha256": sha256,
                        "size_in_bytes": length})  # fmt: skip
    meta = prefix / "conda-meta"
    meta.mkdir()
    (meta / "history").write_text("==> 2026-01-01 00:00:00 <==\n+x/linux-64::data-1.0-0\n")
    record = {"name": "data", "version": "1.0", "build": "0", "build_number": 0, "depends": [],
              "channel": "x", "subdir": "linux-64", "fn": "data-1.0-0.conda", "url": "",
              "files": [entry["_path"] for entry in entries],
              "paths_data": {"paths_version": 1, "paths": entries}}  # fmt: skip
    (meta / "data-1.0-0.json").write_text(json.dumps(record))
    return prefix


def measure_size(work: Path, size: int) -> None:
    prefix = generate_environment(work / "large", size)
    minicon = [sys.executable, "-m", "minicon"]
    for kind in ("tar.zst", "tar.gz"):
        output, target = work / f"large.{kind}", work / "target"
        steps = {
            "pack": [*minicon, "pack", "-q", "-p", str(prefix), "-o", str(output)],
            "unpack": [*minicon, "unpack", "-q", str(output), str(target)],
        }
        print_table(f"{size / 2**30:.1f} GiB, {kind}", compare(steps, runs=1, warm_up=False))
        print(f"MiB: {output.stat().st_size / 2**20:.0f}")
        output.unlink()
        subprocess.run(["rm", "-rf", str(target)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--prefix", type=Path)
    parser.add_argument("--conda-pack", type=Path)
    parser.add_argument("--size", type=float, help="of a generated environment, in GiB")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="minicon-bench-") as name:
        work = Path(name)
        os.environ.update(HOME=name, MINICON_ROOT=f"{name}/root")
        if arguments.size:
            measure_size(work, int(arguments.size * 2**30))
            return
        prefix = arguments.prefix or create_environment(work / "root")
        print(f"{sum(len(files) for _, _, files in os.walk(prefix))} files")
        conda_pack = arguments.conda_pack or install_conda_pack(work / "conda-pack")
        minicon = [sys.executable, "-m", "minicon"]
        for kind in ("tar.zst", "tar.gz"):
            ours, theirs = work / f"ours.{kind}", work / f"theirs.{kind}"
            options = ["-q", "-p", str(prefix), "-f"]
            level = ["--compress-level", "8" if kind == "tar.zst" else "4"]
            commands = {
                "minicon": [*minicon, "pack", *options, *level, "-o", str(ours)],
                "minicon, default": [*minicon, "pack", *options, "-o", f"{work}/default.{kind}"],
                "conda-pack": [str(conda_pack), *options, "-o", str(theirs)],
                "conda-pack -j -1": [str(conda_pack), *options, "-j", "-1", "-o", str(theirs)],
            }
            print_table(f"pack, {kind}", compare(commands, runs=arguments.runs))
            print(f"MiB: minicon {ours.stat().st_size / 2**20:.1f}, ", end="")
            print(f"conda-pack {theirs.stat().st_size / 2**20:.1f}")
            target = work / "target"
            by_tar = f"mkdir {target} && tar xf {theirs} -C {target} && {target}/bin/python"
            by_tar += f" {target}/bin/conda-unpack"
            commands = {
                "minicon unpack": [*minicon, "unpack", "-q", str(ours), str(target)],
                "minicon, of conda-pack": [
                    *minicon,
                    "unpack",
                    "-q",
                    str(theirs),
                    str(target),
                ],
                "tar and conda-unpack": ["sh", "-c", by_tar],
            }
            clean = {key: ["rm", "-rf", str(target)] for key in commands}
            measured = compare(commands, runs=arguments.runs, before=clean)
            print_table(f"unpack, {kind}", measured)


if __name__ == "__main__":
    main()
