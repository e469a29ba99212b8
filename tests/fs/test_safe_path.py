"""Untrusted paths: what is accepted can only lead below the folder."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.fs.safe_path import are_plain, is_ordinary, path_problem

GOOD = [
    "a",
    "bin/python3.11",
    ".hidden/..x/...",
    "share/man/man3/File::Spec.3",
    "a b/c$d/ü/日本",
    "x" * 255,
    "a/" * 500 + "b",
    "con/aux.txt",
    "-rf",
]
BAD = [
    "",
    "/etc/passwd",
    "//x",
    "..",
    "../x",
    "a/../b",
    "a/..",
    "a//b",
    "./a",
    "a/./b",
    "a/",
    "a\0b",
    "a\\b",
    "C:x",
    "c:/x",
    "x" * 256,
    "ü" * 128,
    "a/" * 1500 + "b",
    "\ud800",
]


@pytest.mark.parametrize("path", GOOD)
def test_plain_relative_paths_are_good(path):
    assert path_problem(path) is None


@pytest.mark.parametrize("path", BAD)
def test_everything_else_is_refused(path):
    assert path_problem(path)


@pytest.mark.parametrize(
    "path", ["con/x", "a/NUL", "aux.txt", "xy:z", "a/b.", "a /b", 'q"', "Lpt1.log", "COM¹"]
)
def test_windows_forbids_more(path):
    assert path_problem(path) is None
    assert path_problem(path, windows=True)


def test_windows_accepts_ordinary_paths():
    assert path_problem("Library/bin/conference.dll", windows=True) is None


@given(st.text(st.sampled_from("ab./\\:\0-ü "), max_size=12))
def test_what_is_accepted_stays_below(path):
    if path_problem(path) is None:
        assert not os.path.isabs(path)
        joined = os.path.normpath(os.path.join("/root", path))
        assert joined == "/root/" + path


@given(st.lists(st.text(st.sampled_from("ab./\\:\0-ü \n\r"), max_size=6), max_size=3))
def test_the_quick_looks_never_accept_more(paths):
    if are_plain(paths):
        assert [path_problem(path) for path in paths] == [None] * len(paths)
    for path in paths:
        assert not is_ordinary(path) or path_problem(path) is None


def test_the_quick_look_accepts_what_packages_have():
    assert are_plain(["lib/python3.11/x.py", "bin/a b", "share/x-1.2/__init__.py"])
    assert not are_plain(["lib/a", ""])
    assert not are_plain(["lib/" + "a" * 300])
