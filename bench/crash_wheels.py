"""Kill installers of wheels during an update, and look at what is left.

    python bench/crash_wheels.py [--times 60] [--only PROGRAM]

Twenty projects with fifty files each go from version 1 to 2, from a directory of wheels. Each
trial copies an environment with version 1, starts the program, kills it (its children too) at a
random time, and counts what is left: the old environment, the new one, or something else. Of all
programs only the files of packages and their metadata are compared. uv and pip do not promise more.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.wheels import WheelBuilder

PROJECTS, FILES = 20, 50


def make_wheels(folder: Path) -> None:
    for number in range(PROJECTS):
        for version in ("1.0", "2.0"):
            wheel = WheelBuilder(f"p{number}", version)
            for file in range(FILES):
                wheel.file(f"p{number}/m{file}.py", f"version = {version}  # {file}\n" * 50)
            wheel.build(folder)


def names(version: str) -> list[str]:
    return [f"p{number}=={version}" for number in range(PROJECTS)]


def read(prefix: Path) -> dict[str, bytes]:
    """Return the files of the projects, without bytecode and what installers note of themselves."""
    own = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
    return {
        str(path.relative_to(prefix)): path.read_bytes()
        for path in prefix.glob("lib/python*/site-packages/p[0-9]*/**/*")
        if path.is_file() and path.suffix != ".pyc" and path.name not in own
    } | {
        str(path.relative_to(prefix)): b""
        for path in prefix.glob("lib/python*/site-packages/p[0-9]*.dist-info")
    }


class Program:
    """A program that installs wheels into ``envs/e`` below a directory, and its commands."""

    def __init__(
        self, folder: Path, command: Callable[[str], list[str]], create: list[str]
    ) -> None:
        self.folder = folder
        self.command = command
        self.prefix = folder / "root" / "envs" / "e"
        self.environ = {
            **os.environ,
            "MINICON_ROOT": str(folder / "root"),
            "UV_CACHE_DIR": str(folder / "uv"),
            "PIP_CACHE_DIR": str(folder / "pip"),
            "MINICON_CHANNELS": "host,pypi",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(folder.parent / "wheels"),
            "MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
            "MINICON_HOST_PYTHON": "link",
        }
        folder.mkdir()
        subprocess.run(create, env=self.environ, check=True, stdout=subprocess.DEVNULL)
        self.run(command("1.0"))
        shutil.copytree(folder / "root" / "envs", folder / "saved", symlinks=True)
        self.old = read(self.prefix)
        self.run(command("2.0"))
        self.new = read(self.prefix)
        assert self.old != self.new
        self.seconds = statistics.median(self.timed() for _ in range(3))

    def run(self, command: list[str]) -> None:
        subprocess.run(command, env=self.environ, check=True, stdout=subprocess.DEVNULL)

    def restore(self) -> None:
        shutil.rmtree(self.folder / "root" / "envs")
        shutil.copytree(self.folder / "saved", self.folder / "root" / "envs", symlinks=True)

    def timed(self) -> float:
        self.restore()
        start = time.perf_counter()
        self.run(self.command("2.0"))
        return time.perf_counter() - start

    def trial(self, chance: random.Random) -> str:
        self.restore()
        process = subprocess.Popen(
            self.command("2.0"), env=self.environ, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(chance.uniform(0, self.seconds))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        left = read(self.prefix)
        return "old" if left == self.old else "new" if left == self.new else "other"


def programs(folder: Path) -> dict[str, Callable[[], Program]]:
    """Return the programs that are installed; each makes its environment when it is called."""
    bin_ = Path(sys.executable).parent
    python = {name: f"{folder}/{name}/root/envs/e/bin/python" for name in ("uv", "pip")}
    wheels = ["--no-index", "--find-links", str(folder / "wheels")]
    found: dict[str, Callable[[], Program]] = {}

    def add(name: str, install: list[str], create: list[str], source: str = "") -> None:
        def command(version: str) -> list[str]:
            return [*install, *(f"{source}{each}" for each in names(version))]

        found[name] = lambda: Program(folder / name, command, create)

    if uv := shutil.which("uv", path=f"{bin_}:{os.environ['PATH']}"):
        install = [uv, "pip", "install", "-q", "--python", python["uv"], *wheels]
        prefix = str(Path(python["uv"]).parent.parent)
        add("uv", install, [uv, "venv", "-q", "--python", sys.executable, prefix])
    install = [python["pip"], "-m", "pip", "install", "-q", *wheels]
    add("pip", install, [sys.executable, "-m", "venv", str(Path(python["pip"]).parent.parent)])
    own, quiet = str(bin_ / "minicon"), ["-y", "-q", "-n", "e"]
    add("minicon", [own, "install", *quiet], [own, "create", *quiet, "python"], "pypi:")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=60)
    parser.add_argument("--only", choices=("uv", "pip", "minicon"))
    options = parser.parse_args()
    times = options.times
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "wheels").mkdir()
        make_wheels(folder / "wheels")
        for program, make in programs(folder).items():
            if options.only not in (None, program):
                continue
            subject = make()
            chance = random.Random(1)
            tally = Counter(subject.trial(chance) for _ in range(times))
            counts = ", ".join(f"{tally[kind]} {kind}" for kind in ("old", "new", "other"))
            print(f"{program}: {times} kills within {subject.seconds:.2f} s: {counts}", flush=True)


if __name__ == "__main__":
    main()
