"""Merging locks: a change of one side is taken, different changes of both are conflicts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from minicon.api.lock.lock_merging import merge_locks
from minicon.lean_dataclasses import replace
from minicon.models.environment_files.lockfile import LockedPackage, Lockfile

NAMES = "abcdef"


def lock(versions: dict[str, str], **fields: object) -> Lockfile:
    found = tuple(
        LockedPackage(
            name=name, version=version, build="0", platform="linux-64",
            url=f"https://h.test/c/linux-64/{name}-{version}-0.conda",
        )
        for name, version in sorted(versions.items())
    )  # fmt: skip
    base = Lockfile(packages=found, platforms=("linux-64",), content_hash={"linux-64": "0"})
    return replace(base, **fields)  # type: ignore[arg-type]


def versions(merged: Lockfile) -> dict[str, str]:
    return {package.name: package.version for package in merged.packages}


STATES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from("123"))


@given(STATES, STATES, STATES)
def test_packages_are_merged_independently(
    base: dict[str, str], ours: dict[str, str], theirs: dict[str, str]
) -> None:
    merged = merge_locks(lock(base), lock(ours), lock(theirs))
    found = versions(merged.lock)
    for name in NAMES:
        was, mine, other = base.get(name), ours.get(name), theirs.get(name)
        clash = mine != other and was not in (mine, other)
        assert (f"{name} (linux-64)" in merged.conflicts) == clash
        if not clash:
            assert found.get(name) == (other if mine == was else mine)
        else:
            assert found.get(name) == max(filter(None, (mine, other)))


@given(STATES, STATES)
def test_changes_of_one_side_only_are_taken(base: dict[str, str], changed: dict[str, str]) -> None:
    for ours, theirs in ((base, changed), (changed, base), (changed, changed)):
        merged = merge_locks(lock(base), lock(ours), lock(theirs))
        assert versions(merged.lock) == changed
        assert not merged.conflicts


def test_a_lock_of_different_inputs_has_no_content_hash() -> None:
    base, ours, theirs = (lock({}, content_hash={"linux-64": text}) for text in "123")
    merged = merge_locks(base, ours, theirs)
    assert merged.inputs_disagree
    assert merged.lock.content_hash == {}
    assert merge_locks(base, ours, base).lock.content_hash == {"linux-64": "2"}


def test_lists_keep_additions_of_both_sides() -> None:
    base = lock({}, sources=("a", "b"))
    merged = merge_locks(base, lock({}, sources=("a", "c")), lock({}, sources=("a", "b", "d")))
    assert merged.lock.sources == ("a", "c", "d")
