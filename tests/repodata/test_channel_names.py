"""Suggestions for misspelled channels."""

from __future__ import annotations

from pathlib import Path

import pytest

from minicon.models.channel import parse_channels
from minicon.repodata.channels.names import nearest_channel

ALIAS = "https://conda.test"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("conda-forg", "conda-forge"),
        ("condaforge", "conda-forge"),
        ("https://mirror.test/x/bioconde", "https://mirror.test/x/bioconda"),
        ("conda-forge", None),
        ("something-else", None),
    ],
)
def test_well_known_names(typed: str, meant: str | None, tmp_path: Path) -> None:
    (channel,) = parse_channels(typed, alias=ALIAS, cwd=tmp_path)
    assert nearest_channel(channel) == meant


def test_names_of_local_directories(tmp_path: Path) -> None:
    (tmp_path / "team-channel").mkdir()
    for typed, meant in (("team-chanel", True), ("other", False)):
        (channel,) = parse_channels(str(tmp_path / typed), alias=ALIAS, cwd=tmp_path)
        expected = (tmp_path / "team-channel").as_uri() if meant else None
        assert nearest_channel(channel) == expected
    (gone,) = parse_channels(str(tmp_path / "no" / "folder"), alias=ALIAS, cwd=tmp_path)
    assert nearest_channel(gone) is None
