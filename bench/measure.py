"""Time whole processes against each other: interleaved runs, medians, ratios.

Machines are noisy: commands take turns (A B A B …), every figure is a median, and what is to be
quoted is the ratio of the medians.
"""

from __future__ import annotations

import csv
import os
import resource
import shlex
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """Medians of one command.

    Attributes:
        wall: Seconds on the clock.
        cpu: Seconds of processor time, children included.
        memory: Peak of the largest process in MiB.
        wall_spread: Half the distance of the quartiles of ``wall``, as a part of it.
        cpu_spread: The same for ``cpu``.
    """

    name: str
    wall: float
    cpu: float
    memory: float = 0.0
    wall_spread: float = 0.0
    cpu_spread: float = 0.0

    @classmethod
    def of(cls, name: str, samples: list[tuple[float, ...]]) -> Measured:
        """Summarize samples: seconds on the clock, of processor time, and MiB if measured."""
        wall, cpu, *memory = zip(*samples, strict=True)
        return cls(
            name,
            statistics.median(wall),
            statistics.median(cpu),
            *map(statistics.median, memory),
            wall_spread=spread(wall),
            cpu_spread=spread(cpu),
        )


def spread(values: tuple[float, ...]) -> float:
    """Half the distance of the quartiles, as a part of the median."""
    if len(values) < 3:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / 2 / (middle or 1.0)


def compare(
    commands: dict[str, list[str]],
    *,
    runs: int = 7,
    environ: dict[str, str] | None = None,
    before: dict[str, list[str]] | None = None,
    warm_up: bool = True,
) -> list[Measured]:
    """Run commands in turns, by default after one warm-up each. Raises if a command fails.

    Args:
        commands: Name to argv.
        runs: Counted runs of each.
        environ: Added to the environment variables.
        before: Per name, what to run, uncounted, before each of its runs (to clean up).
    """
    own = dict(os.environ)
    # As installed, modules have their bytecode; the warm-up writes it for those that were edited.
    own.pop("PYTHONDONTWRITEBYTECODE", None)
    samples: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for turn in range(runs + warm_up):
        for name, argv in commands.items():
            if before and name in before:
                subprocess.run(before[name], check=True)
            sample = _run(argv, {**own, **(environ or {})})
            if turn >= warm_up:
                samples[name].append(sample)
    return [Measured.of(name, rows) for name, rows in samples.items()]  # type: ignore[arg-type]


def in_new_place(argv: list[str]) -> list[str]:
    """ARGV with ``NUMBER`` in it replaced by one that each run has for itself.

    Measuring in the place that was just emptied would measure ext4, which avoids inodes that were
    freed within the last seconds and looks at each of them again for every new folder.
    """
    return ["sh", "-c", "exec " + shlex.join(argv).replace("NUMBER", "$$")]


def print_table(title: str, measured: list[Measured]) -> None:
    """Print medians, and ratios to the last row (the peer); ``bench/all.py`` gets them too."""
    record(title, measured)
    peer = measured[-1]
    print(f"\n{title}\n{'':28}{'wall':>9}{'cpu':>9}{'MiB':>8}{'× wall':>9}{'× cpu':>8}")
    for row in measured:
        print(
            f"{row.name:28}{row.wall:8.3f}s{row.cpu:8.3f}s{row.memory:8.0f}"
            f"{row.wall / peer.wall:9.2f}{row.cpu / peer.cpu:8.2f}"
        )


def record(title: str, measured: list[Measured]) -> None:
    """Append rows to the file that ``BENCH_RESULTS`` names, if it is set."""
    path = os.environ.get("BENCH_RESULTS")
    if path:
        with open(path, "a", newline="") as file:
            for row in measured:
                spreads = f"{row.wall_spread:.3f}", f"{row.cpu_spread:.3f}"
                times = f"{row.wall:.4f}", f"{row.cpu:.4f}"
                csv.writer(file).writerow((title, row.name, *times, *spreads))


def _run(argv: list[str], environ: dict[str, str]) -> tuple[float, float, float]:
    start = time.perf_counter()
    process = subprocess.Popen(
        argv, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(argv)} failed:\n{errors}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def peak_memory() -> float:
    """Peak memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
