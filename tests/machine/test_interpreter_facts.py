from __future__ import annotations

import pytest
from tests.support.interpreters import make_facts

from minicon.machine.interpreters.facts import InterpreterFacts, subdir_from_platform


@pytest.mark.parametrize(
    ("tag", "machine", "bits", "subdir"),
    [
        ("linux-x86_64", "x86_64", 64, "linux-64"),
        ("linux-x86_64", "x86_64", 32, "linux-32"),
        ("linux-i686", "x86_64", 32, "linux-32"),
        ("linux-aarch64", "aarch64", 64, "linux-aarch64"),
        ("linux-ppc64le", "ppc64le", 64, "linux-ppc64le"),
        ("macosx-11.0-arm64", "arm64", 64, "osx-arm64"),
        ("macosx-10.9-x86_64", "arm64", 64, "osx-64"),
        ("macosx-10.9-universal2", "arm64", 64, "osx-arm64"),
        ("macosx-10.9-universal2", "x86_64", 64, "osx-64"),
        ("win-amd64", "AMD64", 64, "win-64"),
        ("win-arm64", "ARM64", 64, "win-arm64"),
        ("win32", "AMD64", 32, "win-32"),
    ],
)
def test_subdirs(tag: str, machine: str, bits: int, subdir: str) -> None:
    assert subdir_from_platform(tag, machine, bits) == subdir


def test_json_round_trip() -> None:
    facts = make_facts("3.13.0rc1", abiflags="t", is_free_threaded=True)
    assert InterpreterFacts.from_json(facts.to_json()) == facts


@pytest.mark.parametrize(("key", "value"), [("is_debug", 1), ("version", None)])
def test_foreign_json_is_refused(key: str, value: object) -> None:
    data = make_facts().to_json()
    with pytest.raises(TypeError):
        InterpreterFacts.from_json({**data, key: value})
    del data[key]
    with pytest.raises(KeyError):
        InterpreterFacts.from_json(data)


def test_versions() -> None:
    final, candidate = make_facts("3.13.1"), make_facts("3.14.0rc2")
    assert (final.minor, final.version_tuple, final.is_pre_release) == ("3.13", (3, 13, 1), False)
    assert (candidate.minor, candidate.is_pre_release) == ("3.14", True)
    assert candidate.version_tuple == (3, 14, 0)
