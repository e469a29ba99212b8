"""Kill the real program again and again, and look at what is left.

    python bench/crash.py [--times 60] [--calls 12] [--rounds 5] [--folder DIR] [--page FILE]

As it stands that is about 650 kills, 120 of py-rattler, and 25 minutes on two busy cores;
``--times 10 --calls 2`` takes four minutes, ``--times 200 --calls 60`` is for a night.
``--save FILE`` keeps the kills' results, ``--read FILE`` makes the page from them again.

Every trial restores one MINICON_ROOT, starts one command as users do, ends it with SIGKILL
(its children too), and then checks:

    I1  the environment is the old one or the new one: every path, mode, content and record
    I2  every package in the cache is what its own list of files says
    I3  the same command, given again, makes the new one and leaves nothing behind
    I4  another environment beside it is untouched: inodes, times, content

Moments are random times of the command's life (``--times`` per command) and, where strace is
installed, the N-th call of a kind (``--calls`` per kind and command; N at random). py-rattler's
installer goes through the same loop in a process of its own, from records that are solved
already; of it only the files and the names in conda-meta are compared.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from crash_channel import make_channel
from tests.support.prefixes import snapshot

from minicon.package.validate import verify_package

#: What is killed at its N-th time, by the name of the row; a set of system calls each.
CALLS = {
    "write": "write,pwrite64",
    "mkdir": "mkdir,mkdirat",
    "link": "link,linkat",
    "rename": "rename,renameat,renameat2",
    "unlink": "unlink,unlinkat,rmdir",
    "sync": "fsync,fdatasync,syncfs,sync",
}
_TIME = re.compile(rb"==> \d{4}-\d\d-\d\d \d\d:\d\d:\d\d <==")
_NOT_COMPARED = ("conda-meta/generation", "conda-meta/created_at")


@dataclass
class Tally:
    """Trials of one command, by where it was when it died."""

    tried: Counter[str] = field(default_factory=Counter)
    survived: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def add(self, phase: str, problem: str | None) -> None:
        self.tried[phase] += 1
        if problem is None:
            self.survived[phase] += 1
        else:
            self.problems.append(f"{phase}: {problem}")


@dataclass(frozen=True)
class Command:
    """One thing to do with the environment ``env``.

    Attributes:
        before: Command lines that make the state to start from.
        words: The command line that is killed.
    """

    name: str
    before: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]


def commands(channel: str) -> list[Command]:
    source = ("-c", channel, "--override-channels", "--no-pip")
    create = ("create", "-y", "-n", "env", *source)
    old = (*create, "app=1.0", "data")
    update = ("update", "-y", "-n", "env", *source, "app")
    return [
        Command("create", (), (*create, "app=2.0", "data")),
        Command("install", (old,), ("install", "-y", "-n", "env", *source, "tool")),
        Command("update", (old,), update),
        Command("remove", (old,), ("remove", "-y", "-n", "env", *source, "data")),
        Command("rollback", (old, update), ("rollback", "-n", "env", "1")),
    ]


class Stage:
    """A MINICON_ROOT that is put back before each trial."""

    def __init__(self, folder: Path, channel: str) -> None:
        self.root = folder / "root"
        self.saved = folder / "saved"
        self.channel = channel
        self.home = folder / "home"
        self.home.mkdir()
        self.untouched: list[tuple[str, int, int, int]] = []

    @property
    def env(self) -> Path:
        return self.root / "envs" / "env"

    @property
    def variables(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CONDA_", "MINICON_"))}
        return {
            **kept,
            "HOME": str(self.home),
            "MINICON_ROOT": str(self.root),
            "MINICON_REGISTER_ENVS": "false",
        }

    def prepare(self, command: Command) -> None:
        """The state to start from: another environment, the old one, and an empty cache."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.rmtree(self.saved, ignore_errors=True)
        other = ("create", "-y", "-n", "other", "-c", self.channel, "--override-channels", "base-a")
        for words in (other, *command.before):
            self.run(*words)
        for package in (self.root / "pkgs").glob("*-*-*"):
            shutil.rmtree(package)  # so that what is killed fetches and unpacks, too
        subprocess.run(["cp", "-a", self.root, self.saved], check=True)

    def restore(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(["cp", "-a", self.saved, self.root], check=True)
        self.untouched = self.others()

    def start(self, *words: str, tracer: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*tracer, sys.executable, "-m", "minicon", *words],
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str) -> str:
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        if process.returncode:
            raise RuntimeError(f"minicon {' '.join(words)}: exit {process.returncode}\n{err}")
        return out

    def state(self) -> dict[str, tuple[str, int, str]]:
        """All that users see of the environment; no times."""
        found = snapshot(self.env)
        for path in _NOT_COMPARED:
            found.pop(path, None)
        history = self.env / "conda-meta" / "history"
        if history.exists():
            kind, mode, _ = found["conda-meta/history"]
            text = _TIME.sub(b"", history.read_bytes()).decode()
            found["conda-meta/history"] = (kind, mode, text)
        return found

    def others(self) -> list[tuple[str, int, int, int]]:
        """The other environment, and the user's home: names, inodes, sizes, times."""
        found = []
        for top in (self.root / "envs" / "other", self.home):
            for path in sorted(top.rglob("*")):
                status = path.lstat()
                found.append((str(path), status.st_ino, status.st_size, status.st_mtime_ns))
        return found

    def phase(self, old: object, new: object) -> str:
        """How far a dead process had come, by what it left."""
        now = self.state()
        if now == new:
            return "after the switch"
        if now != old:
            return "no known state"
        store = self.root / "envs" / ".minicon-generations" / "env"
        names = os.listdir(store) if store.is_dir() else []
        if any(name.startswith("stage-") for name in names):
            return "linking"
        work = self.root / "pkgs" / ".work"
        if work.is_dir() and any(work.iterdir()):
            return "fetching, unpacking"
        return "before and between"

    def leftovers(self) -> list[str]:
        envs, work = self.root / "envs", self.root / "pkgs" / ".work"
        odd = [p.name for p in envs.rglob("*") if p.name.startswith(("stage-", "trash-"))]
        return odd + [path.name for path in work.iterdir()]


def kill(process: subprocess.Popen[str]) -> None:
    """End a process and its children. They have a group of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def check(stage: Stage, command: Command, old: object, new: object) -> str | None:
    """What is wrong after a kill, or None."""
    if stage.state() not in (old, new):
        return "I1 at once: neither old nor new"
    for package in (stage.root / "pkgs").glob("*-*-*"):
        if problems := verify_package(package):
            return f"I2: {package.name} {problems[0]}"
    if stage.others() != stage.untouched:
        return "I4: another environment was touched"
    listing = stage.start("list", "-n", "env", "--json")
    out, err = listing.communicate(timeout=60)
    now = stage.state()
    if now not in (old, new) or "Traceback" in err:
        return "I1: neither old nor new after the next command"
    if now and (listing.returncode or not json.loads(out)):
        return f"I1: minicon list: {err.strip()}"
    if now == old:
        again = stage.start(*command.words)
        _, err = again.communicate(timeout=120)
        if again.returncode or stage.state() != new:
            return f"I3: the command given again: {err.strip()[-200:] or 'another state'}"
        if left := stage.leftovers():
            return f"I3: left behind: {left[0]}"
    return None


def kills_at_times(
    stage: Stage, command: Command, seconds: float, count: int, chance: random.Random
) -> Iterator[None]:
    for _ in range(count):
        stage.restore()
        process = stage.start(*command.words)
        time.sleep(chance.uniform(0.15, 1.05) * seconds)
        kill(process)
        yield


def kills_at_calls(
    stage: Stage, command: Command, count: int, chance: random.Random
) -> Iterator[None]:
    """Kill at the N-th call of each kind, the N-th of whichever thread comes there first."""
    log = stage.root.parent / "calls"
    for calls in CALLS.values():
        stage.restore()
        tracer = ("strace", "-f", "-qq", "-o", str(log), "-e", f"trace={calls}")
        stage.start(*command.words, tracer=tracer).communicate(timeout=120)
        total = sum(1 for line in log.read_text(errors="replace").splitlines() if "(" in line)
        for number in chance.sample(range(1, total + 1), min(count, total)):
            stage.restore()
            inject = f"inject={calls}:signal=KILL:when={number}"
            tracer = ("strace", "-f", "-qq", "-o", os.devnull, "-e", inject)
            process = stage.start(*command.words, tracer=tracer)
            process.communicate(timeout=120)
            kill(process)
            yield


def campaign(stage: Stage, options: argparse.Namespace, chance: random.Random) -> dict[str, Tally]:
    """Kill every command; one tally each."""
    tallies = {}
    for command in commands(stage.channel):
        if options.only and command.name not in options.only:
            continue
        stage.prepare(command)
        old = stage.state()
        begun = time.perf_counter()
        stage.run(*command.words)
        seconds = time.perf_counter() - begun
        new = stage.state()
        assert old != new
        tally = tallies[command.name] = Tally()

        def note(tally: Tally = tally, command: Command = command) -> None:
            phase = stage.phase(old, new)  # noqa: B023 - called within this turn of the loop
            tally.add(phase, check(stage, command, old, new))  # noqa: B023

        for _ in kills_at_times(stage, command, seconds, options.times, chance):
            note()
        if shutil.which("strace") and options.calls:
            for _ in kills_at_calls(stage, command, options.calls, chance):
                note()
        show(command.name, tally)
    return tallies


PEER = """\
import asyncio, json, sys
import rattler
records = [
    rattler.RepoDataRecord(
        rattler.PackageRecord.from_index_json(path), file_name, url, channel
    )
    for path, file_name, url, channel in json.load(open(sys.argv[1]))
]
print("ready", flush=True)
asyncio.run(rattler.install(records, sys.argv[2], cache_dir=sys.argv[3], show_progress=False))
"""


class Peer:
    """py-rattler's installer: the same packages, solved already."""

    def __init__(self, folder: Path, channel: Path) -> None:
        self.folder = folder
        self.channel = channel
        self.prefix = folder / "env"
        self.cache = folder / "cache"
        self.program = folder / "install.py"
        folder.mkdir()
        self.program.write_text(PEER)

    def wanted(self, *names: str) -> Path:
        """A file that lists packages as the program reads them."""
        rows = []
        index = json.loads((self.channel / "linux-64" / "repodata.json").read_bytes())
        for file_name, record in index["packages.conda"].items():
            if any(file_name.startswith(f"{name}-") for name in names):
                path = self.folder / f"{file_name}.json"
                path.write_text(json.dumps(record))
                url = (self.channel / "linux-64" / file_name).as_uri()
                rows.append((str(path), file_name, url, self.channel.as_uri()))
        listing = self.folder / f"{'+'.join(names)}.list"
        listing.write_text(json.dumps(rows))
        return listing

    def start(self, listing: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, self.program, listing, self.prefix, self.cache],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        process.stdout.readline()
        return process

    def state(self) -> dict[str, object]:
        """Files outside of conda-meta, and which records there are."""
        found: dict[str, object] = dict(snapshot(self.prefix, metadata=False))
        meta = self.prefix / "conda-meta"
        found["conda-meta"] = sorted(path.name for path in meta.glob("*.json"))
        return found

    def _differs(self, wanted: dict[str, object]) -> set[str]:
        now = self.state()
        return {path for path in {*now, *wanted} if now.get(path) != wanted.get(path)}

    def restore(self, before: Path | None) -> None:
        shutil.rmtree(self.prefix, ignore_errors=True)
        shutil.rmtree(self.cache, ignore_errors=True)
        if before is not None:
            subprocess.run(["cp", "-a", before, self.prefix], check=True)

    def campaign(self, count: int, chance: random.Random) -> dict[str, Tally]:
        old = ("app-1.0", "data-1.0", "lib-1.0", "base-a", "base-b")
        new = ("app-2.0", "data-1.0", "lib-2.0", "base-a", "base-b")
        cases: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
            "create": ((), new),
            "install": (old, (*old, "tool")),
            "update": (old, new),
            "remove": (old, ("app-1.0", "lib-1.0", "base-a", "base-b")),
        }
        return {name: self._kill(*case, count, chance) for name, case in cases.items()}

    def _kill(
        self, before: tuple[str, ...], after: tuple[str, ...], count: int, chance: random.Random
    ) -> Tally:
        saved = None
        self.restore(None)
        if before:
            self.start(self.wanted(*before)).communicate()
            saved = self.folder / "saved"
            shutil.rmtree(saved, ignore_errors=True)
            shutil.copytree(self.prefix, saved, symlinks=True)
        self.restore(saved)
        old, listing = self.state(), self.wanted(*after)
        process = self.start(listing)
        begun = time.perf_counter()
        process.communicate()
        seconds = time.perf_counter() - begun
        new = self.state()
        tally = Tally()
        for _ in range(count):
            self.restore(saved)
            process = self.start(listing)
            time.sleep(chance.uniform(0.0, 1.05) * seconds)
            kill(process)
            now = self.state()
            whole = now in (old, new) or (not old["conda-meta"] and not self.prefix.exists())
            # Its exit status does not count: on some machines it crashes when all is done.
            self.start(listing).communicate()
            healed = self.state() == new
            problem = None if whole else "neither old nor new"
            tally.add("old or new", problem)
            tally.add("given again", None if healed else f"{sorted(self._differs(new))[:2]}")
        return tally


def show(name: str, tally: Tally) -> None:
    for phase, tried in sorted(tally.tried.items()):
        print(f"{name:10} {phase:22} {tally.survived[phase]:4} / {tried}")
    for problem in tally.problems[:5]:
        print(f"    {problem}")
    sys.stdout.flush()


Results = dict[str, dict[str, dict[str, list[int]]]]


def run_campaign(folder: Path, options: argparse.Namespace) -> Results:
    """Kill minicon and the peer; per command and phase: [survived, tried]."""
    chance = random.Random(options.seed)
    channel = make_channel(folder / "channel")
    found = {"minicon": campaign(Stage(folder, channel.as_uri()), options, chance)}
    if importlib.util.find_spec("rattler") and not options.only:
        found["py-rattler"] = Peer(folder / "peer", channel).campaign(options.times // 2, chance)
        for name, tally in found["py-rattler"].items():
            show(f"({name})", tally)
    return {
        tool: {
            command: {phase: [tally.survived[phase], tried] for phase, tried in tally.tried.items()}
            for command, tally in tallies.items()
        }
        for tool, tallies in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=60, help="kills at random times, per command")
    parser.add_argument("--calls", type=int, default=12, help="kills per kind of call and command")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of eight processes")
    parser.add_argument("--only", nargs="*", help="these commands, and no peer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--save", type=Path, help="write the kill loop's results as JSON")
    parser.add_argument("--read", type=Path, help="use saved results instead of killing again")
    parser.add_argument("--page", type=Path, help="measure the rest, and write all as a page")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="minicon-crash-", dir=options.folder))
    try:
        results: Results = (
            json.loads(options.read.read_text()) if options.read else run_campaign(folder, options)
        )
        if options.save:
            options.save.write_text(json.dumps(results))
        if options.page:
            from crash_figures import measure, page

            options.page.write_text(page(results, measure(folder, rounds=options.rounds)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
