"""``du`` and ``gc``: hard links are counted once, and nothing in use is freed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.support.commands import QuickWorkspace

from minicon.api.inspect.disk_use import freed_size


def blocks(*folders: Path) -> int:
    """Bytes on disk of some trees, every inode once: what ``du`` counts."""
    seen: dict[int, int] = {}
    for folder in folders:
        for path in [folder, *folder.rglob("*")]:
            status = path.lstat()
            seen[status.st_ino] = status.st_blocks * 512
    return sum(seen.values())


def test_files_with_other_links_are_not_freed(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (here / "own").write_bytes(os.urandom(70_000))
    (here / "shared").write_bytes(os.urandom(50_000))
    os.link(here / "shared", there / "shared")
    os.link(here / "own", here / "own again")
    shared = (there / "shared").stat().st_blocks * 512
    assert freed_size(here) == blocks(here) - shared
    assert freed_size(here, there) == blocks(here, there)
    assert freed_size(tmp_path / "absent") == 0


def test_further_names_of_a_file_cost_no_look_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    for number in range(20):
        (here / f"{number}").write_bytes(b"x" * 5000)
        os.link(here / f"{number}", there / f"{number}")
    looked: list[str] = []
    original = os.stat
    monkeypatch.setattr(
        os, "stat", lambda path, **how: looked.append(path) or original(path, **how)
    )
    freed = freed_size(tmp_path)
    monkeypatch.undo()
    assert freed == blocks(tmp_path)
    assert len([path for path in looked if str(path).isdigit()]) == 20


@pytest.fixture
def used(alone: QuickWorkspace) -> QuickWorkspace:
    """``one`` and ``two`` share lib; ``one`` has been through three states."""
    alone.run("create", "-y", "-n", "one", "app=1").ok()
    alone.run("install", "-y", "-n", "one", "app=2").ok()
    alone.run("install", "-y", "-n", "one", "machine").ok()
    alone.run("create", "-y", "-n", "two", "lib=2").ok()
    return alone


def test_totals_are_those_of_the_disk(used: QuickWorkspace) -> None:
    document = used.run("du", "--json").ok().json
    envs, cache = used.root / "envs", used.root / "pkgs"
    one, two, packages = document["entries"]
    kept = envs / ".minicon-generations"
    assert one["total"] == blocks(used.environment("one"), kept / "one")
    assert packages["total"] == blocks(cache)
    trees = (used.environment("one"), used.environment("two"), kept / "one", kept / "two", cache)
    assert document["together"] == blocks(*trees)
    for entry in document["entries"]:
        assert entry["unique"] + entry["shared"] == entry["total"]
    assert one["kept_generations"] > two["kept_generations"]


def test_unique_is_what_removal_frees(used: QuickWorkspace) -> None:
    (entry, _) = used.run("du", "-n", "two", "--json").ok().json["entries"]
    trees = [used.root / "envs", used.root / "pkgs"]
    before = blocks(*trees)
    used.run("env", "remove", "-y", "-n", "two").ok()
    assert before - blocks(*trees) == entry["unique"]


def test_gc_keeps_what_is_used(used: QuickWorkspace) -> None:
    assert used.run("gc", "--dry-run", "--json").ok().json["removed"] == []
    document = used.run("gc", "--keep", "0", "--json", "--dry-run").ok().json
    freed = {(item["kind"], Path(item["path"]).name.split("-")[0]) for item in document["removed"]}
    assert freed == {("generations", "1"), ("generations", "2"), ("packages", "app")}
    assert document["dry_run"] is True
    trees = [used.root / "envs", used.root / "pkgs"]
    before = blocks(*trees)
    used.run("gc", "--keep", "0", "-y").ok()
    freed_bytes = before - blocks(*trees)
    # The cache's own folders for locks and trash may be made on the way.
    assert 0 <= document["total_size"] - freed_bytes <= 3 * 4096
    for name in ("one", "two"):
        used.run("verify", "-n", name).ok()
    assert used.run("undo", "-n", "one").code == 1
    kept = {path.name.rsplit("-", 1)[0] for path in (used.root / "pkgs").glob("[a-z]*-*")}
    assert kept == {"app-2.0-0", "base-1.0-0", "lib-2.0-0", "machine-1.0-0"}


def test_gc_removes_repodata_unused_for_a_month(used: QuickWorkspace) -> None:
    cache = used.root / "cache"
    files = [path for path in cache.rglob("*") if path.is_file() and "locks" not in path.parts]
    assert files
    long_ago = time.time() - 40 * 86_400
    for path in files:
        os.utime(path, (long_ago, long_ago))
    removed = used.run("gc", "-y", "--json").ok().json["removed"]
    assert {item["kind"] for item in removed} == {"stale_index"}
    assert not any(path.exists() for path in files)
    used.run("install", "-y", "-n", "two", "old", "lib=1").ok()


def test_declining_changes_nothing(used: QuickWorkspace) -> None:
    said = used.run("gc", "--keep", "0", typed="n\n")
    assert said.code == 0
    assert "Aborted; nothing was changed." in said.err
    assert "error" not in said.err
    assert len(used.run("history", "-n", "one", "--json").ok().json) == 3
