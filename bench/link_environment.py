"""Linking speed: a whole environment from the warm cache, against a C loop and ``cp -al``.

    python bench/link_environment.py [--files 20000] [--rounds 5] [--folder DIR]

Rows are interleaved, numbers are medians over the rounds. "create" is everything the executor
does: deciding places, conflicts, linking, conda-meta records, history, the switch; what differs
from the C loop is that on top. Caveat: on a shared machine ratios hold better than times.
"""

from __future__ import annotations

import argparse
import hashlib
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

from minicon.fs.remove import remove_tree
from minicon.models.package_files import PackageFiles, PathsEntry
from minicon.models.records import RepodataRecord
from minicon.package.manifest import Manifest
from minicon.prefix.executor import Executor
from minicon.prefix.prefix import Prefix
from minicon.prefix.removal import remove_environment
from minicon.prefix.rollback import rollback
from minicon.prefix.transaction import make_transaction
from minicon.solver.request import Solution

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
    files: PackageFiles

    @property
    def manifest(self) -> Manifest:
        return Manifest.of(self.files)


def make_package(cache: Path, name: str, version: str, files: int) -> Package:
    """A package of small files, forty to a folder, one in two hundred with a prefix."""
    directory = cache / f"{name}-{version}-0"
    entries = []
    for number in range(files):
        path = f"lib/{name}/d{number // 40}/f{number}"
        target = directory / path
        if number % 40 == 0:
            target.parent.mkdir(parents=True)
        has_prefix = number % 200 == 0
        data = f"{'/placeholder' if has_prefix else name}{version}{number}".encode()
        target.write_bytes(data)
        entries.append(
            PathsEntry(
                path,
                sha256=hashlib.sha256(data).hexdigest(),
                size_in_bytes=len(data),
                prefix_placeholder="/placeholder" if has_prefix else None,
                file_mode="text" if has_prefix else None,
            )
        )
    record = RepodataRecord(
        {"name": name, "version": version, "build": "0", "build_number": 0, "depends": []},
        channel="bench",
        subdir="linux-64",
        fn=f"{name}-{version}-0.conda",
        url="",
    )
    return Package(record, directory, PackageFiles(paths=tuple(entries)))


class Bench:
    """One environment of many packages, made and changed in every way there is."""

    def __init__(self, root: Path, files: int) -> None:
        self.root = root
        count = max(1, files // 500)
        self.packages = [make_package(root / "pkgs", f"p{n}", "1", 500) for n in range(count)]
        self.newer = make_package(root / "pkgs", "p0", "2", 500)
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
            for entry in package.files.paths:
                folder, _, name = entry.path.rpartition("/")
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
        cached = {package.record: package for package in packages}
        Executor(durable=durable).execute(transaction, cached)  # type: ignore[arg-type]

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
    for name, values in measured.items():
        wall = statistics.median(w for w, _ in values)
        used = statistics.median(c for _, c in values)
        print(
            f"{name:34} wall {wall:6.3f} s  cpu {used:6.3f} s  {used / total * 1e6:5.1f} us/file"
            f"  {used / reference:5.2f} x cp -al"
        )


if __name__ == "__main__":
    main()
