"""Features, which distinguish builds in old channels (pkgs/free)."""

from __future__ import annotations

import pytest
from tests.support.solver_cases import SolverCase, builds, versions

from minicon.errors import SolveError


def world() -> SolverCase:
    """As pkgs/free: numpy with mkl, and other builds of it for environments with nomkl."""
    case = SolverCase()
    case.package("nomkl", "1.0", track_features="nomkl")
    case.package("mkl", "11.3")
    case.package("openblas", "0.2")
    for version in ("1.10", "1.11"):
        case.package("numpy", version, "py_0", depends=["mkl"])
    case.package("numpy", "1.10", "py_nomkl_0", depends=["openblas"], features="nomkl")
    case.package("scipy", "0.18", "np_0", depends=["numpy 1.11.*", "mkl"])
    case.package("scipy", "0.17", "np_nomkl_0", depends=["numpy"], features="nomkl")
    return case


def test_a_feature_is_only_installed_on_request() -> None:
    assert builds(world().solve("scipy")) == {
        "scipy": "0.18 np_0", "numpy": "1.11 py_0", "mkl": "11.3 0",
    }  # fmt: skip


@pytest.mark.parametrize("wish", ["nomkl", "*[track_features=nomkl]"])
def test_with_a_feature_builds_that_have_it_are_preferred(wish: str) -> None:
    expected = {"scipy": "0.17 np_nomkl_0", "numpy": "1.10 py_nomkl_0"}
    assert expected.items() <= builds(world().solve("scipy", wish)).items()
    assert "mkl" not in versions(world().solve("scipy", wish))
    alone = world().solve(wish)
    assert versions(alone) == {"nomkl": "1.0"}
    assert list(alone.requested) == ["nomkl"]


def test_a_build_requires_the_package_that_tracks_its_feature() -> None:
    for spec in ("numpy[features=nomkl]", "numpy 1.10 *_nomkl_0"):
        solution = world().solve(spec)
        assert versions(solution) == {"numpy": "1.10", "openblas": "0.2", "nomkl": "1.0"}
        assert [reason.parent for reason in solution.reasons["nomkl"]] == ["numpy"]


def test_installed_packages_keep_their_features() -> None:
    case = world()
    installed = case.installed(*case.solve("nomkl").records)
    assert builds(case.solve("numpy", installed=installed))["numpy"] == "1.10 py_nomkl_0"
    gone = case.solve("numpy", removals=["nomkl"], installed=installed)
    assert builds(gone)["numpy"] == "1.11 py_0"


def test_removing_a_feature_removes_builds_with_it() -> None:
    case = world()
    installed = case.installed(*case.solve("nomkl", "numpy").records)
    for spec in ("nomkl", "*[track_features=nomkl]"):
        left = case.solve(removals=[spec], installed=installed, history=["numpy", "nomkl"])
        assert versions(left) == {}


def test_numbered_features_are_tracked_by_the_package_without_a_number() -> None:
    case = SolverCase()
    for number in ("9", "14"):
        case.package("vc", number, track_features=f"vc{number}")
        case.package("r", "3", f"vc{number}", features=f"vc{number}", build_number=int(number))
    assert builds(case.solve("r")) == {"r": "3 vc14", "vc": "14 0"}
    assert builds(case.solve("r", "vc=9")) == {"r": "3 vc9", "vc": "9 0"}


def test_a_feature_that_nothing_tracks() -> None:
    case = SolverCase()
    case.package("a", "2.0", features=["debug"])
    case.package("a", "1.0")
    assert versions(case.solve("a")) == {"a": "1.0"}
    with pytest.raises(SolveError) as caught:
        case.solve("a=2")
    assert caught.value.message.splitlines() == [
        "a 2.* cannot be installed",
        "  a 2.* needs the feature debug, which no channel has",
    ]


def test_fewest_tracked_features_come_before_the_version() -> None:
    case = SolverCase()
    case.package("a", "2.0", track_features="x")
    case.package("a", "1.0")
    case.package("b", "2.0", features="a")
    case.package("b", "1.0")
    assert versions(case.solve("a", "b")) == {"a": "1.0", "b": "1.0"}


def test_any_package_may_track_a_requested_feature() -> None:
    case = SolverCase()
    case.package("mkl", "1.0", track_features="mkl", depends=["gone"])
    case.package("blas", "1.0", "openblas")
    case.package("blas", "1.0", "mkl", track_features="mkl", depends=["lib"])
    case.package("lib", "1.0")
    assert builds(case.solve("*[track_features=mkl]")) == {"blas": "1.0 mkl", "lib": "1.0 0"}
    with pytest.raises(SolveError, match="no channel has the feature none"):
        case.solve("*[track_features=none]")
