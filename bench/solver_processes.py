"""Whole processes on a large channel: ``minicon create --dry-run`` beside py-rattler's solver.

    MINICON_SHARED_DATA=DIR python bench/solver_processes.py CHANNEL_DIR [--runs 5] [--page FILE]

CHANNEL_DIR is one that ``bench/repodata_generate.py --shards`` made of conda-forge's linux-64 and
noarch. It is served on the loopback, with its shards and without them. Every process starts with
warm caches of its own (within the server's max-age, so no request is needed) and is measured from
its start to its end: Python's start, imports, index, solve, and the plan as text (minicon) or a
count (py-rattler). Processes take turns; figures are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from page_section import write_section, write_table  # noqa: E402
from tests.support.channel_server import ChannelServer, Status  # noqa: E402
from tests.support.real_channels import VIRTUAL_PACKAGES, solved_requests  # noqa: E402

TITLE = "Whole processes"

#: Sizes of the answers (packages) for which a real request is looked for.
SIZES = (5, 26, 60, 100, 150, 200, 265, 312, 425, 493, 560, 635)

RATTLER = """
import asyncio, json, sys
url, cache, kind, specs, facts = *sys.argv[1:4], json.loads(sys.argv[4]), json.loads(sys.argv[5])
from rattler import BuildString, Channel, Gateway, GenericVirtualPackage, MatchSpec, PackageName
from rattler import Version, solve
from rattler.repo_data import SourceConfig
config = SourceConfig(sharded_enabled=kind == "shards", jlap_enabled=False)
virtual = [
    GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
    for name, version, build in facts
]
async def main():
    gateway = Gateway(cache_dir=cache, default_config=config)
    return await solve(
        sources=[Channel(url)],
        specs=[MatchSpec(text, strict=False) for text in specs],
        gateway=gateway,
        platforms=["linux-64", "noarch"],
        virtual_packages=virtual,
    )
print(len(asyncio.run(main())))
"""


@dataclass(frozen=True)
class Tool:
    """One way to answer a request.

    Attributes:
        name: What the table calls it.
        kind: ``shards`` or ``whole``.
        is_ours: Whether it is minicon.
    """

    name: str
    kind: str
    is_ours: bool


class Launcher:
    """Starts processes from a small one, since peak memory is counted from before the exec."""

    PROGRAM = """
import json, os, sys, time
for line in sys.stdin:
    argv, environ, answer = json.loads(line)
    output = os.open(answer, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    actions = [(os.POSIX_SPAWN_DUP2, output, 1)]
    started = time.perf_counter()
    process = os.posix_spawn(argv[0], argv, environ, file_actions=actions)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - started
    os.close(output)
    cpu = usage.ru_utime + usage.ru_stime
    print(json.dumps([seconds, status, cpu, usage.ru_maxrss / 1024]), flush=True)
"""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", self.PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, argv: list[str], environ: dict, answer: Path) -> list:
        """Seconds, wait status, seconds of processor time, MiB; output goes to ANSWER."""
        self._process.stdin.write(json.dumps([argv, environ, str(answer)]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


LAUNCHER = Launcher()

TOOLS = (
    Tool("minicon, shards", "shards", True),
    Tool("minicon, whole repodata", "whole", True),
    Tool("py-rattler, shards", "shards", False),
    Tool("py-rattler, whole repodata", "whole", False),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("channel", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--tools", default="0123", help="which of the tools, by number")
    parser.add_argument("--page", type=Path, help="write a table here, and a plot beside it")
    arguments = parser.parse_args()
    tools = [TOOLS[int(number)] for number in arguments.tools]
    requests = requests_of(arguments.sizes)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.channel
        with ChannelServer(folder) as shards, ChannelServer(folder) as whole:
            whole.fault("*/repodata_shards*", Status(404))
            servers = {"shards": shards, "whole": whole}
            for server in servers.values():
                server.cache_control = "max-age=86400"
            urls = {kind: server.url for kind, server in servers.items()}
            rows = measure(requests, tools, urls, Path(scratch), arguments.runs)
    for row in rows:
        print(as_text(row))
    if arguments.page:
        write_section(arguments.page, TITLE, page(rows, arguments))
        write_table(arguments.page.with_suffix(".csv"), *cpu_table(rows))


def requests_of(sizes) -> list[dict]:
    """Per size, the real request whose recorded answer is nearest to it."""
    usable = [
        each
        for each in solved_requests()
        if each["channels"] == ["conda-forge"] and each["platform"] == "linux-64"
    ]
    chosen = {}
    for size in sizes:
        nearest = min(usable, key=lambda each: (abs(len(each["records"]) - size), each["id"]))
        chosen[nearest["id"]] = nearest
    return list(chosen.values())


def measure(requests, tools, urls, scratch: Path, runs: int) -> list[dict]:
    """Per request and tool the median seconds, the peak MiB and the number of packages."""
    rows = []
    for asked in requests:
        samples = {tool.name: [] for tool in tools}
        for turn in range(runs + 1):
            for tool in tools:
                sample = run_once(command(tool, asked, urls[tool.kind], scratch), scratch, tool)
                if turn:  # the first fills the caches
                    samples[tool.name].append(sample)
        row = {"id": asked["id"], "specs": len(asked["specs"]), "tools": {}}
        for name, found in samples.items():
            row["tools"][name] = {
                "seconds": statistics.median(each[0] for each in found),
                "cpu": statistics.median(each[1] for each in found),
                "MiB": max(each[2] for each in found),
                "packages": found[0][3],
            }
        print(as_text(row), flush=True)
        rows.append(row)
    return rows


def command(tool: Tool, asked: dict, url: str, scratch: Path) -> list[str]:
    """The argv of one tool for one request."""
    if tool.is_ours:
        create = [sys.executable, "-m", "minicon", "create", "-n", "bench", "--dry-run", "--json"]
        return [*create, "--override-channels", "-c", url, *asked["specs"]]
    facts = [fact.split("=") for fact in VIRTUAL_PACKAGES["linux"]]
    facts = [(name, version, "".join(build) or "0") for name, version, *build in facts]
    cache = str(scratch / f"rattler-{tool.kind}")
    texts = (json.dumps(asked["specs"]), json.dumps(facts))
    return [sys.executable, "-c", RATTLER, url, cache, tool.kind, *texts]


def run_once(argv: list[str], scratch: Path, tool: Tool) -> tuple[float, float, float, int]:
    """Seconds, seconds of processor time, MiB, packages."""
    answer = scratch / "answer"
    environ = {
        **os.environ,
        "HOME": str(scratch),
        "MINICON_ROOT": str(scratch / f"minicon-{tool.kind}"),
        "MINICON_OVERRIDE_ARCHSPEC": "x86_64_v4",
        "MINICON_LINK_SCRIPTS": "false",  # looks for them in packages, which this channel lacks
    }
    for fact in VIRTUAL_PACKAGES["linux"]:
        name, version = fact.split("=")[:2]
        environ[f"CONDA_OVERRIDE_{name.strip('_').upper()}"] = version
    environ["CONDA_OVERRIDE_ARCHSPEC"] = "x86_64_v4"
    seconds, status, cpu, memory = LAUNCHER.run(argv, environ, answer)
    if status:
        sys.exit(f"{argv} failed:\n{answer.read_text()}")
    found = json.loads(answer.read_text())
    packages = found if isinstance(found, int) else len(found["actions"]["LINK"])
    return seconds, cpu, memory, packages


def as_text(row: dict) -> str:
    """One line per tool."""
    lines = [f"{row['id']} ({row['specs']} specs)"]
    for name, each in row["tools"].items():
        lines.append(
            f"  {name:28} {each['packages']:4d} packages {each['seconds']:7.3f} s "
            f"{each['cpu']:7.3f} s CPU {each['MiB']:6.0f} MiB"
        )
    return "\n".join(lines)


def page(rows: list[dict], arguments) -> list[str]:
    """The measurements as Markdown."""
    names = list(rows[0]["tools"])
    ours, theirs = names[0], [name for name in names if name.startswith("py-rattler")]
    lines = [
        "Whole processes, from start to end: Python's start, imports, channel index,",
        "solve, and the plan as JSON (minicon: `create --dry-run --json`) or a count (py-rattler).",
        f"The channel has {records_in(arguments.channel):,} records, made from real ones by",
        "`bench/repodata_generate.py`; requests are real. Caches are warm, so the network is not",
        f"used. Medians of {arguments.runs} interleaved runs by `bench/solver_processes.py`, on",
        "two shared cores: wall time is noisy, processor time (in brackets) is not.",
        "",
        "![time against number of packages](benchmarks-solver.svg)",
        "",
        "| packages | "
        + " | ".join(f"{name}, s" for name in names)
        + " | "
        + " | ".join(f"× {name.removeprefix('py-rattler, ')}" for name in theirs)
        + " | peak MiB: "
        + " / ".join(short(name) for name in names)
        + " |",
        "|--:" * (len(names) + len(theirs) + 1) + "|---|",
    ]
    for row in sorted(rows, key=lambda each: each["tools"][ours]["packages"]):
        tools = row["tools"]
        times = [f"{tools[n]['seconds']:.2f} ({tools[n]['cpu']:.2f})" for n in names]
        ratios = [
            f"{tools[n]['seconds'] / tools[ours]['seconds']:.1f} "
            f"({tools[n]['cpu'] / tools[ours]['cpu']:.1f})"
            for n in theirs
        ]
        memory = " / ".join(f"{tools[n]['MiB']:.0f}" for n in names)
        cells = [str(tools[ours]["packages"]), *times, *ratios, memory]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def short(name: str) -> str:
    """A tool's name for a narrow column."""
    return name.replace("py-rattler", "r.").replace("minicon", "m.").replace(" repodata", "")


def records_in(channel: Path) -> int:
    """Records of a generated channel: each has its size once."""
    return sum(
        (channel / subdir / "repodata.json").read_bytes().count(b'"build_number":')
        for subdir in ("linux-64", "noarch")
    )


def cpu_table(rows: list[dict]) -> tuple[list[str], list[list[object]]]:
    """Seconds of processor time of each tool by the number of packages."""
    names = list(rows[0]["tools"])
    found = [
        [row["tools"][names[0]]["packages"], *(f"{row['tools'][n]['cpu']:.2f}" for n in names)]
        for row in rows
    ]
    return ["packages", *names], sorted(found)


if __name__ == "__main__":
    main()
