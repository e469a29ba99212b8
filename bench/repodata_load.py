"""How long it takes to get the records of some names out of a large channel, beside py-rattler.

    python bench/repodata_load.py CHANNEL_DIR [--runs 5] [--names 300] [--latency 0.03]

CHANNEL_DIR is one that ``bench/repodata_generate.py --shards`` made. It is served on the
loopback. Every number is a whole process, Python's start included, median of interleaved runs:

=============  ==================================================================
cold-whole     nothing cached: download repodata.json.zst, convert, look names up
warm-whole     the cache of the row above, within its max-age
cold-shards    nothing cached: the index of shards and one shard per name
warm-shards    the cache of the row above
=============  ==================================================================

Caveats: py-rattler decodes every record of a name into objects of its own, minicon makes views
on JSON; neither follows dependencies here; the server is Python's and shares the machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from repodata_server import Process, QuickServer, run_process

SUBDIRS = ("linux-64", "noarch")

MINICON = """
import json, sys
url, cache, kind, names = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
from minicon.models.channel import Channel
from minicon.net.routing import make_fetcher
from minicon.repodata.client import ChannelClient
client = ChannelClient(make_fetcher, cache, use_shards=kind == "shards")
indices = client.indices([Channel(url, url)], {subdirs}, names=names)[0]
print(sum(len(index.records_for(name)) for index in indices for name in names))
"""

RATTLER = """
import asyncio, json, sys
url, cache, kind, names = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
from rattler import Channel, Gateway
from rattler.repo_data import SourceConfig
async def main():
    config = SourceConfig(sharded_enabled=kind == "shards", jlap_enabled=False)
    gateway = Gateway(cache_dir=cache, default_config=config)
    return await gateway.query([Channel(url)], {subdirs}, names, recursive=False)
print(sum(map(len, asyncio.run(main()))))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("channel", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--names", type=int, default=300)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--kinds", nargs="*", default=["whole", "shards"])
    parser.add_argument("--json", type=Path, help="write medians here")
    arguments = parser.parse_args()
    names = names_of(arguments.channel, arguments.names)
    summary: dict[str, list] = {}
    with QuickServer(arguments.channel, arguments.latency) as server:
        for kind in arguments.kinds:
            summary |= report(kind, measure(server, kind, names, arguments.runs))
    if arguments.json:
        arguments.json.write_text(json.dumps(summary, indent=1))


def names_of(channel: Path, count: int) -> list[str]:
    """Names spread evenly over the real ones of the first subdir."""
    from minicon.repodata.shards.shard_format import LARGEST_INDEX, unpack

    index = unpack(
        (channel / SUBDIRS[0] / "repodata_shards.msgpack.zst").read_bytes(), LARGEST_INDEX
    )
    names = sorted(name for name in index["shards"] if "-x" not in name)
    return names[:: max(1, len(names) // count)][:count]


def measure(server, kind: str, names: list[str], runs: int) -> dict[tuple[str, str], list]:
    results: dict[tuple[str, str], list] = {}
    for _ in range(runs):
        for tool, program in (("minicon", MINICON), ("rattler", RATTLER)):
            cache = tempfile.mkdtemp()
            for state in ("cold", "warm"):
                before = server.counts()
                arguments = [server.url, cache, kind, json.dumps(names)]
                process = run_once(program, arguments)
                counts = [now - then for now, then in zip(server.counts(), before, strict=True)]
                results.setdefault((state, tool), []).append((process, counts))
            shutil.rmtree(cache)
    return results


def run_once(program: str, arguments: list[str]) -> Process:
    code = program.replace("{subdirs}", repr(list(SUBDIRS)))
    return run_process([sys.executable, "-c", code, *arguments])


def report(kind: str, results: dict[tuple[str, str], list]) -> dict[str, list]:
    summary = {}
    for state in ("cold", "warm"):
        medians = {}
        print(f"{state}-{kind}")
        for tool in ("minicon", "rattler"):
            rows = [process for process, _ in results[state, tool]]
            wall, cpu, peak = (
                statistics.median(getattr(row, name) for row in rows)
                for name in ("wall", "cpu", "peak")
            )
            medians[tool] = (wall, peak, cpu)
            requests, connections = results[state, tool][0][1]
            print(
                f"  {tool}: {wall:.3f} s, {cpu:.3f} s of processor, {peak:.0f} MB, "
                f"{requests} requests over {connections} connections, {rows[0].text} records"
            )
        ours, theirs = summary[f"{state}-{kind}"] = [medians["minicon"], medians["rattler"]]
        print(f"  ratio {ours[0] / theirs[0]:.2f}, of processor time {ours[2] / theirs[2]:.2f}")
    return summary


if __name__ == "__main__":
    main()
