"""The rest of the family: real archives through the real cache, records that others read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import rattler
from tests.support.packages import PackageBuilder, build_channel
from tests.support.prefixes import apply, executor, extract, python_package, snapshot

from minicon.constants import PREFIX_PLACEHOLDER
from minicon.models.records import RepodataRecord
from minicon.package.cache.package_cache import CachedPackage, PackageCache
from minicon.package.prepare.preparation import prepare_package
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.plan.transaction import make_transaction
from minicon.prefix.repair import verify_prefix
from minicon.solver.request import Solution

SHARED = Path(os.environ.get("MINICON_SHARED_DATA", "/nonexistent")) / "packages" / "real"


def records_of(channel: Path) -> dict[str, RepodataRecord]:
    """Every package of a channel folder; of several versions the last by file name."""
    found = {}
    for subdir in ("linux-64", "noarch"):
        path = channel / subdir / "repodata.json"
        repodata = json.loads(path.read_bytes()) if path.exists() else {}
        everything = {**repodata.get("packages", {}), **repodata.get("packages.conda", {})}
        for fn, data in sorted(everything.items()):
            url = f"file://{channel}/{subdir}/{fn}"
            found[data["name"]] = RepodataRecord(
                data, channel=f"file://{channel}", subdir=subdir, fn=fn, url=url
            )
    return found


def fetch(record: RepodataRecord, target: Path) -> None:
    shutil.copyfile(record.url.removeprefix("file://"), target)


def install(env: Path, cache: Path, records: list[RepodataRecord]) -> Prefix:
    packages = PackageCache([cache], durable=False)
    cached: dict[RepodataRecord, CachedPackage] = {}
    for record in records:
        cached[record] = packages.ensure(record, prepare_package(fetch, record))
    solution = Solution(records=tuple(records))
    transaction = make_transaction(Prefix(env), solution, platform="linux-64")
    return executor().execute(transaction, cached)


def rattler_reads(env: Path) -> list[str]:
    paths = sorted((env / "conda-meta").glob("*.json"))
    return [rattler.PrefixRecord.from_path(str(path)).name.source for path in paths]


@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
def test_archives_through_the_cache(tmp_path: Path, kind: str) -> None:
    tool = (
        PackageBuilder("tool")
        .file("bin/tool", f"#!/bin/sh\necho {PREFIX_PLACEHOLDER}\n", prefix=PREFIX_PLACEHOLDER)
        .file(
            "lib/x", f"{PREFIX_PLACEHOLDER}/lib\0".encode(), prefix="/" + "p" * 250, mode="binary"
        )
        .file("etc/conf", "c", no_link=True)
        .link("lib/y", "x")
    )
    channel = build_channel(tmp_path / "channel", [tool], kind)
    env = tmp_path / "envs" / "data"
    install(env, tmp_path / "pkgs", list(records_of(channel).values()))
    assert (
        subprocess.run([env / "bin/tool"], capture_output=True, check=True).stdout
        == f"{env}\n".encode()
    )
    assert (env / "etc/conf").stat().st_nlink == 1
    assert verify_prefix(Prefix(env)) == ()
    assert rattler_reads(env) == ["tool"]
    (record,) = (json.loads(path.read_text()) for path in (env / "conda-meta").glob("*.json"))
    for entry in record["paths_data"]["paths"]:
        if entry["path_type"] == "hardlink":  # links have none; conda does not follow them
            data = (env / entry["_path"]).read_bytes()
            assert entry["sha256_in_prefix"] == hashlib.sha256(data).hexdigest()
    install(env, tmp_path / "pkgs", [])
    assert snapshot(env, metadata=False) == {}


def test_rattler_reads_every_kind_of_record(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    pure = (
        PackageBuilder("pure")
        .noarch("python")
        .file("site-packages/p.py", "")
        .file("site-packages/pure-1.0.dist-info/METADATA", "Name: pure\nVersion: 1.0\n")
        .entry_point("pure = p:main")
    )
    apply(
        env,
        extract(python_package(), tmp_path / "pkgs", "interpreter"),
        extract(pure, tmp_path / "pkgs", "pypi"),
        extract(PackageBuilder("plain").noarch().file("x", "x"), tmp_path / "pkgs"),
        requested={"pure": ("pure",)},
    )
    assert sorted(rattler_reads(env)) == ["plain", "pure", "python"]


@pytest.mark.skipif(not SHARED.exists(), reason="needs MINICON_SHARED_DATA")
def test_real_packages_run(tmp_path: Path) -> None:
    available = records_of(SHARED)
    wanted = ["libgcc", "libzlib", "zlib", "ncurses", "readline", "sqlite", "openssl", "xz", "zstd"]
    wanted += [
        "ca-certificates",
        "lz4-c",
        "libgcc-ng",
        "libstdcxx",
        "libstdcxx-ng",
        "_libgcc_mutex",
    ]
    env = tmp_path / "envs" / "tools"
    install(env, tmp_path / "pkgs", [available[name] for name in wanted if name in available])
    for command in (["sqlite3", "-version"], ["openssl", "version"], ["xz", "--version"]):
        subprocess.run([env / "bin" / command[0], *command[1:]], check=True, capture_output=True)
    assert verify_prefix(Prefix(env)) == ()
    assert len(rattler_reads(env)) == len(Prefix(env).records())
    install(env, tmp_path / "pkgs", [])
    assert snapshot(env, metadata=False) == {}
