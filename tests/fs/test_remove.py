"""Trees go away, links are never followed."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.fs.remove import empty_directory, move_to_trash, remove_tree

NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8
)
TREES = st.recursive(
    st.binary(max_size=3) | st.just("link"),
    lambda children: st.dictionaries(NAMES, children, max_size=4),
    max_leaves=12,
)


def make(tree, path, outside):
    if isinstance(tree, dict):
        path.mkdir()
        for name, child in tree.items():
            if name not in (".", ".."):
                make(child, path / name, outside)
    elif isinstance(tree, bytes):
        path.write_bytes(tree)
    else:
        path.symlink_to(outside)


@given(tree=TREES)
def test_whatever_is_there_is_removed_and_nothing_else(tmp_path, tree):
    outside = tmp_path / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "keep").write_text("x")
    make(tree, tmp_path / "tree", outside)
    remove_tree(tmp_path / "tree")
    assert not os.path.lexists(tmp_path / "tree")
    assert (outside / "keep").read_text() == "x"
    remove_tree(tmp_path / "tree")


def test_deep_trees_and_folders_without_rights(tmp_path):
    deep = tmp_path / "tree"
    for _ in range(300):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "f").write_text("x")
    closed = tmp_path / "tree" / "closed"
    closed.mkdir()
    (closed / "f").write_text("x")
    closed.chmod(0)
    remove_tree(tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_emptying_keeps_the_folder(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "f").write_text("x")
    empty_directory(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_trash_takes_same_names(tmp_path):
    graves = []
    for _ in range(2):
        (tmp_path / "x").mkdir()
        graves.append(move_to_trash(tmp_path / "x", tmp_path / ".trash"))
    assert len(set(graves)) == 2
    assert all(grave.is_dir() for grave in graves)
    with pytest.raises(FileNotFoundError):
        move_to_trash(tmp_path / "x", tmp_path / ".trash")
