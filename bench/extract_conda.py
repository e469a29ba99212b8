"""Extraction of packages: minicon (every sha256 checked) against libarchive and py-rattler.

A ``.conda``, then a ``.tar.bz2`` with a quarter of its content (bzip2 is slow whoever calls it).
Each round runs every contestant once, in turn; the table gives medians. Run it as
``./dev bench extract_conda [--rounds N] [--megabytes N] [ARCHIVE]``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from minicon.archive.libarchive_decoder import libarchive_version
from minicon.archive.package_archive import open_archive
from minicon.package.prepare.extract import extract

sys.path.insert(0, str(Path(__file__).parent))
from measure import Measured, record


def make_archive(folder: Path, megabytes: int, kind: str = ".conda") -> Path:
    """A package like python's: thousands of small sources, some large binaries."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from tests.support.packages import PackageBuilder

    choose = random.Random(1)
    words = [choose.randbytes(choose.randrange(2, 9)).hex() for _ in range(4000)]

    def text(size: int) -> bytes:
        return " ".join(choose.choices(words, k=size // 8)).encode()[:size]

    builder = PackageBuilder("bench")
    left = megabytes << 20
    number = 0
    while left > 0:
        size = int(choose.paretovariate(1.1) * 3000) % (4 << 20)
        builder = builder.file(f"lib/python/p{number // 40}/m{number}.py", text(size))
        left -= size
        number += 1
    print(f"\n{kind}: {number} files, {megabytes} MiB")
    return builder.build(folder, kind)


def contestants(archive: Path) -> dict[str, Callable[[Path], object]]:
    runs: dict[str, Callable[[Path], object]] = {
        "minicon": lambda target: extract(archive, target, reader="native"),
    }
    if libarchive_version():
        runs["minicon (libarchive)"] = lambda target: extract(archive, target, reader="libarchive")
        components = write_components(archive)
        runs["libarchive to disk, unverified"] = lambda target: by_libarchive(components, target)
    try:
        from rattler.package_streaming import extract as rattler_extract

        runs["py-rattler"] = lambda target: rattler_extract(archive, target)
    except ImportError:
        print("py-rattler is not here")
    return runs


def write_components(archive: Path) -> list[Path]:
    """The two .tar.zst inside, as files of their own: libarchive cannot nest its readers."""
    if archive.suffix != ".conda":
        return [archive]
    paths = []
    with open_archive(archive) as opened:
        for component in ("info", "pkg"):
            member = opened._zip[component]
            paths.append(archive.with_name(f"{component}.tar.zst"))
            data = archive.read_bytes()[member.offset : member.offset + member.size]
            paths[-1].write_bytes(data)
    return paths


def by_libarchive(components: list[Path], target: Path) -> None:
    import libarchive
    from libarchive.extract import EXTRACT_TIME

    target.mkdir()
    here = os.getcwd()
    os.chdir(target)
    try:
        for path in components:
            libarchive.extract_file(str(path), EXTRACT_TIME)
    finally:
        os.chdir(here)


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure(run: Callable[[Path], object], target: Path) -> tuple[float, float]:
    shutil.rmtree(target, ignore_errors=True)
    cpu, wall = cpu_seconds(), time.perf_counter()
    result = run(target)
    if asyncio.iscoroutine(result):
        asyncio.run(result)
    return time.perf_counter() - wall, cpu_seconds() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--megabytes", type=int, default=60)
    parser.add_argument("--folder", help="where to extract to; in memory by default")
    arguments = parser.parse_args()
    folder = arguments.folder or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    with tempfile.TemporaryDirectory(prefix="minicon-bench-", dir=folder) as name:
        work = Path(name)
        if arguments.archive:
            compete(Path(shutil.copy(arguments.archive, work)), arguments.rounds)
            return
        compete(make_archive(work, arguments.megabytes), arguments.rounds)
        compete(make_archive(work, arguments.megabytes // 4, ".tar.bz2"), arguments.rounds)


def compete(archive: Path, rounds: int) -> None:
    """Let all extract one archive in turns, and print what they took."""
    runs = contestants(archive)
    times: dict[str, list[tuple[float, float]]] = {label: [] for label in runs}
    for _ in range(rounds):
        for label, run in runs.items():
            times[label].append(measure(run, archive.with_name("target")))
    report(times)
    record(f"extract {archive.suffix}", [Measured.of(*each) for each in times.items()])


def report(times: dict[str, list[tuple[float, float]]]) -> None:
    base = statistics.median(cpu for _, cpu in times["minicon"])
    print(f"{'':32s}{'wall s':>9s}{'CPU s':>9s}{'minicon/it (CPU)':>18s}")
    for label, values in times.items():
        wall = statistics.median(value[0] for value in values)
        cpu = statistics.median(value[1] for value in values)
        print(f"{label:32s}{wall:9.3f}{cpu:9.3f}{base / cpu:18.2f}")


if __name__ == "__main__":
    main()
