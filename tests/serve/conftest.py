"""One server for most tests, and the channel that it serves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.served import Served, serving, team_channel


@pytest.fixture(scope="session")
def team(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return team_channel(tmp_path_factory.mktemp("served") / "team")


@pytest.fixture(scope="session")
def served(team: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    pytest.importorskip("aiohttp")
    with serving(tmp_path_factory.mktemp("server"), team) as running:
        yield running
