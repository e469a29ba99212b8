"""A whole ``create --dry-run`` from a warm cache, beside py-rattler's solve, by size of channel.

    python bench/repodata_create.py MILLION_DIR SMALL_DIR [--runs 5] [--json OUT]
    python bench/repodata_create.py MILLION_DIR SMALL_DIR --cold --latency 0.03 --kinds shards

Both are made by ``bench/repodata_generate.py --shards``. Every number is a whole process, Python's
start included; runs are interleaved. minicon runs its command line; py-rattler a program of seven
lines that asks its gateway and solves, which is all that its users need. Neither downloads
anything: the caches are filled by a first run that does not count, and max-age is an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from repodata_server import Process, QuickServer, run_process

SPECS = ("python=3.11", "numpy")

RATTLER = """
import asyncio, sys
from rattler import Channel, Gateway, VirtualPackage, solve
from rattler.repo_data import SourceConfig
url, cache, kind, specs = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
async def main():
    config = SourceConfig(sharded_enabled=kind == "shards", jlap_enabled=False)
    gateway = Gateway(cache_dir=cache, default_config=config)
    return await solve([Channel(url)], specs, gateway=gateway, platforms=["linux-64", "noarch"],
                       virtual_packages=VirtualPackage.detect())
print(len(asyncio.run(main())))
"""


def minicon(url: str, _cache: str, _kind: str) -> list[str]:
    code = "import sys; from minicon.__main__ import main; sys.exit(main())"
    return [sys.executable, "-c", code, "create", "-n", "x", "--dry-run", "--json", "--yes",
            "--platform", "linux-64", "--override-channels", "-c", url, *SPECS]  # fmt: skip


def rattler(url: str, cache: str, kind: str) -> list[str]:
    return [sys.executable, "-c", RATTLER, url, cache, kind, *SPECS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("million", type=Path)
    parser.add_argument("small", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="an empty cache for every run")
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--kinds", nargs="*", default=["shards", "whole"])
    parser.add_argument("--sizes", nargs="*", default=["1M", "30k"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results: dict[str, list[tuple[float, ...]]] = {}
    with (
        QuickServer(arguments.million, arguments.latency) as million,
        QuickServer(arguments.small, arguments.latency) as small,
        tempfile.TemporaryDirectory() as folder,
    ):
        cases = [
            (f"{tool.__name__} {kind} {size}", tool, kind, server)
            for size, server in (("1M", million), ("30k", small))
            for kind in arguments.kinds
            for tool in (minicon, rattler)
            if size in arguments.sizes
        ]
        for run in range(arguments.runs + 1):
            for name, tool, kind, server in cases:
                home = f"{folder}/{name}".replace(" ", "-") + (f"-{run}" if arguments.cold else "")
                before = server.counts()[0]
                process = run_once(tool, server.url, home, kind)
                if run:  # the first fills the cache
                    row = (process.wall, process.peak, process.cpu, server.counts()[0] - before)
                    results.setdefault(name, []).append(row)
    summary = {}
    for name, rows in results.items():
        wall, peak, cpu, requests = (statistics.median(each) for each in zip(*rows, strict=True))
        summary[name] = (wall, peak, cpu, requests)
        print(
            f"{name:22} {wall:.3f} s, {cpu:.3f} s of processor, {peak:.0f} MB, "
            f"{requests:.0f} requests"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(summary, indent=1))


def run_once(tool, url: str, home: str, kind: str) -> Process:
    Path(home).mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
    environment |= {
        "HOME": home,
        "MINICON_ROOT": home,
        "MINICON_REPODATA_USE_SHARDS": str(kind == "shards").lower(),
    }
    return run_process(tool(url, home, kind), environment)


if __name__ == "__main__":
    main()
