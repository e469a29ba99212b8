"""Environments of conda and mamba changed by minicon, and the other way round."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.support.commands import Workspace


def made_by_rattler(channel: Path, prefix: Path, cache: Path, *specs: str) -> None:
    import rattler

    async def make() -> None:
        records = await rattler.solve(
            sources=[channel.as_uri()],
            specs=[rattler.MatchSpec(spec) for spec in specs],
            platforms=[rattler.Subdir("linux-64"), rattler.Subdir("noarch")],
            gateway=rattler.Gateway(cache_dir=cache),
        )
        await rattler.install(
            records=records, target_prefix=prefix, cache_dir=cache, show_progress=False
        )

    asyncio.run(make())


@pytest.fixture
def foreign(workspace: Workspace, channel: Path) -> Path:
    prefix = workspace.folder / "foreign"
    made_by_rattler(channel, prefix, workspace.folder / "rattler-cache", "hello ==1.0")
    return prefix


def test_a_foreign_environment_is_listed_changed_and_removed(
    workspace: Workspace, channel: Path, foreign: Path
) -> None:
    at = ("-p", str(foreign))
    source = ("-c", channel.as_uri(), "--override-channels")
    listed = workspace.run("list", *at, "--json").ok().json
    assert [(p["name"], p["version"]) for p in listed] == [("greeting", "1.5"), ("hello", "1.0")]
    workspace.run("verify", *at).ok()
    workspace.run("install", "-y", *at, *source, "shout").ok()
    assert workspace.run("run", *at, "shout").ok().out.startswith("HELLO 1.0")
    workspace.run("update", "-y", *at, *source, "--all").ok()
    workspace.run("remove", "-y", *at, *source, "shout").ok()
    names = {path.name.rsplit("-", 2)[0] for path in (foreign / "conda-meta").glob("*.json")}
    assert names == {"hello", "greeting"}
    workspace.run("remove", "-y", *at, "--all").ok()
    assert not foreign.exists()


def test_our_environment_is_changed_by_another_tool(workspace: Workspace, channel: Path) -> None:
    import rattler

    source = ("-c", channel.as_uri(), "--override-channels")
    workspace.run("create", "-y", "-n", "a", *source, "hello=1.0").ok()
    prefix = workspace.environment("a")
    installed = [rattler.PrefixRecord.from_path(p) for p in (prefix / "conda-meta").glob("*.json")]

    async def change() -> None:
        cache = workspace.folder / "rattler-cache"
        records = await rattler.solve(
            sources=[channel.as_uri()],
            specs=[rattler.MatchSpec("hello ==2.0")],
            platforms=[rattler.Subdir("linux-64"), rattler.Subdir("noarch")],
            gateway=rattler.Gateway(cache_dir=cache),
        )
        await rattler.install(
            records=records,
            target_prefix=prefix,
            cache_dir=cache,
            installed_packages=installed,
            show_progress=False,
        )

    asyncio.run(change())
    assert workspace.run("run", "-n", "a", "hello").ok().out.startswith("hello 2.0")
    listed = workspace.run("list", "-n", "a", "--json").ok().json
    assert {p["name"]: p["version"] for p in listed}["hello"] == "2.0"
    workspace.run("verify", "-n", "a").ok()
    workspace.run("install", "-y", "-n", "a", *source, "hello=1.0").ok()
    assert workspace.run("run", "-n", "a", "hello").ok().out.startswith("hello 1.0")


def test_frozen_and_pinned_are_respected(workspace: Workspace, channel: Path) -> None:
    source = ("-c", channel.as_uri(), "--override-channels")
    workspace.run("create", "-y", "-n", "a", *source, "hello=1.0").ok()
    meta = workspace.environment("a") / "conda-meta"
    (meta / "pinned").write_text("hello 1.*  # because\n")
    workspace.run("update", "-y", "-n", "a", *source, "--all").ok()
    assert workspace.run("run", "-n", "a", "hello").ok().out.startswith("hello 1.0")
    refused = workspace.run("install", "-y", "-n", "a", *source, "hello=2")
    assert refused.code == 1
    assert "pin" in refused.err
    workspace.run("install", "-y", "-n", "a", *source, "--no-pin", "hello=2").ok()

    (meta / "frozen").write_text(json.dumps({"message": "ask the owner"}))
    refused = workspace.run("remove", "-y", "-n", "a", *source, "hello")
    assert refused.code == 1
    assert "ask the owner" in refused.err
    workspace.run("remove", "-y", "-n", "a", *source, "--override-frozen", "hello").ok()


def test_environments_txt_is_kept(workspace: Workspace, channel: Path) -> None:
    source = ("-c", channel.as_uri(), "--override-channels")
    path = workspace.folder / "other"
    workspace.run("create", "-y", "-p", str(path), *source, "hello").ok()
    file = workspace.home / ".conda" / "environments.txt"
    assert str(path) in file.read_text().splitlines()
    assert str(path) in workspace.run("env", "list", "--json").ok().json["envs"]
    workspace.run("env", "remove", "-y", "-p", str(path)).ok()
    assert str(path) not in file.read_text().splitlines()
