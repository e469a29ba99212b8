"""The public verbs: they plan, change environments and print nothing."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from tests.support.api_world import make_settings
from tests.support.command_line import small_channel

import minicon
from minicon.config.settings import Settings


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_channel(tmp_path_factory.mktemp("channel"))


@pytest.fixture
def settings(tmp_path: Path, channel: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    return make_settings(tmp_path, channels=(str(channel),))


def packages(prefix: Path) -> dict[str, str]:
    return {r.name: r.record.version for r in minicon.Prefix(prefix).records()}


def test_a_plan_is_applied_later(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    plan = minicon.create("data", ["hello=1.0"], dry_run=True, settings=settings)
    assert [record.name for record in plan.install] == ["greeting", "hello"]
    assert plan.prefix == settings.envs_dirs[0] / "data"
    assert not plan.prefix.exists()
    assert {record.name for record in plan.fetch} == {"greeting", "hello"}
    assert plan.download_size == 0, "the channel is a directory"
    prefix = minicon.apply(plan, settings=settings)
    assert isinstance(prefix, minicon.Prefix)
    assert packages(plan.prefix) == {"greeting": "1.5", "hello": "1.0"}
    assert capsys.readouterr() == ("", ""), "library code never prints"


def test_create_install_update_and_remove(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "env"
    minicon.create(path, ["hello=1.0"], settings=settings)
    minicon.install(path, ["lone"], settings=settings)
    assert packages(path) == {"greeting": "1.5", "hello": "1.0", "lone": "0.1"}
    assert minicon.install(path, ["lone"], settings=settings).is_empty
    minicon.update(path, ["hello=2"], settings=settings)
    assert packages(path)["hello"] == "2.0"
    minicon.remove(path, ["hello"], settings=settings)
    assert "hello" not in packages(path)
    assert "lone" in packages(path)


def test_update_of_everything(settings: Settings, tmp_path: Path, channel: Path) -> None:
    path = tmp_path / "env"
    minicon.create(path, ["hello"], settings=settings)
    assert minicon.update(path, settings=settings).is_empty
    plan = minicon.install(str(path), ["hello=1.0"], dry_run=True, settings=settings)
    ((old, new),) = plan.transaction.changes
    assert (old.record.version, new.version) == ("2.0", "1.0")
    assert packages(path)["hello"] == "2.0"


def test_an_environment_is_replaced_only_where_that_is_said(settings: Settings) -> None:
    path = minicon.create("data", ["lone"], settings=settings).prefix
    with pytest.raises(minicon.MiniconError) as caught:
        minicon.create("data", ["hello"], settings=settings)
    assert caught.value.reference == "environment-exists"
    assert packages(path) == {"lone": "0.1"}
    assert minicon.create("data", ["lone"], settings=settings).is_empty
    assert minicon.create("data", ["hello"], dry_run=True, settings=settings).replaces_environment
    minicon.create("data", ["hello"], replace_existing=True, settings=settings)
    assert "lone" not in packages(path)


def test_an_outdated_plan_is_refused(settings: Settings) -> None:
    minicon.create("data", ["lone"], settings=settings)
    plan = minicon.install("data", ["hello"], dry_run=True, settings=settings)
    minicon.install("data", ["greeting"], settings=settings)
    with pytest.raises(minicon.MiniconError) as caught:
        minicon.apply(plan, settings=settings)
    assert caught.value.reference == "environment-changed"
    assert packages(plan.prefix) == {"greeting": "1.5", "lone": "0.1"}


def test_solve_without_an_environment(settings: Settings, channel: Path) -> None:
    solution = minicon.solve(
        ["hello"], channels=[str(channel)], platform="linux-64", settings=settings
    )
    assert [record.name for record in solution.records] == ["greeting", "hello"]
    assert solution.records[1].version == "2.0"
    pinned = minicon.solve(
        [minicon.MatchSpec("hello")], channels=[str(channel)], pins=["hello <2"], settings=settings
    )
    assert pinned.records[1].version == "1.0"
    with pytest.raises(minicon.MiniconError) as caught:
        minicon.solve(["hello=9"], channels=[str(channel)], settings=settings)
    assert caught.value.exit_code == 1


def test_solve_for_another_machine(settings: Settings, channel: Path) -> None:
    with pytest.raises(minicon.MiniconError):
        minicon.solve(["hello"], channels=[str(channel)], platform="osx-arm64", settings=settings)
    found = minicon.solve(
        ["lone"],
        channels=[str(channel)],
        platform="osx-arm64",
        virtual_packages=["__osx=14"],
        settings=settings,
    )
    assert [record.name for record in found.records] == ["lone"]


def test_solve_for_several_platforms(settings: Settings, channel: Path) -> None:
    found = minicon.solve(
        ["lone"],
        channels=[str(channel)],
        platforms=["linux-64", "osx-arm64", "linux-64"],
        settings=settings,
    )
    assert list(found) == ["linux-64", "osx-arm64"]
    assert all([r.name for r in each.records] == ["lone"] for each in found.values())
    with pytest.raises(minicon.MiniconError) as caught:
        minicon.solve(
            ["hello"],
            channels=[str(channel)],
            platforms=["linux-64", "osx-arm64"],
            settings=settings,
        )
    assert "osx-arm64" in str(caught.value.context)


def test_errors_leave_nothing_behind(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "env"
    with pytest.raises(minicon.MiniconError):
        minicon.create(path, ["nosuchthing"], settings=settings)
    assert not path.exists()
    with pytest.raises(minicon.MiniconError) as caught:
        minicon.install("absent", ["lone"], settings=settings)
    assert caught.value.reference == "environment-not-found"


def test_public_names_are_lazy_and_described() -> None:
    assert minicon.__all__ == sorted(minicon.__all__)
    assert dir(minicon) == minicon.__all__
    for name in minicon.__all__:
        value = getattr(minicon, name)
        if name != "__version__":
            assert inspect.getdoc(value), name
    with pytest.raises(AttributeError):
        minicon.nothing  # noqa: B018
