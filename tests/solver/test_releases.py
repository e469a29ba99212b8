"""Releases that specifiers accept: bounds found by bisection are those of packaging."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

from minicon.models.indexes.wheel_index import Release
from minicon.solver.joint.releases import within

VERSIONS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "1!"]),
        st.sampled_from(["0", "1", "1.0", "1.1", "1.10", "2", "2.0.1"]),
        st.sampled_from(["", "a1", "rc1"]),
        st.sampled_from(["", ".post1"]),
        st.sampled_from(["", ".dev1"]),
    ),
)
LOCAL = st.builds("".join, st.tuples(VERSIONS, st.sampled_from(["", "", "+cpu", "+2"])))
SPECIFIERS = st.builds(
    "".join, st.tuples(st.sampled_from([">=", "<=", "<", ">", "!=", "=="]), VERSIONS)
) | st.sampled_from(["~=1.0", "==1.*", "!=1.1.*", "===1.0"])


@given(st.lists(LOCAL, max_size=20), st.lists(SPECIFIERS, max_size=3))
def test_the_same_releases_are_accepted_as_one_by_one(versions, texts) -> None:
    ordered = sorted({Version(each) for each in versions}, reverse=True)
    releases = [Release("demo", each, ()) for each in ordered]
    specifiers = SpecifierSet(",".join(texts))
    accepted = [each for each in releases if specifiers.contains(each.version, prereleases=True)]
    assert [*within(releases, specifiers)] == accepted


def test_bounds_are_found_by_bisection(monkeypatch) -> None:
    compared = []
    contains = Specifier.contains
    monkeypatch.setattr(
        Specifier, "contains", lambda *given: compared.append(given) or contains(*given)
    )
    releases = [Release("demo", Version(f"1.{each}"), ()) for each in range(1000, 0, -1)]
    found = within(releases, SpecifierSet(">=1.200,<1.900"))
    assert [found[0].version, found[-1].version] == [Version("1.899"), Version("1.200")]
    assert len(compared) < 30
