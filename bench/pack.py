"""Packing and unpacking: minicon beside conda-pack, on one environment, at equal compression.

Whole processes in turns, medians. conda-pack is installed from PyPI into a directory of its own.
The environment has numpy, pandas and scipy, as wheels, in a copied python. Run it as
``./dev bench pack [--runs N] [--prefix ENVIRONMENT]``.

Unpacking is ``minicon unpack``, which checks each path, updates records and registers the
environment, beside ``tar xf`` and ``conda-unpack``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import compare, print_table

LEVEL = "4"


def install_conda_pack(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "-q", "conda-pack", "zstandard"]
    subprocess.run(pip, check=True)
    return folder / "bin" / "conda-pack"


def create_environment(root: Path) -> Path:
    command = [sys.executable, "-m", "minicon", "create", "-y", "-q", "-n", "data", "-c", "host"]
    subprocess.run([*command, "python", "pypi:numpy", "pypi:pandas", "pypi:scipy"], check=True)
    return root / "envs" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--prefix", type=Path)
    parser.add_argument("--conda-pack", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="minicon-bench-") as name:
        work = Path(name)
        os.environ.update(HOME=name, MINICON_ROOT=f"{name}/root")
        prefix = arguments.prefix or create_environment(work / "root")
        print(f"{sum(len(files) for _, _, files in os.walk(prefix))} files")
        conda_pack = arguments.conda_pack or install_conda_pack(work / "conda-pack")
        minicon = [sys.executable, "-m", "minicon"]
        for kind in ("tar.zst", "tar.gz"):
            ours, theirs = work / f"ours.{kind}", work / f"theirs.{kind}"
            options = ["-q", "-p", str(prefix), "-f", "--compress-level", LEVEL]
            commands = {
                "minicon": [*minicon, "pack", *options, "-o", str(ours)],
                "conda-pack": [str(conda_pack), *options, "-o", str(theirs)],
                "conda-pack -j -1": [str(conda_pack), *options, "-j", "-1", "-o", str(theirs)],
            }
            print_table(f"pack, {kind}, level {LEVEL}", compare(commands, runs=arguments.runs))
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
