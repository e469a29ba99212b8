"""The price of link scripts: an environment made and changed with and without one.

    ./dev bench link_scripts [--files 20000] [--megabytes 0] [--rounds 5] [--folder DIR]

One package of the environment has a script that does nothing (or the change leaves scripts out).
What is paid beside the script's own time: files that others have too are copies while it runs,
its limits are set up, what it left is looked for. The rows are interleaved, numbers are medians;
the last rows are the parts by themselves.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from link_environment import Package, cpu, make_package

from minicon.fs.hashing import sha256_of_file
from minicon.models.records import RepodataRecord
from minicon.package.cache.package_cache import PackageCache
from minicon.package.prepare.preparation import prepare_package
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.executor import Executor
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.plan.transaction import make_transaction
from minicon.prefix.removal import remove_environment
from minicon.prefix.scripts.confinement import confined
from minicon.prefix.scripts.link_scripts import LinkScriptRunner
from minicon.prefix.scripts.working_copy import unshared_files
from minicon.publish.conda_archive import write_conda_archive
from minicon.solver.request import Solution


def scripted_package(root: Path, cache: PackageCache, action: str, version: str) -> Package:
    """A package with one script that does nothing."""
    import json

    name = f"with-{action}"
    folder = root / "source"
    path = f"bin/.{name}-{action}.sh"
    (folder / "bin").mkdir(parents=True)
    (folder / path).write_text("exit 0\n")
    entry = {
        "_path": path,
        "path_type": "hardlink",
        "size_in_bytes": 7,
        "sha256": sha256_of_file(folder / path),
    }
    index = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": []}
    (folder / "info").mkdir()
    (folder / "info/index.json").write_text(json.dumps({**index, "subdir": "linux-64"}))
    (folder / "info/paths.json").write_text(json.dumps({"paths": [entry], "paths_version": 1}))
    archive = write_conda_archive(folder, root / "channel/linux-64", f"{name}-{version}-0")
    shutil.rmtree(folder)
    record = RepodataRecord(
        {**index, "sha256": sha256_of_file(archive), "size": archive.stat().st_size},
        channel="bench",
        subdir="linux-64",
        fn=archive.name,
        url=archive.as_uri(),
    )
    prepare = prepare_package(lambda _, place: shutil.copy(archive, place), record)
    return Package(record, cache.ensure(record, prepare).directory, [path])


class Bench:
    """An environment, and changes of it."""

    def __init__(self, root: Path, files: int, megabytes: int) -> None:
        self.root = root
        self.cache = cache = PackageCache([root / "pkgs"], durable=False)
        count = max(1, files // 500)
        self.packages = [make_package(root, cache, f"p{n}", "1", 500) for n in range(count)]
        for number in range(megabytes):  # as if a package had brought them
            package, name = number % count, number // count % 500
            path = f"lib/p{package}/d{name // 40}/f{name}"
            (self.packages[package].directory / path).write_bytes(os.urandom(1 << 20))
        self.after = scripted_package(root, cache, "post-link", "1")
        self.before = scripted_package(root, cache, "pre-unlink", "1")
        self.env = root / "envs/e"
        self.env.parent.mkdir()

    def apply(self, *more: Package, scripts: bool, durable: bool = False) -> None:
        solution = Solution(records=tuple(p.record for p in (*self.packages, *more)))
        transaction = make_transaction(Prefix(self.env), solution, platform="linux-64")
        cached = {p.record: self.cache.find(p.record) for p in (*self.packages, *more)}
        runner = LinkScriptRunner(root_prefix=self.root) if scripts else None
        Executor(durable=durable, link_scripts=runner).execute(transaction, cached)

    def remove(self, *, scripts: bool) -> None:
        runner = LinkScriptRunner(root_prefix=self.root) if scripts else None
        remove_environment(self.env, link_scripts=runner)

    def own(self) -> None:
        with unshared_files(GenerationStore(self.env)):
            pass

    def rows(self) -> dict[str, Callable[[], None]]:
        """In an order in which each finds what it needs."""
        rows: dict[str, Callable[[], None]] = {}
        for scripts in (False, True):
            end = "with scripts" if scripts else "scripts left out"
            rows[f"create, {end}"] = lambda s=scripts: self.apply(self.before, scripts=s)
            rows[f"install one, post-link: {end}"] = lambda s=scripts: self.apply(
                self.before, self.after, scripts=s
            )
            rows[f"remove one, pre-unlink: {end}"] = lambda s=scripts: self.apply(
                self.after, scripts=s
            )
            rows[f"(again) {end}"] = lambda: self.apply(self.before, scripts=False)
            if scripts:
                rows["part: own files, and back"] = self.own
            rows[f"remove all: {end}"] = lambda s=scripts: self.remove(scripts=s)
            rows[f"create durably, post-link: {end}"] = lambda s=scripts: self.apply(
                self.after, scripts=s, durable=True
            )
            rows[f"(remove) {end}"] = lambda: self.remove(scripts=False)
        rows["part: a program within limits"] = lambda: run(confined(["true"], [str(self.root)]))
        rows["part: the same, supervised only"] = lambda: run(confined(["true"], None))
        rows["part: python that does nothing"] = lambda: run([sys.executable, "-ISc", ""])
        return rows


def run(words: list[str] | None) -> None:
    subprocess.run(words or ["true"], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--megabytes", type=int, default=0, help="in files of one megabyte")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default=None, help="where to work; its file system counts")
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="minicon-bench-", dir=arguments.folder))
    try:
        rows = Bench(root, arguments.files, arguments.megabytes).rows()
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
        for _ in range(arguments.rounds):
            for name, action in rows.items():
                used, began = cpu(), time.perf_counter()
                action()
                times[name].append((time.perf_counter() - began, cpu() - used))
    finally:
        shutil.rmtree(root)
    print(f"{arguments.files} files, {arguments.megabytes} MB, {arguments.rounds} rounds\n")
    print("| | seconds | of processors |\n|---|---|---|")
    for name, found in times.items():
        if not name.startswith("("):
            wall, used = (statistics.median(values) for values in zip(*found, strict=True))
            print(f"| {name} | {wall:.3f} | {used:.3f} |")


if __name__ == "__main__":
    main()
