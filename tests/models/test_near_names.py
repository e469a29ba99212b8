"""Which known names are suggested for an unknown one."""

from __future__ import annotations

import pytest

from minicon.models.near_names import near_names

KNOWN = ["numpy", "scipy", "nunit", "numba", "nose", "snappy"]


@pytest.mark.parametrize(
    ("name", "is_near"),
    [
        ("nunpy", True),  # replaced
        ("nmupy", True),  # swapped
        ("nupy", True),  # missing
        ("nummpy", True),  # doubled
        ("npy", False),  # two changes to a short name
        ("NumPy", True),
        ("numpy", False),  # the name itself
        ("pandas", False),
    ],
)
def test_names_within_two_changes_are_near(name: str, is_near: bool) -> None:
    assert (near_names(name, ["numpy"]) == ["numpy"]) is is_near


def test_the_nearest_of_many_names_come_first() -> None:
    assert near_names("nunpy", KNOWN)[0] == "numpy"
    assert near_names("qqqqqq", KNOWN) == []
    assert near_names("package", [f"package{number}" for number in range(9)]) == [
        "package0",
        "package1",
        "package2",
    ]
