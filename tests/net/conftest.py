"""Servers that start slowly: one of each for all tests of a module."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.channels import ChannelBuilder


@pytest.fixture
def plain_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home without credentials."""
    import os

    home = tmp_path / "home"
    home.mkdir()
    for name in list(os.environ):
        if name.startswith(("AWS_", "DOCKER_", "MINICON_", "RATTLER_", "XDG_", "NETRC")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return home


@pytest.fixture(scope="module")
def described_channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a channel of records without packages: plain, compressed and sharded."""
    builder = ChannelBuilder(tmp_path_factory.mktemp("described") / "channel")
    builder.add("numpy-2.0-0", depends=["python"])
    builder.add("python-3.11-0")
    builder.add("_mutex-1!2.0+a-0")
    builder.write(zst=True, shards=True)
    return builder.directory
