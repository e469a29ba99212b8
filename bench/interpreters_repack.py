"""What this machine's interpreters cost: finding them, repacking one, linking it.

    ./dev bench interpreters_repack

Caveats: files are in the page cache; linking here is a bare loop of os.link in Python, the floor
for the real linker; ``python -m venv`` makes links to an interpreter, not an environment of its
own.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from minicon.machine.host_packages.layout import layout_for
from minicon.machine.host_packages.prepare import prepare_interpreter
from minicon.machine.interpreters.discovery import discover_interpreters

RUNS = 5


def median_of(work: Callable[[Path], object], scratch: Path) -> float:
    """Median seconds of WORK, each time on a new empty folder."""
    times = []
    for _ in range(RUNS):
        folder = Path(tempfile.mkdtemp(dir=scratch))
        started = time.perf_counter()
        work(folder)
        times.append(time.perf_counter() - started)
        shutil.rmtree(folder)
    return statistics.median(times)


def link(package: Path, prefix: Path) -> None:
    made = set()
    for entry in json.loads((package / "info" / "paths.json").read_bytes())["paths"]:
        source, target = f"{package}/{entry['_path']}", f"{prefix}/{entry['_path']}"
        folder = os.path.dirname(target)
        if folder not in made:
            os.makedirs(folder, exist_ok=True)
            made.add(folder)
        os.link(source, target, follow_symlinks=False)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)

        def discover(cache: Path) -> object:
            return discover_interpreters(environ=os.environ, home=Path.home(), cache_dir=cache)

        print(f"discovery, cold       {median_of(discover, scratch) * 1e3:8.1f} ms")
        warm = scratch / "warm"
        found = discover_interpreters(environ=os.environ, home=Path.home(), cache_dir=warm)
        print(f"discovery, warm       {median_of(lambda _: discover(warm), scratch) * 1e3:8.1f} ms")
        for layout in ("portable", "venv"):
            facts = next((f for f in found.interpreters if layout_for(f) == layout), None)
            if facts is None:
                continue
            seconds = median_of(lambda folder, f=facts: prepare_interpreter(f, folder), scratch)
            print(f"prepare {facts.version:8} {layout:9}{seconds * 1e3:5.0f} ms")
            package = scratch / layout
            package.mkdir()
            files = prepare_interpreter(facts, package)
            seconds = median_of(lambda folder, p=package: link(p, folder), scratch)
            size = sum(entry.size_in_bytes or 0 for entry in files.paths) / 1e6
            print(
                f"  link {len(files.paths)} files, {size:.1f} MB {seconds * 1e3:8.1f} ms",
            )
        command = [sys.executable, "-m", "venv", "--without-pip"]
        seconds = median_of(lambda folder: subprocess.run([*command, folder], check=True), scratch)
        print(f"python -m venv        {seconds * 1e3:8.1f} ms")


if __name__ == "__main__":
    main()
