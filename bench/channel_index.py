"""Time ``minicon channel index`` beside conda-index, and its growth with the number of packages.

    ./dev clients && ./dev bench channel_index [--growth 1000,10000,50000,200000] [--real DIR]

Packages are small and made by this script, so that what is measured is the work per archive, and
not how fast large files are hashed, which is the same for both. Both write the same files:
repodata, zst, shards, current_repodata, run_exports, channeldata, pages. The results are a section
of docs/benchmarks.md, and tables beside it, which ``./dev docs`` draws.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import shutil
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

import zstandard
from measure import Measured, compare, print_table
from page_section import write_section, write_table

from minicon.fs.hashing import hash_file

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.support import index_peers

DOCS = Path(__file__).parent.parent / "docs"
MINICON = Path(sys.executable).with_name("minicon")
VERSIONS = 10
SINGLE = "conda-index --threads 1"
REAL = (
    "Of them, a quarter are `.tar.bz2`. minicon decompresses these up to the end of `info/`, also",
    "if other directories come before it; conda-index decompresses those completely.",
)
TABLE = ("channel", "run", "minicon_cpu", "conda_index_cpu", "minicon_mb", "conda_index_mb")
NOTE = "Ratios are to the faster of conda-index's two runs. Others used the machine meanwhile."
PLOT = "![processor time of indexing beside conda-index](benchmarks-channel-index.svg)"
FORMATS = ("--channeldata", "--zst", "--run-exports", "--current-repodata", "--write-shards")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=int, default=1000)
    parser.add_argument("--growth", default="")
    parser.add_argument("--real", type=Path, help="a channel of real packages, measured too")
    parser.add_argument("--workers", default="2")
    arguments = parser.parse_args()
    lines: list[str] = []
    table: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder) / "small", arguments.packages)
        lines += beside_peer(Path(folder) / "small", f"{arguments.packages} small packages", table)
        if arguments.real:
            shutil.copytree(arguments.real, Path(folder) / "real")
            title, *rows = beside_peer(Path(folder) / "real", "real packages", table)
            lines += [title, "", *REAL, *rows]
        if arguments.growth:
            sizes = [int(size) for size in arguments.growth.split(",")]
            lines += growth(Path(folder), sizes, arguments.workers)
    write_section(DOCS / "benchmarks.md", "Indexing a channel", [PLOT, "", NOTE, "", *lines])
    write_table(DOCS / "benchmarks-channel-index.csv", TABLE, table)


def generate(channel: Path, count: int) -> None:
    """Write ``count`` packages: ten versions of each name, each needing the one before it."""
    folder = channel / "linux-64"
    folder.mkdir(parents=True, exist_ok=True)
    compress = zstandard.ZstdCompressor(level=3).compress
    payload = b"x" * 200
    paths = json.dumps({"paths_version": 1, "paths": [{
        "_path": "share/x", "path_type": "hardlink", "size_in_bytes": len(payload),
        "sha256": hashlib.sha256(payload).hexdigest(),
    }]}).encode()  # fmt: skip
    package = compress(tar({"share/x": payload}))
    about = json.dumps(
        {"home": "https://x.test", "license": "MIT", "summary": "A package"}
    ).encode()
    for number in range(count):
        name, version = f"package-{number // VERSIONS}", f"{number % VERSIONS}.0"
        index = {
            "name": name, "version": version, "build": "0", "build_number": 0,
            "subdir": "linux-64", "license": "MIT", "timestamp": 1_600_000_000_000 + number,
            "depends": [f"package-{number // VERSIONS - 1} >=1"] if number >= VERSIONS else [],
        }  # fmt: skip
        dist = f"{name}-{version}-0"
        members = {
            "info/index.json": json.dumps(index).encode(),
            "info/paths.json": paths,
            "info/about.json": about,
        }
        with zipfile.ZipFile(folder / f"{dist}.conda", "w") as archive:
            archive.writestr("metadata.json", '{"conda_pkg_format_version": 2}')
            archive.writestr(f"pkg-{dist}.tar.zst", package)
            archive.writestr(f"info-{dist}.tar.zst", compress(tar(members)))


def tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def commands(channel: Path) -> dict[str, list[str]]:
    """Return the commands, each with as many threads or processes as it chooses; and with one."""
    ours = [str(MINICON), "channel", "index", str(channel), "--rss"]
    theirs = [str(index_peers.PYTHON), index_peers.__file__, "index", str(channel), *FORMATS]
    return {"minicon": ours, "conda-index": theirs, SINGLE: [*theirs, "--threads", "1"]}


def hashing(channel: Path) -> str:
    """Measure what no index can do without: the two hashes of every archive."""
    archives = [path for path in channel.glob("*/*") if path.suffix in (".conda", ".bz2")]
    start = time.process_time()
    size = sum(hash_file(path, md5=True).size for path in archives)
    seconds = time.process_time() - start
    return (
        f"SHA-256 and MD5 of these {len(archives)} archives ({size / 1e6:.0f} MB) alone:"
        f" {seconds:.2f} s of CPU."
    )


def beside_peer(channel: Path, title: str, table: list[list[object]]) -> list[str]:
    """Measure both on copies of a channel, without and with what they keep between runs.

    Rows of the plot are appended to ``table``.
    """
    copies = {name: channel.with_name(f"{channel.name}-{name}") for name in commands(channel)}
    for copy in copies.values():
        shutil.copytree(channel, copy)
    argv = {name: commands(copy)[name] for name, copy in copies.items()}
    forget = {name: ["rm", "-rf", *caches(copy)] for name, copy in copies.items()}
    results = {"cold": compare(argv, runs=3, before=forget), "warm": compare(argv, runs=3)}
    # One new archive: what a channel sees all day.
    again = {
        name: ["touch", str(min(copy.glob("linux-64/*.conda")))] for name, copy in copies.items()
    }
    results["one archive changed"] = compare(argv, runs=3, before=again)
    lines = [
        f"### {title}",
        "",
        hashing(channel),
        "",
        f"| run | minicon | conda-index | {SINGLE} | times faster: wall | CPU |",
        "|---|---|---|---|---|---|",
    ]
    for run, measured in results.items():
        print_table(f"{title}, {run}", measured)
        lines.append(table_row(run, *measured))
        ours, *theirs = measured
        best = min(theirs, key=lambda each: each.cpu)
        cpu = [f"{each.cpu:.2f}" for each in (ours, best)]
        table.append([title, run, *cpu, *(f"{each.memory:.0f}" for each in (ours, best))])
    return [*lines, ""]


def table_row(run: str, ours: Measured, *theirs: Measured) -> str:
    """Return a row of the table; ratios are to the faster of the others."""
    cells = " | ".join(
        f"{each.wall:.2f} s, CPU {each.cpu:.2f} s, {each.memory:.0f} MiB"
        for each in (ours, *theirs)
    )
    wall = min(each.wall for each in theirs) / ours.wall
    cpu = min(each.cpu for each in theirs) / ours.cpu
    return f"| {run} | {cells} | {wall:.1f} | {cpu:.1f} |"


def caches(channel: Path) -> list[str]:
    """Return the directories with what is kept between runs, whether they exist or not."""
    return [str(path / ".cache") for path in channel.iterdir() if path.is_dir()]


def growth(folder: Path, sizes: list[int], workers: str) -> list[str]:
    """Measure minicon alone, for channels of several sizes, and draw the result."""
    rows = []
    for size in sizes:
        channel = folder / f"grown-{size}"
        generate(channel, size)
        argv = {"minicon": [*commands(channel)["minicon"], "--workers", workers]}
        forget = {"minicon": ["sh", "-c", f"rm -rf {channel}/*/.cache"]}
        (cold,) = compare(argv, runs=1, before=forget)
        (warm,) = compare(argv, runs=1)
        again = {"minicon": ["sh", "-c", f"touch {channel}/linux-64/package-0-0.0-0.conda"]}
        (changed,) = compare(argv, runs=1, before=again)
        rows.append((size, cold, changed, warm))
        print(size, cold, changed, warm, flush=True)
        shutil.rmtree(channel)
    table = (
        [size, *(f"{each.cpu:.1f}" for each in (cold, changed, warm))]
        for size, cold, changed, warm in rows
    )
    header = ("packages", "cold", "one archive changed", "nothing changed")
    write_table(DOCS / "benchmarks-channel-index-growth.csv", header, table)
    lines = [
        f"### Growth ({workers} processes)",
        "",
        "![processor time by number of packages](benchmarks-channel-index-growth.svg)",
        "",
        "| packages | cold | one archive changed | nothing changed | MiB |",
        "|---|---|---|---|---|",
    ]
    for size, cold, changed, warm in rows:
        runs = (cold, changed, warm)
        seconds = " | ".join(f"{each.wall:.1f} s (CPU {each.cpu:.1f})" for each in runs)
        lines.append(f"| {size:,} | {seconds} | {cold.memory:.0f} |")
    return [*lines, ""]


if __name__ == "__main__":
    main()
