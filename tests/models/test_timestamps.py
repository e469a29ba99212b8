"""How old packages must be, by package and by channel."""

from __future__ import annotations

import pytest

from minicon.errors import SpecError
from minicon.models.records import RepodataRecord
from minicon.models.timestamps import AgeLimits, parse_time

NOW = 1_000_000_000.0
DAY = 86400 * 1000


def record(name: str, channel: str, **times: int) -> RepodataRecord:
    data = {"name": name, "version": "1", **times}
    return RepodataRecord(data, channel=channel, subdir="noarch", fn="", url="")


def test_a_package_goes_before_its_channel_and_that_before_all() -> None:
    limits = AgeLimits(1, {"conda-forge": 2, "mine": None}, {"numpy": 3, "openssl": None})
    assert limits.of("a", "main") == 1
    assert limits.of("a", "https://host/conda-forge") == 2
    assert limits.of("a", "mine") is None
    assert limits.of("numpy", "mine") == 3
    assert limits.of("openssl", "conda-forge") is None


def test_what_is_admitted() -> None:
    limits = AgeLimits(1_500_000_000_000)
    assert limits.admits(record("a", "c", timestamp=1_500_000_000_000))
    assert limits.admits(record("a", "c", timestamp=1_500_000_000))  # seconds
    assert not limits.admits(record("a", "c", timestamp=1_500_000_000_001))
    assert limits.admits(record("a", "c"))  # unknown
    late = record("a", "c", timestamp=1_400_000_000_000, indexed_timestamp=1_600_000_000_000)
    assert not limits.admits(late)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("7d", 7), ("1w", 7), ("1w 2d", 9), ("3d12h", 3.5), ("P7D", 7), ("p1w", 7), ("PT12H", 0.5),
        ("P1DT12H", 1.5), ("0", 0), ("0d", 0), ("86400", 1), ("2 days ago", 2),
    ],
)  # fmt: skip
def test_ages(text: str, days: float) -> None:
    assert parse_time(text, now=NOW) == NOW * 1000 - days * DAY


@pytest.mark.parametrize("text", ["", "P", "PT", "7x", "d7", "3d12", "-7d", "2026-13-01", "T7D"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(SpecError):
        parse_time(text, now=NOW)
