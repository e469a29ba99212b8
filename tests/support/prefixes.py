"""Environments for tests: packages ready to link, transactions between them, digests of trees."""

from __future__ import annotations

import hashlib
import os
import platform
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.packages import PackageBuilder

from minicon.models.package_files import EntryPoint, PackageFiles, PathsEntry
from minicon.models.records import RepodataRecord
from minicon.package.manifest import Manifest
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.executor import Executor
from minicon.prefix.link.stage_builder import StageOptions
from minicon.prefix.plan.transaction import Transaction, make_transaction
from minicon.solver.request import Solution

CHANNEL = "https://channel.test/main"
NOW = 1_700_000_000.0


@dataclass(frozen=True)
class Extracted:
    """Return a cached package, made without an archive."""

    record: RepodataRecord
    directory: Path
    files: PackageFiles

    @property
    def manifest(self) -> Manifest:
        return Manifest.of(self.files)


def extract(builder: PackageBuilder, cache: Path, source: str = "conda") -> Extracted:
    """Write a package's files into a cache, below ``name-version-build``."""
    directory = cache / builder.dist_name
    members, contents = builder.members()
    for member in members:
        path = directory / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.issym():
            path.symlink_to(member.linkname)
        elif member.isdir():
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(contents[member.name])
            path.chmod(member.mode)
            os.utime(path, (1_600_000_000, 1_600_000_000))
    paths = tuple(PathsEntry.from_json(entry) for entry in builder.paths_json()["paths"])
    points = []
    for text in builder._entry_points:
        command, _, target = (part.strip() for part in text.partition("="))
        module, _, function = target.partition(":")
        points.append(EntryPoint(command, module.strip(), function.strip()))
    data: dict[str, Any] = builder.index_json()
    record = RepodataRecord(
        data,
        channel={"pypi": "pypi", "interpreter": "host"}.get(source, CHANNEL),
        subdir=builder.actual_subdir,
        fn=f"{builder.dist_name}.conda",
        url=f"{CHANNEL}/{builder.actual_subdir}/{builder.dist_name}.conda",
        source=source,  # type: ignore[arg-type]
    )
    files = PackageFiles(paths=paths, entry_points=tuple(points), noarch=record.noarch)
    return Extracted(record, directory, files)


MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


def python_package(version: str = platform.python_version()) -> PackageBuilder:
    """Return this machine's python as a package, with the layout of a virtual environment."""
    minor = ".".join(version.split(".")[:2])
    real = os.path.realpath(sys.executable)
    return (
        PackageBuilder("python")
        .version(version)
        .link(f"bin/python{minor}", real)
        .link("bin/python", f"python{minor}")
        .file(
            "pyvenv.cfg", f"home = {os.path.dirname(real)}\ninclude-system-site-packages = false\n"
        )
        .file(f"lib/python{minor}/site-packages/README.txt", b"site-packages\n")
    )


def solution(*packages: Extracted, requested: dict[str, tuple[str, ...]] | None = None) -> Solution:
    return Solution(records=tuple(p.record for p in packages), requested=requested or {})


def executor(**changes: Any) -> Executor:
    """Return an executor with a fixed clock that does not flush to disk."""
    options = StageOptions(version="0.0.test", clock=lambda: NOW, **changes.pop("options", {}))
    return Executor(options=options, **{"durable": False, **changes})


def plan(
    path: Path, *packages: Extracted, **arguments: Any
) -> tuple[Transaction, dict[RepodataRecord, Extracted]]:
    """Return the transaction that installs exactly these packages."""
    requested = arguments.pop("requested", None)
    transaction = make_transaction(
        Prefix(path), solution(*packages, requested=requested), platform="linux-64", **arguments
    )
    return transaction, {package.record: package for package in packages}


def apply(path: Path, *packages: Extracted, **arguments: Any) -> Prefix:
    """Install exactly these packages."""
    runner = arguments.pop("executor", None) or executor()
    steps = {k: arguments.pop(k) for k in ("before_switch", "after_switch") if k in arguments}
    reporter = arguments.pop("reporter", None)
    transaction, cached = plan(path, *packages, **arguments)
    return runner.execute(transaction, cached, command="minicon test", reporter=reporter, **steps)


def snapshot(root: Path, *, metadata: bool = True) -> dict[str, tuple[str, int, str]]:
    """Return every path below a directory with type, mode, and hash or link text.

    Without ``metadata``, ``conda-meta`` is omitted.
    """
    found: dict[str, tuple[str, int, str]] = {}
    if not root.exists():
        return found
    for folder, folders, names in os.walk(root):
        if not metadata and Path(folder) == root and "conda-meta" in folders:
            folders.remove("conda-meta")
        for name in [*folders, *names]:
            path = Path(folder) / name
            status = path.lstat()
            kind = stat.filemode(status.st_mode)[0]
            content = ""
            if kind == "l":
                content = os.readlink(path)
            elif kind == "-":
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            mode = 0 if kind == "l" else stat.S_IMODE(status.st_mode)
            found[os.path.relpath(path, root)] = (kind, mode, content)
    return found
