"""A channel of small real packages, an index of small real wheels, and a workspace."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.support.commands import QuickWorkspace
from tests.support.packages import PREFIX_PLACEHOLDER, PackageBuilder, build_channel
from tests.support.wheels import WheelBuilder


def hello(version: str) -> PackageBuilder:
    script = f"#!/bin/sh\necho hello {version} from {PREFIX_PLACEHOLDER}\n"
    return (
        PackageBuilder("hello")
        .version(version)
        .depends("greeting >=1")
        .file("bin/hello", script, prefix=PREFIX_PLACEHOLDER)
    )


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """hello 1.0 and 2.0 need greeting; shout needs hello <2; pure is noarch python."""
    greeting = PackageBuilder("greeting").version("1.5").noarch().file("share/greeting", "hi\n")
    shout = (
        PackageBuilder("shout")
        .depends("hello <2")
        .file("bin/shout", "#!/bin/sh\nhello | tr a-z A-Z\n")
    )
    pure = (
        PackageBuilder("pure")
        .noarch("python")
        .depends("python >=3.8")
        .file("site-packages/pure/__init__.py", "def main():\n    print('pure python')\n")
        .entry_point("pure-command = pure:main")
    )
    packages = [hello("1.0"), hello("2.0"), greeting, shout, pure]
    return build_channel(tmp_path_factory.mktemp("channel"), packages)


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """top needs leaf; leaf 1.0 and 2.0; both pure, top with a command."""
    folder = tmp_path_factory.mktemp("wheels")
    top = WheelBuilder("top", "1.0").file("top.py", "def main():\n    print('top runs')\n")
    top.requires("leaf>=1").entry_point("top-command = top:main").build(folder)
    for version in ("1.0", "2.0"):
        WheelBuilder("leaf", version).file("leaf.py", f"version = {version!r}\n").build(folder)
    return folder


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One package cache for all tests, so that the interpreter is repacked once."""
    return tmp_path_factory.mktemp("cache") / "pkgs"


@pytest.fixture
def workspace(tmp_path: Path, wheelhouse: Path, shared_cache: Path) -> QuickWorkspace:
    return QuickWorkspace(
        tmp_path,
        {
            "MINICON_PKGS_DIRS": str(shared_cache),
            "MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
            "MINICON_COMPILE_BYTECODE": "false",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheelhouse),
            "PIP_CONFIG_FILE": "/dev/null",
        },
    )


@pytest.fixture
def corrupt_channel(channel: Path, tmp_path: Path) -> Path:
    """The channel, with one byte of greeting's archive changed."""
    copy = tmp_path / "corrupt"
    shutil.copytree(channel, copy)
    archive = next(copy.glob("noarch/greeting-*"))
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 0xFF
    archive.write_bytes(data)
    return copy
