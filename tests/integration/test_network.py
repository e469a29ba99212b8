"""With a real package index: the default sources, and the demonstration channel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.support.channel_server import ChannelServer
from tests.support.commands import Workspace

pytestmark = pytest.mark.network
RECIPES = Path(__file__).parents[2] / "channels" / "demo"


@pytest.fixture
def online(tmp_path: Path, shared_cache: Path) -> Workspace:
    """A user of this machine, with nothing configured."""
    return Workspace(tmp_path, {"MINICON_PKGS_DIRS": str(shared_cache)})


def test_nothing_configured(online: Workspace) -> None:
    created = online.run("create", "-y", "-n", "data", "python", "numpy").ok()
    version = online.run(
        "run", "-n", "data", "python", "-c", "import numpy; print(numpy.__version__)"
    )
    assert version.ok().out.strip()
    channels = {p["channel"] for p in online.run("list", "-n", "data", "--json").ok().json}
    if channels == {"host", "pypi"}:
        assert "conda-forge cannot be reached" in created.err
        assert online.run("run", "-n", "data", "pip", "check").ok().out
    else:
        assert channels == {"conda-forge"}
    again = online.run("install", "-y", "-n", "data", "numpy").ok()
    assert "already installed" in again.out


def test_demonstration_channel_in_several_languages(online: Workspace, tmp_path: Path) -> None:
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    for name in ("ninja", "pygments", "rich", "markdown-it-py", "mdurl"):
        shutil.copy(RECIPES / f"{name}.yaml", recipes)
    channel = tmp_path / "demo"
    online.run("channel", "build", str(recipes), str(channel)).ok()
    with ChannelServer(channel) as server:
        online.run(
            "create", "-y", "-n", "demo", "-c", server.url, "-c", "host", "python", "rich", "ninja"
        ).ok()
    assert online.run("run", "-n", "demo", "ninja", "--version").ok().out.startswith("1.")
    assert online.run("run", "-n", "demo", "pygmentize", "-V").ok().out.startswith("Pygments")


def test_every_recipe_of_the_demonstration_channel_can_be_read() -> None:
    from minicon.publish.recipe import read_recipes

    recipes = list(read_recipes(RECIPES))
    assert len(recipes) >= 8
    assert {recipe.is_tool for recipe in recipes} == {True, False}
