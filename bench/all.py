"""All measurements beside the peers in one run: docs/benchmarks-measured.md, .csv and drawings.

    ./dev bench all [--folder DIR]... [--only NAME]... [--scale N]

Each script runs once on each file system; what differs between file systems (create, link,
extract) is measured on all, the rest on the first. A row is a ratio of medians of interleaved
runs, with half the distance of the quartiles in per cent. Medians of a busy machine are not to be
quoted: its load is printed.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

BENCH = Path(__file__).parent
DOCS = BENCH.parent / "docs"
PEERS = ("py-rattler", "uv", "virtualenv", "libarchive-c")
NEEDS_CHANNEL = "CHANNEL"
SCRIPTS: dict[str, list[str]] = {
    "create_channel": ["--channel", NEEDS_CHANNEL],
    "create_wheels": [],
    "link_environment": [],
    "extract_conda": ["--folder", "FOLDER"],
    "pypi_unpack": [],
    "startup": [NEEDS_CHANNEL, "python", "numpy"],
    "resolve_wheels": [],
}
#: Scripts whose figures do not depend on the file system.
ONCE = frozenset({"startup", "resolve_wheels"})


@dataclass(frozen=True)
class Row:
    """One row of the table: a measured row of minicon, and that of a peer.

    Attributes:
        what: What is done.
        case: Title of the measurement.
        ours: Name of minicon's row.
        peer: Name of the peer's row.
        target: Ratio to reach.
    """

    what: str
    case: str
    ours: str
    peer: str
    target: float


DRY_RUN = "create --dry-run python numpy, warm"
IN_IT = "an environment with python numpy"
ROWS = [
    Row("create, interpreter + wheels, warm", "warm create: python numpy pandas scipy",
        "minicon create", "uv venv + uv pip install", 1.3),
    Row("create from a channel, warm", "warm create", "minicon", "py-rattler", 0.8),
    Row("create from a channel, cold", "cold create", "minicon", "py-rattler", 1.0),
    Row("link", "link 20,000 files", "create", "C loop of linkat", 1.3),
    Row("link", "link 20,000 files", "create", "cp -al of it", 1.0),
    Row("link", "link 20,000 files", "create", "py-rattler's installer", 0.8),
    Row("extract a .conda, every sha256", "extract .conda", "minicon",
        "libarchive to disk, unverified", 1.2),
    Row("extract a .conda, every sha256", "extract .conda", "minicon", "py-rattler", 1.0),
    Row("unpack wheels, every check", "unpack wheels", "prepare_wheel", "zipfile.extractall", 1.0),
    Row("create --dry-run, small channel", DRY_RUN, "minicon", "py-rattler", 0.5),
    Row("--version", "start-up", "minicon --version", "python -c pass", 1.1),
    Row("list", IN_IT, "list", "python -c pass", 2.0),
    Row("run true", IN_IT, "run -n bench true", "python -c pass", 1.5),
    Row("resolve 30 requirements", "30 requirements", "minicon create --dry-run",
        "uv pip compile", 2.0),
]  # fmt: skip


def measured(script: str, folder: Path, channel: Path) -> dict[tuple[str, str], list[float]]:
    """Run one script with temporary files in a folder; times and spreads by case and row."""
    words = [
        {NEEDS_CHANNEL: str(channel), "FOLDER": str(folder)}.get(word, word)
        for word in SCRIPTS[script]
    ]
    with tempfile.NamedTemporaryFile(suffix=".csv", mode="r", newline="") as results:
        environ = {**os.environ, "TMPDIR": str(folder), "BENCH_RESULTS": results.name}
        command = [sys.executable, str(BENCH / f"{script}.py"), *words]
        if subprocess.run(command, env=environ, check=False).returncode:
            print(f"{script} failed", file=sys.stderr)
        return {(case, row): list(map(float, rest)) for case, row, *rest in csv.reader(results)}


def file_system(folder: Path) -> str:
    """The kind of file system of a folder, such as ext4."""
    command = ["df", "--output=fstype", str(folder)]
    return subprocess.check_output(command, text=True).splitlines()[-1]


def rows_of(results: dict[tuple[str, str], list[float]], system: str) -> Iterator[dict[str, str]]:
    """The rows for which both sides were measured."""
    for row in ROWS:
        ours, peer = results.get((row.case, row.ours)), results.get((row.case, row.peer))
        if ours is None or peer is None:
            continue
        yield {
            "what": row.what,
            "peer": row.peer.removesuffix(" of it"),
            "file_system": system,
            "seconds": f"{ours[0]:.3f}",
            "wall": f"{ours[0] / peer[0]:.2f}",
            "cpu": f"{ours[1] / peer[1]:.2f}",
            "spread": f"{100 * max(ours[2], peer[2]):.0f}",
            "cpu_spread": f"{100 * max(ours[3], peer[3]):.0f}",
            "target": f"{row.target:g}",
        }


def versions() -> str:
    found = [f"minicon {metadata.version('minicon')}", f"Python {platform.python_version()}"]
    installed = {each.metadata["Name"]: each.version for each in metadata.distributions()}
    found += [f"{name} {installed.get(name, 'not installed')}" for name in PEERS]
    return ", ".join(found)


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = {line.partition(": ")[2] for line in lines if line.startswith("model name")}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{os.cpu_count()} × {' and '.join(sorted(models)) or platform.machine()}, "
        f"{memory:.0f} GiB, Linux {platform.release()}"
    )


def page(rows: list[dict[str, str]], load: str) -> str:
    """The generated page."""
    lines = [
        "# Benchmarks, as measured",
        "",
        "Written by `./dev bench all`; [benchmarks](benchmarks.md) explains the rows.",
        "",
        f"- Machine: {machine()}",
        f"- Versions: {versions()}",
        f"- Load before and after: {load}",
        "- × is the median of minicon divided by that of the peer; ± is half the distance of the",
        "  quartiles, in per cent of the median, of the one that varies more.",
        "",
        "| what | peer | file system | seconds | × wall | × CPU | target | met (CPU) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        met = "yes" if float(row["cpu"]) <= float(row["target"]) else "**no**"
        wall = f"{row['wall']} ± {row['spread']} %"
        cpu = f"{row['cpu']} ± {row['cpu_spread']} %"
        lines.append(
            f"| {row['what']} | {row['peer']} | {row['file_system']} | {row['seconds']} "
            f"| {wall} | {cpu} | {row['target']} | {met} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", action="append", type=Path, help="one on each file system")
    parser.add_argument("--only", action="append", choices=SCRIPTS, help="may be repeated")
    parser.add_argument("--no-growth", action="store_true", help="leave out bench/growth.py")
    parser.add_argument("--scale", default="1", help="of the sizes in bench/growth.py")
    arguments = parser.parse_args()
    folders = arguments.folder or [Path(tempfile.gettempdir()), Path("/dev/shm")]
    before = os.getloadavg()[0]
    rows: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="minicon-bench-") as name:
        channel = Path(name, "channel")
        chosen = arguments.only or list(SCRIPTS)
        if any(NEEDS_CHANNEL in SCRIPTS[script] for script in chosen):
            subprocess.run([sys.executable, BENCH / "make_channel.py", channel], check=True)
        for number, folder in enumerate(folders):
            results: dict[tuple[str, str], list[float]] = {}
            for script in chosen:
                if number == 0 or script not in ONCE:
                    results |= measured(script, folder, channel)
            rows += rows_of(results, file_system(folder))
    with open(DOCS / "benchmarks.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    load = f"{before:.1f}, {os.getloadavg()[0]:.1f}"
    (DOCS / "benchmarks-measured.md").write_text(page(rows, load))
    if not arguments.no_growth:
        growth = DOCS / "benchmarks-growth.csv"
        growth.write_text("command,unit,size,seconds,mib,exponent\n")
        options = ["--scale", arguments.scale, "--csv", growth]
        command = [sys.executable, BENCH / "growth.py", *options]
        subprocess.run(command, check=False)
    subprocess.run([sys.executable, DOCS / "generate.py"], check=True)


if __name__ == "__main__":
    main()
