"""Further figures for bench/crash.py, and the page with all of them."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crash_channel import make_channel
from measure import compare
from tests.support.channel_server import ChannelServer, Stall
from tests.support.packages import PackageBuilder, build_channel

ROOT = Path(__file__).parent.parent
POWER_CUTS = 300
_PASSED = re.compile(r"(\d+) passed")
_FAILED = re.compile(r"(\d+) failed")

#: Tool, command, phase: [survived, tried].
Results = dict[str, dict[str, dict[str, list[int]]]]


@dataclass(frozen=True)
class Figures:
    """What was measured beside the kill loop.

    Attributes:
        power_cuts: Disk states after which all was well, and how many were built.
        rounds: Rounds of eight processes that ended well, and how many were run.
        resumed: Part of a file that a killed download did not fetch again.
        durability: Time of a durable create by that of one that does not wait for the disk,
            measured several times, ascending.
    """

    power_cuts: tuple[int, int]
    rounds: tuple[int, int]
    resumed: float
    durability: dict[str, list[float]]


def measure(folder: Path, *, rounds: int) -> Figures:
    """Measure everything; some minutes."""
    passed, failed = _tests("tests/prefix/test_power_cut.py", "not model")
    good = sum(_tests("tests/integration/test_processes.py", "")[1] == 0 for _ in range(rounds))
    return Figures(
        power_cuts=(passed * POWER_CUTS, (passed + failed) * POWER_CUTS),
        rounds=(good, rounds),
        resumed=_resumed(folder / "resume"),
        durability=_durability(folder / "durability", times=3),
    )


def _tests(path: str, chosen: str) -> tuple[int, int]:
    """Passed and failed tests of a file."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path, "-k", chosen]
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, "MINICON_POWER_CUTS": str(POWER_CUTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    found = (pattern.search(done.stdout) for pattern in (_PASSED, _FAILED))
    passed, failed = (int(match[1]) if match else 0 for match in found)
    return passed, failed


@contextlib.contextmanager
def _slow_server(folder: Path) -> Iterator[ChannelServer]:
    big = PackageBuilder("big").file("lib/big", random.Random(3).randbytes(8 << 20))
    with ChannelServer(build_channel(folder / "channel", [big])) as server:
        yield server


def _resumed(folder: Path) -> float:
    """Kill a download at two thirds, run the command again: what part was not fetched twice?"""
    with _slow_server(folder) as server:
        archive = next((folder / "channel" / "linux-64").glob("*.conda"))
        server.fault("*.conda", Stall(at=archive.stat().st_size * 2 // 3, seconds=60))
        words = _create(server.url, "big")
        environ = _environ(folder)
        process = subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while _largest(folder / "root" / "pkgs" / ".work") < archive.stat().st_size * 0.6:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        process.kill()
        process.wait()
        server.clear_faults()
        server.forget()
        subprocess.run(words, env=environ, stdout=subprocess.DEVNULL, check=True)
        (request,) = server.matching("*.conda")
        start = re.match(r"bytes=(\d+)-", request.headers.get("Range", ""))
        return int(start[1]) / archive.stat().st_size if start else 0.0


def _largest(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return max((path.stat().st_size for path in folder.iterdir()), default=0)
    return 0


def _durability(folder: Path, *, times: int) -> dict[str, list[float]]:
    """Whole processes: create, durable by not durable; packages cached, and not."""
    channel = make_channel(folder / "channel")
    ratios: dict[str, list[float]] = {}
    for name, removed in (("packages in the cache", ("envs",)), ("empty cache", ("envs", "pkgs"))):
        environ = _environ(folder)
        places = [str(folder / "root" / place) for place in removed]
        remove = ["rm", "-rf", *places]
        words = _create(channel.as_uri(), "app", "data", "tool")
        commands = {
            choice: ["env", f"MINICON_DURABILITY={choice}", *words] for choice in ("safe", "fast")
        }
        before = {"safe": remove, "fast": remove}
        runs = [compare(commands, runs=9, environ=environ, before=before) for _ in range(times)]
        ratios[name] = sorted(safe.wall / fast.wall for safe, fast in runs)
    shutil.rmtree(folder, ignore_errors=True)
    return ratios


def _create(channel: str, *names: str) -> list[str]:
    words = ("create", "-y", "-n", "env", "-c", channel, "--override-channels", "--no-pip")
    return [sys.executable, "-m", "minicon", *words, *names]


def _environ(folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CONDA_", "MINICON_"))}
    return {
        **kept,
        "HOME": str(folder),
        "MINICON_ROOT": str(folder / "root"),
        "MINICON_REGISTER_ENVS": "false",
    }


def page(results: Results, figures: Figures) -> str:
    """The text of docs/reliability.md."""
    survived, tried = _sum(results["minicon"])
    cuts = figures.power_cuts
    return f"""\
# Reliability, measured

After a crash, a kill or a power cut an environment is the old one or the new one, and the next
command recovers it. One command measures this page's figures, on Linux:

    python bench/crash.py --page docs/reliability.md

## Killed at random: {survived} of {tried} survived

Each trial runs one command, kills it with SIGKILL (at a random time, or by strace at the N-th
system call of a kind), and then checks four invariants:

* I1: the environment is the old or the new one: every path, mode, content and record;
* I2: every package in the cache is complete;
* I3: the same command, run again, makes the new environment and leaves no temporary files;
* I4: another environment beside it is unchanged.

"Survived" means all four. The columns show how far the killed command had got, judged by the files
it left: "before and between" is planning; "after the switch" includes commands that had just ended.

{_own_table(results["minicon"])}
{_peer_text(results.get("py-rattler", {}))}
## Failed, killed and interrupted at every step

Random kills are a sample. Tests in `tests/prefix` are exhaustive:

* `test_never_half.py` fails (disk full, once and permanently), kills and interrupts at *every*
  change of the file system that create, update, remove and rollback make, with and without
  `RENAME_EXCHANGE`;
* `test_entry_swap.py` does the same where an environment cannot be renamed (mount points, other
  users' directories, image layers: [ADR 6](adr/0006-generations-and-one-switch.md)), and
  `test_mounted.py` uses real mounts;
* `test_link_scripts.py` kills between link scripts;
* `test_full_disk.py` fills a real disk;
* `test_stateful.py` compares random sequences of all of these with a model.

## Power cuts, simulated: {cuts[0]:,} of {cuts[1]:,} disk states survived

After a power cut, a disk may not contain what programs wrote: data that was not synced may be
missing or truncated, and changes of names in different directories may reach the disk in any order.
`tests/support/power_cut.py` records every change, builds states that POSIX allows ({POWER_CUTS} at
random per change), and checks I1 to I3 in each. That found bugs that kills do not show: a rollback
could lose the number of the kept revision, and a change could be committed before the disk had the
files that its link scripts or pip wrote.

What durability costs: the time of `minicon create` with `durability: safe`, divided by that with
`fast` (whole processes, medians of 9 interleaved runs, three times; `syncfs` also writes other
programs' data, so the range includes a busy disk):

| | safe / fast | range |
|---|---|---|
{_rows(figures.durability)}

## Many processes: {figures.rounds[0]} of {figures.rounds[1]} rounds without an error

A round is `tests/integration/test_processes.py`: eight processes create environments from one
empty cache (each package is downloaded exactly once), then eight install, remove, update and read
one environment at once. A process that must wait reports for which process, and waits
`lock_timeout` seconds at most.

## Interrupted downloads

A download that was killed at two thirds was resumed: **{figures.resumed:.0%}** of the file was not
downloaded again, and the whole file was verified.

## Not promised

* With `durability: fast`, a power cut may damage the environment; kills and crashes do not.
* No program can detect a disk that reports data as written and has not written it.
* What a package's link scripts do outside of the environment is not undone; where the system
  can, they cannot change anything there ([the boundary](internals/link-scripts.md)).
* Where an environment cannot be renamed as a whole, readers see old and new entries while some ten
  renames take place.
* Random kills are a sample: those at a random time mostly hit the steps that take longest.
"""


def _sum(commands: dict[str, dict[str, list[int]]]) -> tuple[int, int]:
    pairs = [pair for phases in commands.values() for pair in phases.values()]
    return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)


_PHASES = ("before and between", "fetching, unpacking", "linking", "after the switch")


def _own_table(commands: dict[str, dict[str, list[int]]]) -> str:
    """Rows of commands, columns of phases, and the sums."""
    extra = {phase for phases in commands.values() for phase in phases} - set(_PHASES)
    phases = (*_PHASES, *sorted(extra))
    lines = [f"| survived / tried | {' | '.join(phases)} | all |", "|---" * (len(phases) + 2) + "|"]
    for name, found in commands.items():
        cells = [_cell(found[phase]) if phase in found else "–" for phase in phases]
        lines.append(f"| {name} | {' | '.join(cells)} | **{_cell(_sum({name: found}))}** |")
    return "\n".join(lines)


def _cell(pair: tuple[int, int] | list[int]) -> str:
    return f"{pair[0]} / {pair[1]}"


def _peer_text(commands: dict[str, dict[str, list[int]]]) -> str:
    if not commands:
        return ""
    rows = "\n".join(
        f"| {name} | {_cell(found['old or new'])} | {_cell(found['given again'])} |"
        for name, found in commands.items()
    )
    return f"""
py-rattler's installer in the same loop: the same packages, already solved, killed at a random time
of `install()`; only files and names of records are compared. Its authors do not promise atomicity;
for its users, the second column is what matters.

| survived / tried | old or new | correct after running the command again |
|---|---|---|
{rows}
"""


def _rows(figures: dict[str, list[float]]) -> str:
    """Median and range of each."""
    return "\n".join(
        f"| {name} | {values[len(values) // 2]:.2f} | {values[0]:.2f} to {values[-1]:.2f} |"
        for name, values in figures.items()
    )
