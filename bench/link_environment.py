"""Linking speed: a whole environment from the warm cache, against a C loop and ``cp -al``.

    ./dev bench link_environment [--files 20000] [--rounds 5] [--folder DIR]

Rows are interleaved, numbers are medians over the rounds. "create" is everything that follows the
solver: finding the packages in the cache, deciding places, conflicts, linking, conda-meta records,
history, the switch; what differs from the C loop is that on top. py-rattler's installer gets the
same records, and has the packages in its cache. On a shared machine ratios hold better than times.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from minicon.fs.hashing import sha256_of_file
from minicon.fs.remove import remove_tree
from minicon.models.records import RepodataRecord
from minicon.package.cache.package_cache import PackageCache
from minicon.package.prepare.preparation import prepare_package
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.executor import Executor
from minicon.prefix.plan.transaction import make_transaction
from minicon.prefix.removal import remove_environment
from minicon.prefix.rollback import rollback
from minicon.publish.channel_index import index_channel
from minicon.publish.conda_archive import write_conda_archive
from minicon.solver.request import Solution

sys.path.insert(0, str(Path(__file__).parent))
from measure import Measured, record

try:
    import rattler
except ImportError:
    rattler = None

PLACEHOLDER = "/placeholder" * 20
C_LOOP = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* "D source target" opens two folders, "F name" links a name from one to the other. */
int main(int count, char **arguments) {
    char line[8192], *target;
    int from = -1, to = -1;
    FILE *list = fopen(arguments[1], "r");
    while (fgets(line, sizeof line, list)) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] == 'D') {
            target = strchr(line + 2, ' ');
            *target++ = 0;
            if (from >= 0) { close(from); close(to); }
            mkdir(target, 0755);
            from = open(line + 2, O_PATH | O_DIRECTORY);
            to = open(target, O_PATH | O_DIRECTORY);
        } else if (linkat(from, line + 2, to, line + 2, 0)) { perror(line); return 1; }
    }
    return 0;
}
"""


@dataclass(frozen=True)
class Package:
    record: RepodataRecord
    directory: Path
    paths: list[str]


def make_package(root: Path, cache: PackageCache, name: str, version: str, files: int) -> Package:
    """A package of small files, forty to a folder, one in two hundred with a prefix.

    It is put into a channel, and from there into the cache.
    """
    folder = root / "source"
    entries = []
    for number in range(files):
        path = f"lib/{name}/d{number // 40}/f{number}"
        target = folder / path
        if number % 40 == 0:
            target.parent.mkdir(parents=True)
        has_prefix = number % 200 == 0
        data = f"{PLACEHOLDER if has_prefix else name}{version}{number}".encode()
        target.write_bytes(data)
        entry = {"_path": path, "path_type": "hardlink", "size_in_bytes": len(data)}
        entry["sha256"] = hashlib.sha256(data).hexdigest()
        if has_prefix:
            entry |= {"prefix_placeholder": PLACEHOLDER, "file_mode": "text"}
        entries.append(entry)
    index = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": []}
    (folder / "info").mkdir()
    (folder / "info/index.json").write_text(json.dumps({**index, "subdir": "linux-64"}))
    (folder / "info/paths.json").write_text(json.dumps({"paths": entries, "paths_version": 1}))
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
    found = cache.ensure(record, prepare)
    return Package(record, found.directory, [entry["_path"] for entry in entries])


class Bench:
    """One environment of many packages, made and changed in every way there is."""

    def __init__(self, root: Path, files: int) -> None:
        self.root = root
        count = max(1, files // 500)
        self.cache = cache = PackageCache([root / "pkgs"], durable=False)
        self.packages = [make_package(root, cache, f"p{n}", "1", 500) for n in range(count)]
        self.newer = make_package(root, cache, "p0", "2", 500)
        (root / "channel/noarch").mkdir()
        index_channel(root / "channel")
        self.envs = root / "envs"
        self.envs.mkdir()
        self.list = root / "list"
        self.loop = root / "loop"
        self._write_list()

    def _write_list(self) -> None:
        lines = []
        for number, package in enumerate(self.packages):
            base = self.envs / "c" / "lib"
            folders: dict[str, list[str]] = {}
            for path in package.paths:
                folder, _, name = path.rpartition("/")
                folders.setdefault(folder, []).append(name)
            lines += [] if number else [f"D {self.root} {base.parent}", f"D {self.root} {base}"]
            lines.append(f"D {package.directory} {base}/p{number}")
            for folder, names in folders.items():
                lines.append(f"D {package.directory}/{folder} {self.envs}/c/{folder}")
                lines += [f"F {name}" for name in names]
        self.list.write_text("\n".join(lines) + "\n")
        source = self.root / "loop.c"
        source.write_text(C_LOOP)
        if shutil.which("cc"):
            subprocess.run(["cc", "-O2", "-o", self.loop, source], check=True)

    def apply(self, name: str, packages: list[Package], *, durable: bool = False) -> None:
        prefix = Prefix(self.envs / name)
        solution = Solution(records=tuple(p.record for p in packages))
        transaction = make_transaction(prefix, solution, platform="linux-64")
        cached = {p.record: self.cache.find(p.record) for p in packages}
        Executor(durable=durable).execute(transaction, cached)

    def install_by_rattler(self) -> None:
        """What py-rattler's installer does with the same packages, found in its own cache."""
        cache = self.root / "rattler"
        install = rattler.install(self.solved, self.envs / "r", cache, show_progress=False)
        asyncio.run(install)

    async def solve_by_rattler(self) -> None:
        """Its records; not measured."""
        specs = [rattler.MatchSpec(f"{package.record.name}=1") for package in self.packages]
        channels = [rattler.Channel((self.root / "channel").as_uri())]
        self.solved = await rattler.solve(channels, specs, platforms=["linux-64", "noarch"])

    def rows(self) -> dict[str, Callable[[], None]]:
        """In an order in which each finds what it needs."""
        rows: dict[str, Callable[[], None]] = {}
        if self.loop.exists():
            rows["C loop of linkat"] = lambda: run(self.loop, self.list)
            rows["(remove that)"] = lambda: remove_tree(self.envs / "c")
        rows["create"] = lambda: self.apply("m", self.packages)
        rows["cp -al of it"] = lambda: run("cp", "-al", self.envs / "m", self.envs / "cp")
        rows["rm -rf of that"] = lambda: run("rm", "-rf", self.envs / "cp")
        rows["update one package of 500 files"] = lambda: self.apply(
            "m", [self.newer, *self.packages[1:]]
        )
        rows["rollback"] = lambda: rollback(self.envs / "m", 1, durable=False)
        rows["remove with its generations"] = lambda: remove_environment(self.envs / "m")
        if rattler is not None:
            rows["py-rattler's installer"] = self.install_by_rattler
            rows["(remove what it made)"] = lambda: remove_tree(self.envs / "r")
        rows["create, durable"] = lambda: self.apply("d", self.packages, durable=True)
        rows["(remove it)"] = lambda: remove_environment(self.envs / "d")
        return rows


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True)


def cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default=None, help="where to work; its file system counts")
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="minicon-bench-", dir=arguments.folder))
    try:
        bench = Bench(root, arguments.files)
        if rattler is not None:
            asyncio.run(bench.solve_by_rattler())
            bench.install_by_rattler()
            remove_tree(bench.envs / "r")
        measured: dict[str, list[tuple[float, float]]] = {}
        for _ in range(arguments.rounds):
            for name, row in bench.rows().items():
                before, start = cpu(), time.perf_counter()
                row()
                wall = time.perf_counter() - start
                measured.setdefault(name, []).append((wall, cpu() - before))
    finally:
        shutil.rmtree(root)
    total = len(bench.packages) * 500
    reference = statistics.median(c for _, c in measured.get("cp -al of it", [(1.0, 1.0)]))
    print(f"{total} files, python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    record("link 20,000 files", [Measured.of(*each) for each in measured.items()])
    for name, values in measured.items():
        wall = statistics.median(w for w, _ in values)
        used = statistics.median(c for _, c in values)
        print(
            f"{name:34} wall {wall:6.3f} s  cpu {used:6.3f} s  {used / total * 1e6:5.1f} us/file"
            f"  {used / reference:5.2f} x cp -al"
        )


if __name__ == "__main__":
    main()
