"""A disk that is really full: a small file system in memory, where the system lets us mount one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder
from tests.support.prefixes import Extracted, apply, extract, snapshot

from minicon.constants import GENERATIONS
from minicon.errors import FileError
from minicon.lean_dataclasses import replace
from minicon.models.package_files import PathsEntry
from minicon.package.cache.package_cache import PackageCache
from minicon.prefix.generations.recovery import recover

MEBIBYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of four MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "minicon-test", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def package(tmp_path: Path, name: str, sizes: int) -> Extracted:
    builder = PackageBuilder(name)
    for number in range(sizes):
        builder = builder.file(f"share/{name}/{number}.bin", os.urandom(MEBIBYTE))
    return extract(builder, tmp_path / "pkgs")


def without_sizes(package: Extracted) -> Extracted:
    """The package, as if its list of files had no sizes."""
    paths = tuple(PathsEntry(entry.path, entry.path_type) for entry in package.files.paths)
    return replace(package, files=replace(package.files, paths=paths))


def test_what_cannot_fit_is_refused_before_anything_is_written(
    tmp_path: Path, small_disk: Path
) -> None:
    env = small_disk / "envs" / "data"
    apply(env, package(tmp_path, "small", 1))
    before = snapshot(env)
    with pytest.raises(FileError, match=r"MiB are missing on the disk of .*disk") as caught:
        apply(env, package(tmp_path, "small", 1), package(tmp_path, "large", 5))
    assert caught.value.reference == "disk-full"
    assert snapshot(env) == before


def test_a_disk_that_fills_up_on_the_way_leaves_the_old_environment(
    tmp_path: Path, small_disk: Path
) -> None:
    env = small_disk / "envs" / "data"
    small, large = package(tmp_path, "small", 1), without_sizes(package(tmp_path, "large", 5))
    apply(env, small)
    before = snapshot(env)
    with pytest.raises(FileError, match="No space left") as caught:
        apply(env, small, large)
    assert caught.value.reference == "disk-full"
    recover(env)
    assert snapshot(env) == before
    left = {path.name for path in (small_disk / "envs" / GENERATIONS / "data").iterdir()}
    assert left == {"lock"}
    apply(env, small, package(tmp_path, "other", 1))  # there is room again


def test_a_full_cache_keeps_nothing_of_a_package(tmp_path: Path, small_disk: Path) -> None:
    wanted = package(tmp_path, "large", 5).record
    cache = PackageCache([small_disk / "pkgs"])

    def fill(folder: Path) -> None:
        for number in range(5):
            (folder / f"{number}.bin").write_bytes(bytes(MEBIBYTE))

    with pytest.raises(OSError, match="No space left"):
        cache.ensure(wanted, fill)
    assert cache.find(wanted) is None
    assert list((small_disk / "pkgs" / ".work").iterdir()) == []
