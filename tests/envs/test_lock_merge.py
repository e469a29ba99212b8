"""Merging locks: what one side changed is taken, what both changed differently is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from minicon.envs.locks.lock_merge import merge_locks
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
def test_each_package_is_merged_by_itself(
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
def test_one_side_alone_is_taken_whole(base: dict[str, str], changed: dict[str, str]) -> None:
    for ours, theirs in ((base, changed), (changed, base), (changed, changed)):
        merged = merge_locks(lock(base), lock(ours), lock(theirs))
        assert versions(merged.lock) == changed
        assert not merged.conflicts


def test_hashes_of_different_inputs_do_not_pass_for_a_lock_of_both() -> None:
    base, ours, theirs = (lock({}, content_hash={"linux-64": text}) for text in "123")
    merged = merge_locks(base, ours, theirs)
    assert merged.inputs_disagree
    assert merged.lock.content_hash == {}
    assert merge_locks(base, ours, base).lock.content_hash == {"linux-64": "2"}


def test_lists_keep_both_sides_additions() -> None:
    base = lock({}, sources=("a", "b"))
    merged = merge_locks(base, lock({}, sources=("a", "c")), lock({}, sources=("a", "b", "d")))
    assert merged.lock.sources == ("a", "c", "d")
