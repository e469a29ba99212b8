"""A whole ``create --dry-run`` from a warm cache, beside py-rattler's solve, by size of channel.

    python bench/repodata_create.py MILLION_DIR SMALL_DIR [--runs 5] [--json OUT]

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

from channel_process import ChannelProcess, run_process

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
    return [sys.executable, "-m", "minicon", "create", "-n", "x", "--dry-run", "--json", "--yes",
            "--platform", "linux-64", "--override-channels", "-c", url, *SPECS]  # fmt: skip


def rattler(url: str, cache: str, kind: str) -> list[str]:
    return [sys.executable, "-c", RATTLER, url, cache, kind, *SPECS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("million", type=Path)
    parser.add_argument("small", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results: dict[str, list[tuple[float, float]]] = {}
    with (
        ChannelProcess(arguments.million) as million,
        ChannelProcess(arguments.small) as small,
        tempfile.TemporaryDirectory() as folder,
    ):
        cases = [
            (f"{tool.__name__} {kind} {size}", tool, kind, server)
            for size, server in (("1M", million), ("30k", small))
            for kind in ("shards", "whole")
            for tool in (minicon, rattler)
        ]
        for run in range(arguments.runs + 1):
            for name, tool, kind, server in cases:
                before = server.requests()
                result = run_once(tool, server.url, f"{folder}/{name}".replace(" ", "-"), kind)
                if run:  # the first fills the cache
                    results.setdefault(name, []).append((*result, server.requests() - before))
    summary = {}
    for name, rows in results.items():
        seconds, peak, requests = (statistics.median(column) for column in zip(*rows, strict=True))
        summary[name] = (seconds, peak, requests)
        print(f"{name:22} {seconds:.3f} s {peak:.0f} MB {requests:.0f} requests")
    if arguments.json:
        arguments.json.write_text(json.dumps(summary, indent=1))


def run_once(tool, url: str, home: str, kind: str) -> tuple[float, float]:
    Path(home).mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
    environment |= {
        "HOME": home,
        "MINICON_ROOT": home,
        "MINICON_REPODATA_USE_SHARDS": str(kind == "shards").lower(),
    }
    seconds, peak, _ = run_process(tool(url, home, kind), environment)
    return seconds, peak


if __name__ == "__main__":
    main()
