"""Unpack wheels as minicon does (every check and hash) and as zipfile.extractall does (none).

    ./dev bench pypi_unpack WHEEL...

Without arguments, wheels of a few large projects are downloaded by pip first. Wall and CPU
seconds, best of three, page cache warm.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from minicon.fs.hashing import sha256_of_file
from minicon.models.records import RepodataRecord
from minicon.package.prepare.wheel import prepare_wheel
from minicon.pypi.wheels.filenames import parse_version, split_wheel_name

sys.path.insert(0, str(Path(__file__).parent))
from measure import Measured, record

PROJECTS = ("numpy", "pandas", "scipy", "sympy")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        wheels = [Path(argument) for argument in sys.argv[1:]] or download(Path(folder) / "wheels")
        records = [record_of(wheel) for wheel in wheels]
        size = sum(wheel.stat().st_size for wheel in wheels)
        print(f"{len(wheels)} wheels, {size / 1e6:.0f} MB")

        def ours(target: Path) -> None:
            for wheel, record in zip(wheels, records, strict=True):
                (target / wheel.name).mkdir()
                prepare_wheel(wheel, record, target / wheel.name)

        def plain(target: Path) -> None:
            for wheel in wheels:
                with zipfile.ZipFile(wheel) as archive:
                    archive.extractall(target / wheel.name)

        for name, function in (("prepare_wheel", ours), ("zipfile.extractall", plain)):
            runs = [timed(function, Path(folder) / "out") for _ in range(3)]
            record("unpack wheels", [Measured.of(name, [each[:2] for each in runs])])
            wall, cpu, files = min(r[0] for r in runs), min(r[1] for r in runs), runs[0][2]
            print(f"{name:20} wall {wall:6.2f} s   cpu {cpu:6.2f} s   {files} files")


def download(folder: Path) -> list[Path]:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
    ]
    subprocess.run([*command, "--dest", str(folder), *PROJECTS], check=True)
    return sorted(folder.glob("*.whl"))


def record_of(wheel: Path) -> RepodataRecord:
    name = split_wheel_name(wheel.name)
    data = {
        "name": name.name,
        "version": str(parse_version(name.version)),
        "build": "pypi_0",
        "sha256": sha256_of_file(wheel),
    }
    return RepodataRecord(data, channel="pypi", subdir="noarch", fn=wheel.name, url="")


def timed(function, target: Path):
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    before, start = os.times(), time.perf_counter()
    function(target)
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.user + after.system - before.user - before.system
    return wall, cpu, sum(len(files) for _, _, files in os.walk(target))


if __name__ == "__main__":
    main()
