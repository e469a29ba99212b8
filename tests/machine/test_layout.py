from __future__ import annotations

import pytest
from tests.support.interpreters import machine, make_facts

from minicon.machine.host_packages.layout import layout_for, reason_against_copy


@pytest.mark.parametrize(
    "facts",
    [
        make_facts(),
        make_facts(prefix="/usr/local"),
        make_facts(prefix="/home/me/.local/share/uv/python/cpython-3.11.7-linux-x86_64-gnu"),
        make_facts(platform="osx-arm64"),
        make_facts(platform="win-64", is_shared=True),
    ],
)
def test_self_contained_builds_are_copied(facts) -> None:
    assert layout_for(facts) == "portable"


def test_those_that_can_be_copied_are_linked_on_request() -> None:
    assert layout_for(make_facts(), linked=True) == "venv"
    windows = make_facts(platform="win-64", is_shared=True)
    assert layout_for(windows, linked=True) == "portable"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (make_facts(prefix="/usr", has_vendor_packages=True), "distribution"),
        (make_facts(prefix="/usr"), "distribution"),
        (make_facts(in_conda_prefix=True), "conda"),
        (make_facts(implementation="pypy"), "CPython"),
        (make_facts(framework="Python", platform="osx-arm64"), "framework"),
        (make_facts(is_shared=True, platform="osx-arm64"), "install name"),
        (make_facts(prefix="/opt/homebrew/opt/python@3.11"), "package manager"),
        (make_facts(prefix="/home/linuxbrew/.linuxbrew/Cellar/x"), "package manager"),
        (make_facts(prefix="/nix/store/abc-python3"), "package manager"),
        (make_facts(executable="/elsewhere/python3.11"), "one directory"),
        (make_facts(stdlib="/elsewhere/python3.11"), "one directory"),
        (make_facts(executable="C:/Program Files/WindowsApps/python.exe"), "Store"),
    ],
)
def test_others_are_linked_to(facts, reason: str) -> None:
    assert layout_for(facts) == "venv"
    assert reason in str(reason_against_copy(facts))


def test_interpreters_of_this_machine() -> None:
    for facts in machine().interpreters:
        if facts.prefix == "/usr":
            assert layout_for(facts) == "venv"
        elif "/.pyenv/versions/" in facts.prefix and facts.platform.startswith("linux-"):
            assert layout_for(facts) == "portable"
