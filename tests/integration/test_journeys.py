"""Environments of an interpreter and wheels from creation to an equal copy.

bench/real_environments.py does the same with real projects.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.channel_server import ChannelServer
from tests.support.commands import Workspace
from tests.support.packages import PackageBuilder, build_channel
from tests.support.wheels import WheelBuilder


def packages(workspace: Workspace, name: str) -> dict[str, tuple[str, str]]:
    listed = workspace.run("list", "-n", name, "--json").ok().json
    return {each["name"]: (each["version"], each["channel"]) for each in listed}


def check(workspace: Workspace, name: str) -> None:
    """The environment works, and pip finds all that its distributions require."""
    assert workspace.run("run", "-n", name, "top-command").ok().out == "top runs\n"
    python = workspace.environment(name) / "bin/python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "check"]
    assert subprocess.run(command, check=False, capture_output=True, text=True).stdout.startswith(
        "No broken"
    )


@pytest.mark.parametrize("leaf", ["wheel", "conda package"])
def test_from_creation_to_an_equal_environment(
    workspace: Workspace, tmp_path: Path, leaf: str
) -> None:
    for version in ("1.0", "2.0"):
        WheelBuilder("more", version).file("more.py", "").build(tmp_path / "links")
    workspace.environ |= {"NO_PROXY": "127.0.0.1"}
    workspace.environ["PIP_FIND_LINKS"] += f" {tmp_path / 'links'}"
    conda = (
        PackageBuilder("leaf")
        .version("2.0")
        .noarch("python")
        .depends("python >=3.8")
        .file("site-packages/leaf.py")
        .file("site-packages/leaf-2.0.dist-info/METADATA", "Name: leaf\nVersion: 2.0\n")
    )
    with ChannelServer(build_channel(tmp_path / "channel", [conda])) as server:
        joint = ("-c", server.url) if leaf == "conda package" else ()
        journey(workspace, (*joint, "-c", "host", "-c", "pypi"))
    source = "pypi" if leaf == "wheel" else server.url
    assert packages(workspace, "a")["leaf"] == ("2.0", source)


def journey(workspace: Workspace, sources: tuple[str, ...]) -> None:
    words = ("-y", "-n", "a")
    workspace.run("create", *words, *sources, "python", "pypi:top").ok()
    check(workspace, "a")
    before = packages(workspace, "a")
    workspace.run("install", *words, *sources, "pypi:more<2").ok()
    workspace.run("update", *words, *sources, "more").ok()
    assert packages(workspace, "a")["more"] == ("2.0", "pypi")
    workspace.run("undo", *words).ok()
    assert packages(workspace, "a")["more"] == ("1.0", "pypi")
    workspace.run("remove", *words, *sources, "more").ok()
    assert packages(workspace, "a") == before
    for file, command in {
        "environment.yml": ("export", "-n", "a", "--full", "-f", "environment.yml"),
        "conda-lock.yml": ("lock", "-f", "environment.yml", "-o", "conda-lock.yml"),
    }.items():
        workspace.run(*command).ok()
        workspace.run("create", "-y", "-n", "b", "-f", file).ok()
        assert packages(workspace, "b") == before
        check(workspace, "b")
        workspace.run("remove", "-y", "-n", "b", "--all").ok()
