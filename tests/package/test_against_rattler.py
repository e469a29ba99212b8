"""py-rattler, an independent implementation, extracts the same trees and reads the same files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder

from minicon.constants import PREFIX_PLACEHOLDER
from minicon.package.prepare.extract import extract

rattler = pytest.importorskip("rattler")
streaming = pytest.importorskip("rattler.package_streaming")

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "packages"
TOOL = (
    PackageBuilder("tool")
    .version("2.0")
    .file("bin/tool", f"#!{PREFIX_PLACEHOLDER}/bin/python\n", prefix=PREFIX_PLACEHOLDER)
    .file("lib/python3.11/" + "deep/" * 40 + "x.py", "x = 1\n")
    .file("share/ü/日本", b"text")
    .file("empty")
    .link("lib/link", "../bin/tool")
    .hard_link("bin/tool2", "bin/tool")
)


def tree(folder):
    """Return content and execute bit of every file and text of every link; and the times."""
    found, times = {}, {}
    for parent, _, files in os.walk(folder):
        for name in files:
            path = Path(parent, name)
            if path.is_symlink():
                found[str(path.relative_to(folder))] = os.readlink(path)
            else:
                facts = path.stat()
                key = (path.read_bytes(), bool(facts.st_mode & 0o100))
                found[str(path.relative_to(folder))] = key
                times[str(path.relative_to(folder))] = facts.st_mtime
    return found, times


def archives(tmp_path):
    yield TOOL.build(tmp_path, ".conda")
    yield TOOL.build(tmp_path, ".tar.bz2")
    yield from sorted(path for path in FIXTURES.iterdir() if path.suffix in (".conda", ".bz2"))


def test_the_trees_are_equal(tmp_path):
    for number, path in enumerate(archives(tmp_path)):
        ours, theirs = tmp_path / f"ours{number}", tmp_path / f"theirs{number}"
        extract(path, ours)
        streaming.extract(str(path), str(theirs))
        (our_tree, our_times), (their_tree, their_times) = tree(ours), tree(theirs)
        assert our_tree == their_tree, path.name
        # py-rattler uses the rounded time of the header, minicon the exact one of the PAX header
        assert all(abs(their_times[name] - our_times[name]) <= 1 for name in our_times)


def test_the_lists_of_files_are_equal(tmp_path):
    files = extract(TOOL.build(tmp_path), tmp_path / "out")
    theirs = rattler.PathsJson.from_package_directory(tmp_path / "out")
    # py-rattler shows a size of 0 as None
    seen = [(str(e.relative_path), e.sha256.hex(), e.size_in_bytes or 0) for e in theirs.paths]
    assert seen == [(e.path, e.sha256, e.size_in_bytes) for e in files.paths]
