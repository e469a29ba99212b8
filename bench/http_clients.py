"""Which HTTP client sends requests: an A/B over shards, a cold index and packages.

    python bench/http_clients.py [--runs 7] [--latency 0.03 0.002]

Every number is a whole process, Python's start included; variants take turns, and medians are
printed with the ratio to the first row of each workload:

========  ==========================================================================
shards    a cold index of 30,000 names, and 300 of its shards
index     the same channel's ``repodata.json.zst``, cold, and 50 names of it
packages  50 files of 200 kB, verified and written, five at a time
========  ==========================================================================

=============  =====================================================================
small files    as installed: shards by :mod:`minicon.net.small_files`
requests       ``requests.Session.send`` sends everything, shards from a pool of threads
urllib3        the same, but urllib3's pools send, which requests only sets up
=============  =====================================================================

The server shares the machine, and its latency is a timer per request.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from repodata_server import QuickServer, run_process

VARIANTS = ("small files", "requests", "urllib3")
WORKLOADS = {"shards": VARIANTS, "index": VARIANTS[1:], "packages": VARIANTS[1:]}
NAMES = 30_000
SHARDS = 300
PACKAGES = 50
PACKAGE_SIZE = 200_000
RECORDS_PER_NAME = 12
SUBDIR = "linux-64"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--latency", type=float, nargs="*", default=[0.03, 0.002])
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(*arguments.child)
        return
    with tempfile.TemporaryDirectory() as folder:
        channel = Path(folder, "channel")
        make_channel(channel / SUBDIR)
        for latency in arguments.latency:
            with QuickServer(channel, latency) as server:
                measure(server.url, latency, arguments.runs, Path(folder))


def make_channel(folder: Path) -> None:
    import zstandard

    from minicon.repodata.shards.shard_format import make_shard, make_shards_index, shard_name

    (folder / "shards").mkdir(parents=True)
    hashes, whole = {}, {}
    for number in range(NAMES):
        name = f"package{number:05}"
        hashes[name] = hashlib.sha256(name.encode()).digest()
        if number % (NAMES // SHARDS) == 0:
            records = dict(record(name, minor) for minor in range(RECORDS_PER_NAME))
            shard = make_shard({"packages.conda": records})
            hashes[name], file_name = shard_name(shard)
            (folder / "shards" / file_name).write_bytes(shard)
            whole |= records
        else:
            whole |= [record(name, 0)]
    index = make_shards_index(
        {"subdir": SUBDIR, "base_url": "", "shards_base_url": "./shards/"}, hashes
    )
    (folder / "repodata_shards.msgpack.zst").write_bytes(index)
    info = {"subdir": SUBDIR}
    text = json.dumps({"info": info, "packages": {}, "packages.conda": whole}).encode()
    (folder / "repodata.json.zst").write_bytes(zstandard.compress(text, 6))
    for number in range(PACKAGES):
        (folder / f"file{number}").write_bytes(package(number))


def record(name: str, minor: int) -> tuple[str, dict]:
    fn = f"{name}-1.{minor}-py311h0_0.conda"
    digest = hashlib.sha256(fn.encode()).hexdigest()
    fields = {"name": name, "version": f"1.{minor}", "build": "py311h0_0", "build_number": 0}
    depends = ["libgcc >=13", "python >=3.11,<3.12.0a0", "numpy >=1.23,<3"]
    fields |= {"depends": depends, "subdir": SUBDIR, "size": 123456, "sha256": digest}
    return fn, {**fields, "md5": digest[:32], "license": "MIT", "timestamp": 1700000000000}


def package(number: int) -> bytes:
    return hashlib.shake_128(str(number).encode()).digest(PACKAGE_SIZE)


def measure(url: str, latency: float, runs: int, folder: Path) -> None:
    samples: dict[tuple[str, str], list[tuple[float, float]]] = {}
    environment = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
    environment |= {"HOME": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for turn in range(runs + 1):
        for workload, variants in WORKLOADS.items():
            for variant in variants:
                with tempfile.TemporaryDirectory(dir=folder) as cache:
                    order = [sys.executable, __file__, "--child", workload, variant, url, cache]
                    process = run_process(order, environment)
                if turn:  # the first writes bytecode
                    row = samples.setdefault((workload, variant), [])
                    row.append((process.wall, process.cpu))
    print(
        f"\n{latency * 1000:.0f} ms of latency{'':12}{'wall':>9}{'cpu':>9}{'× wall':>9}{'× cpu':>8}"
    )
    for workload, variants in WORKLOADS.items():
        medians = [
            tuple(statistics.median(column) for column in zip(*samples[workload, v], strict=True))
            for v in variants
        ]
        for variant, (wall, cpu) in zip(variants, medians, strict=True):
            ratios = f"{wall / medians[0][0]:9.2f}{cpu / medians[0][1]:8.2f}"
            print(f"{workload:10}{variant:18}{wall:8.3f}s{cpu:8.3f}s{ratios}")


def child(workload: str, variant: str, url: str, cache: str) -> None:
    from minicon.net.routing import make_fetcher

    if variant == "urllib3":
        send_with_urllib3()
    fetcher = make_fetcher()
    if variant != "small files":
        fetcher._make_small_files = None
    if workload == "packages":
        fetch_packages(fetcher, url, cache)
    else:
        read_records(fetcher, url, cache, use_shards=workload == "shards")


def fetch_packages(fetcher, url: str, cache: str) -> None:
    from minicon.net.download import download
    from minicon.net.parallel import run_parallel

    def fetch(number: int, _: object) -> None:
        digest = hashlib.sha256(package(number)).hexdigest()
        target = f"{cache}/file{number}"
        download(fetcher, f"{url}/{SUBDIR}/file{number}", target, sha256=digest, size=PACKAGE_SIZE)

    run_parallel(fetch, range(PACKAGES), workers=5)


def read_records(fetcher, url: str, cache: str, *, use_shards: bool) -> None:
    from minicon.models.channel import Channel
    from minicon.repodata.client import ChannelClient

    step = NAMES // (SHARDS if use_shards else PACKAGES)
    names = [f"package{number:05}" for number in range(0, NAMES, step)]
    client = ChannelClient(lambda: fetcher, cache, use_shards=use_shards)
    (index,) = client.indices([Channel(url, url)], [SUBDIR], names=names)[0]
    found = sum(len(index.records_for(name)) for name in names)
    assert found == len(names) * RECORDS_PER_NAME, found


def send_with_urllib3() -> None:
    """Replace ``requests.Session.send`` by urllib3's pools, set up by requests once per origin."""
    import requests
    import urllib3

    from minicon.net.client import session

    pools: dict = {}

    def send(self, url, headers, _end):
        parts = urllib3.util.parse_url(url)
        if parts.netloc not in pools:
            request = requests.Request("GET", url).prepare()
            pools[parts.netloc] = self._session.get_adapter(url).get_connection_with_tls_context(
                request, self._session.verify
            )
        return pools[parts.netloc].urlopen(
            "GET",
            parts.request_uri,
            headers={**self._session.headers, **headers},
            timeout=urllib3.Timeout(*self._timeouts),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )

    session.HttpFetcher._send = send


if __name__ == "__main__":
    main()
