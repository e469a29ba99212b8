"""Fit how the cost of commands grows with what they work on, and fail where it is not linear.

Each job is a whole process, measured in processor time and peak memory over four sizes, each twice
the one before. What the smallest possible case costs is subtracted, and the exponent is the slope
of a line through the logarithms.

    ./dev bench growth [JOB...] [--scale N] [--csv FILE]
"""

from __future__ import annotations

import argparse
import csv
import math
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from growth_cases import channel_of, environment_file, environment_of, package_of

#: The largest exponent that counts as linear: small parts of a job may be sorted or hashed.
LIMIT = 1.2
#: Seconds that cannot be told from noise.
NOTHING = 0.05

#: Makes a case of a size in an empty folder, and returns the words of the command.
Make = Callable[[Path, int], Sequence[str]]


@dataclass(frozen=True)
class Job:
    """One row of the table.

    Attributes:
        unit: What is counted.
        smallest: The first of the four sizes.
        make: Makes a case.
        is_refused: Whether the command fails, as it should.
    """

    unit: str
    smallest: int
    make: Make
    is_refused: bool = False


@dataclass(frozen=True)
class Cost:
    """Of one run: seconds of processor time and MiB at the peak of the largest process."""

    seconds: float
    memory: float


def _installed(*words: str) -> Make:
    def make(folder: Path, size: int) -> Sequence[str]:
        return [*words, "-p", str(environment_of(folder / "env", size))]

    return make


def _channel(*words: str, chain: bool = False, versions: bool = False) -> Make:
    def make(folder: Path, size: int) -> Sequence[str]:
        channel = channel_of(folder / "channel", size, chain=chain, versions=versions)
        given = [word.format(last=f"p{size - 1}") for word in words]
        return [*given, "-c", str(channel), "--override-channels"]

    return make


def _sync(folder: Path, size: int) -> Sequence[str]:
    environment = environment_of(folder / "env", size, requested=True)
    channel = channel_of(folder / "channel", size)
    file = environment_file(folder / "environment.yml", channel, size)
    return ["sync", "--dry-run", "-p", str(environment), "-f", str(file)]


def _missing(folder: Path, size: int) -> Sequence[str]:
    channel = channel_of(folder / "channel", 20_000)
    names = [f"q{number}" for number in range(size)]
    words = ["create", "--dry-run", "-p", str(folder / "env"), *names]
    return [*words, "-c", str(channel), "--override-channels"]


def _files(*words: str, after: Sequence[str] = ()) -> Make:
    def make(folder: Path, size: int) -> Sequence[str]:
        channel = package_of(folder / "channel", size)
        create = ["create", "-y", "-p", str(folder / "env"), "big", "-c", str(channel)]
        create.append("--override-channels")
        if not words:
            return create
        _run(folder, create)
        if after:
            _run(folder, [*after, "-p", str(folder / "env")])
        return [word.format(env=folder / "env", new=folder / "new") for word in words]

    return make


JOBS = {
    "verify": Job("packages", 1000, _installed("verify")),
    "doctor": Job("packages", 1000, _installed("doctor")),
    "remove --all": Job("packages", 1000, _installed("remove", "--all", "-y")),
    "tree": Job("packages in a chain", 1000, _installed("tree")),
    "sync": Job("specs", 500, _sync),
    "missing names": Job("names", 50, _missing, is_refused=True),
    "repoquery --tree": Job(
        "packages in a chain", 500, _channel("repoquery", "depends", "{last}", "--tree", chain=True)
    ),
    "whoneeds": Job("records", 25_000, _channel("repoquery", "whoneeds", "p0", chain=True)),
    "search '*0*'": Job("records", 25_000, _channel("search", "*0*")),
    "versions": Job(
        "versions", 1000, _channel("create", "--dry-run", "-n", "x", "p", "q", versions=True)
    ),
    "create": Job("files", 5_000, _files()),
    "clone": Job("files", 5_000, _files("create", "-y", "--clone", "{env}", "-p", "{new}")),
    "rename": Job("files", 5_000, _files("rename", "-y", "-p", "{env}", "{new}")),
    "undo": Job("files", 5_000, _files("undo", "-y", "-p", "{env}", after=["remove", "-y", "big"])),
    "du": Job("files", 5_000, _files("du", "-p", "{env}")),
}


def _make(name: str, folder: Path, size: int) -> Sequence[str]:
    return JOBS[name].make(folder, size)


def measure(name: str, scale: float) -> tuple[list[int], list[Cost]]:
    """Measure a job over four sizes, after one run of the smallest case."""
    job = JOBS[name]
    sizes = [1, *(int(scale * job.smallest * 2**power) for power in range(4))]
    costs = []
    for size in sizes:
        folder = Path(tempfile.mkdtemp(prefix="minicon-growth-"))
        try:
            with multiprocessing.get_context("fork").Pool(
                1
            ) as pool:  # peaks count from the fork on
                words = pool.apply(_make, (name, folder, size))
            costs.append(_run(folder, words, is_refused=job.is_refused))
        finally:
            shutil.rmtree(folder)
    return sizes, costs


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Slope of the line through the logarithms (least squares)."""
    logarithms = [math.log(max(value, 1e-6)) for value in values]
    return statistics.linear_regression([math.log(size) for size in sizes], logarithms).slope


def _run(folder: Path, words: Sequence[str], *, is_refused: bool = False) -> Cost:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "MINICON_ROOT": f"{folder}/root"}
    command = [sys.executable, "-m", "minicon", *words]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    errors = "\n".join(errors.splitlines()[-3:])
    if bool(process.returncode) is not is_refused or "this is a bug" in errors:
        sys.exit(
            f"{' '.join(command[:8])} failed after {time.perf_counter() - start:.0f} s:\n{errors}"
        )
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main() -> None:
    """Print one line per job; exit with 1 if one grows faster than linearly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=", ".join(JOBS))
    parser.add_argument("--scale", type=float, default=1.0, help="factor for all sizes")
    parser.add_argument("--csv", help="file to append every measurement to")
    arguments = parser.parse_args()
    too_fast = []
    for name in arguments.jobs or JOBS:
        sizes, costs = measure(name, arguments.scale)
        more = [max(cost.seconds - costs[0].seconds, NOTHING) for cost in costs[1:]]
        power = exponent(sizes[1:], more)
        seconds = " ".join(f"{cost.seconds:7.2f}" for cost in costs)
        memory = f"{costs[1].memory:4.0f} → {costs[-1].memory:4.0f} MiB"
        print(
            f"{name:18} 1, {sizes[1]:,} … {sizes[-1]:,} {JOBS[name].unit:20} {seconds} s"
            f"  ^{power:.2f}  {memory}",
            flush=True,
        )
        if power > LIMIT and costs[-1].seconds - costs[0].seconds > 4 * NOTHING:
            too_fast.append(name)
        if arguments.csv:
            with open(arguments.csv, "a", newline="") as file:
                rows = zip(sizes, costs, strict=True)
                unit, shown = JOBS[name].unit, f"{power:.2f}"
                csv.writer(file, lineterminator="\n").writerows(
                    (name, unit, n, f"{c.seconds:.3f}", f"{c.memory:.0f}", shown) for n, c in rows
                )
    if too_fast:
        sys.exit(f"faster than size ^ {LIMIT}: {', '.join(too_fast)}")


if __name__ == "__main__":
    main()
