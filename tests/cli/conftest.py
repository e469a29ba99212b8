"""The command line in this process, and workspaces: channels of small packages for both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine, small_channel
from tests.support.commands import QuickWorkspace
from tests.support.explained_world import explained_channel, explained_workspace


@pytest.fixture(scope="session")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return explained_channel(tmp_path_factory.mktemp("channels") / "explained")


@pytest.fixture(scope="session")
def explained_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explained-cache") / "pkgs"


@pytest.fixture
def in_world(tmp_path: Path, explained: Path, explained_cache: Path) -> QuickWorkspace:
    """Nothing is installed yet; the package cache is that of all tests."""
    return explained_workspace(tmp_path, explained, explained_cache)


@pytest.fixture
def alone(tmp_path: Path, explained: Path) -> QuickWorkspace:
    """As in_world, with a package cache of its own, which tests may damage."""
    return explained_workspace(tmp_path, explained, tmp_path / "root" / "pkgs")


@pytest.fixture(scope="session")
def standing(
    tmp_path_factory: pytest.TempPathFactory, explained: Path, explained_cache: Path
) -> QuickWorkspace:
    """An environment ``e`` that tests only look at: app, lib 1.0 (for old), a circle, python."""
    folder = tmp_path_factory.mktemp("standing")
    workspace = explained_workspace(folder, explained, explained_cache)
    specs = ("app", "old", "ring-a", "machine", "pure")
    workspace.run("create", "-y", "-n", "e", *specs).ok()
    return workspace


@pytest.fixture
def replaced(explained: Path) -> Callable[[QuickWorkspace], dict[str, str]]:
    """Return texts that differ between runs, with their replacements in golden files."""

    def names(workspace: QuickWorkspace) -> dict[str, str]:
        return {
            str(workspace.root): "ROOT",
            explained.as_uri(): "CHANNEL",
        }

    return names


@pytest.fixture
def minicon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_channel(tmp_path_factory.mktemp("channel"))


@pytest.fixture
def data(minicon: CommandLine, channel: Path) -> CommandLine:
    """The command line, with an environment ``data`` that holds hello 1.0 and greeting."""
    minicon.set(MINICON_CHANNELS=str(channel))
    minicon("create", "-y", "-n", "data", "hello=1.0").ok()
    return minicon
