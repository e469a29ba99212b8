"""Cleaning frees nothing that an environment or one of its kept revisions still uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.api_world import make_services
from tests.support.command_line import small_channel

import minicon
from minicon.api.change.environments import delete_environment
from minicon.api.inspect.disk_use import freed_size
from minicon.api.services import Services
from minicon.api.upkeep.cleaning import (
    find_garbage,
    find_leftovers,
    remove_garbage,
    sweep_leftovers,
)
from minicon.models.reporter import SilentReporter, SilentTask


class Counting(SilentReporter, SilentTask):
    """A reporter that counts what its task does."""

    def __init__(self) -> None:
        self.kind, self.total, self.done = "", None, 0

    def start(self, kind: str, label: str, total: int | None, unit: str = "B") -> SilentTask:
        self.kind, self.total = kind, total
        return self

    def advance(self, amount: int) -> None:
        self.done += amount


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_channel(tmp_path_factory.mktemp("channel"))


@pytest.fixture
def services(tmp_path: Path, channel: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    return make_services(tmp_path, channels=(str(channel),))


def unused(services: Services) -> list[str]:
    found = find_garbage(services, {"packages"})
    return sorted(item.path.name.rsplit("-", 2)[0] for item in found)


def test_hard_links_are_counted_once_and_freed_with_the_last_name(tmp_path: Path) -> None:
    folder, other = tmp_path / "a", tmp_path / "b"
    folder.mkdir()
    other.mkdir()
    for name in ("one", "shared"):
        (folder / name).write_bytes(b"x" * 10_000)
    one = (folder / "one").stat().st_blocks * 512
    itself = folder.stat().st_blocks * 512
    assert freed_size(folder) == 2 * one + itself
    os.link(folder / "one", folder / "again")
    assert freed_size(folder) == 2 * one + itself, "two names of one file are one file"
    os.link(folder / "shared", other / "shared")
    assert freed_size(folder) == one + itself, "what has another link is not freed"
    assert freed_size(other) == itself
    assert freed_size(folder, other) == 2 * (one + itself)
    assert freed_size(folder / "one") == 0, "its second name stays"


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 1_000_000)
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "big")
    assert freed_size(folder) < 1_000_000


def test_packages_in_use_stay(services: Services) -> None:
    minicon.create("a", ["hello=1.0"], settings=services.settings)
    minicon.create("b", ["lone"], settings=services.settings)
    assert unused(services) == []
    minicon.remove("b", ["lone"], settings=services.settings)
    assert unused(services) == [], "undo would need it"
    delete_environment(services, services.registry.path_of("b"))
    assert unused(services) == ["lone-0.1"]


def test_freed_packages_can_be_fetched_again(services: Services) -> None:
    path = minicon.create("a", ["lone"], settings=services.settings).prefix
    delete_environment(services, path)
    garbage = find_garbage(services, {"packages", "index_cache"})
    kinds = {item.kind for item in garbage}
    assert kinds == {"packages", "index_cache"}
    services.reporter = reporter = Counting()
    remove_garbage(services, garbage)
    assert (reporter.kind, reporter.total, reporter.done) == ("remove", len(garbage), len(garbage))
    services.reporter = SilentReporter()
    assert find_garbage(services, {"packages"}) == []
    assert not any(item.path.exists() for item in garbage if item.kind == "packages")
    minicon.create("a", ["lone"], settings=services.settings)
    assert (path / "share" / "lone").exists()


def test_an_environment_does_not_need_the_cache(services: Services) -> None:
    path = minicon.create("a", ["lone"], settings=services.settings).prefix
    for package in list(services.package_cache.entries()):
        services.package_cache.remove(package)
    assert (path / "share" / "lone").read_text() == "x" * 5000
    assert [record.name for record in minicon.Prefix(path).records()] == ["lone"]


def test_nothing_to_free_without_caches(services: Services) -> None:
    assert find_garbage(services, {"packages", "index_cache"}) == []
    assert find_leftovers(services) == []
    assert sweep_leftovers(services) == []
