"""Named environments are found, after recovery from a killed command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder
from tests.support.prefixes import apply, extract, snapshot

from minicon import constants
from minicon.config.load import load_settings
from minicon.constants import GENERATIONS
from minicon.envs.registry import EnvironmentRegistry
from minicon.errors import NotAnEnvironment


@pytest.fixture
def registry(tmp_path: Path) -> EnvironmentRegistry:
    environ = {"MINICON_ROOT": str(tmp_path / "root")}
    loaded = load_settings(environ=environ, home=tmp_path, working_directory=tmp_path)
    return EnvironmentRegistry(loaded.settings, environ)


def test_an_environment_between_two_renames_is_recovered(
    tmp_path: Path, registry: EnvironmentRegistry
) -> None:
    env = registry.path_of("data")
    apply(env, extract(PackageBuilder("p").file("x", "1"), tmp_path))
    before = snapshot(env)
    store = env.parent / GENERATIONS / "data"
    env.rename(store / "stage-0123456789abcdef")  # paths after a kill, without RENAME_EXCHANGE
    journal = {"outgoing": "stage-0123456789abcdef", "incoming": "stage-fedcba9876543210"}
    (store / "journal").write_text(json.dumps(journal))
    assert registry.existing("data", None) == env
    assert snapshot(env) == before
    assert [path.name for path in store.iterdir()] == ["lock"]


def test_a_missing_environment_is_an_error(registry: EnvironmentRegistry) -> None:
    assert GENERATIONS == constants.GENERATIONS
    with pytest.raises(NotAnEnvironment, match="no environment named 'data'"):
        registry.existing("data", None)


def test_an_environment_is_listed_once_however_it_is_reached(
    tmp_path: Path, registry: EnvironmentRegistry
) -> None:
    """By a link to the root, to envs/ or to itself, and with another spelling in the list."""
    env = registry.path_of("data")
    apply(env)
    (tmp_path / "root link").symlink_to(tmp_path / "root")
    (tmp_path / "own link").symlink_to(env)
    (env.parent / "alias").symlink_to(env)
    spellings = [
        tmp_path / "root link" / "envs" / "data",
        tmp_path / "own link",
        f"{env.parent}/../envs/data",
        env,
    ]
    registry.environments_txt.parent.mkdir()
    registry.environments_txt.write_text("".join(f"{path}\n" for path in spellings))
    active = EnvironmentRegistry(
        registry._settings, {"CONDA_PREFIX": str(tmp_path / "own link")}
    ).entries()
    assert [(each.name, each.path, each.active) for each in active] == [("data", env, True)]


def test_names_are_offered_only_where_they_can_be_used(
    tmp_path: Path, registry: EnvironmentRegistry
) -> None:
    elsewhere = tmp_path / "miniconda" / "envs" / "dat"
    apply(elsewhere)
    registry.environments_txt.parent.mkdir()
    registry.environments_txt.write_text(f"{elsewhere}\n")
    assert [(each.name, each.path) for each in registry.entries()] == [("", elsewhere)]
    for typed in ("data", "dat"):
        with pytest.raises(NotAnEnvironment) as caught:
            registry.existing(typed, None)
        assert caught.value.hint == f"create one with 'minicon create -n {typed} PACKAGE...'"
    apply(registry.path_of("dato"))
    for typed in ("data", "dat"):
        with pytest.raises(NotAnEnvironment) as caught:
            registry.existing(typed, None)
        assert caught.value.hint == "did you mean 'dato'?"
