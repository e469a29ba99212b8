"""Folders held open: nothing that is done below them goes through a link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.prefixes import snapshot

from minicon.errors import FileError
from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.fs.folder_tree import FolderTree
from minicon.fs.remove import remove_tree


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that must stay as it is, with everything that could be changed by mistake."""
    folder = tmp_path / "outside"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "file").write_text("precious")
    (folder / "sub" / "file").write_text("precious")
    return folder


@pytest.fixture
def root(tmp_path: Path, outside: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "file-link").symlink_to(outside / "file")
    (folder / "file").write_text("mine")
    return folder


CHANGES: dict[str, Callable[[Folder], object]] = {
    "create": lambda f: f.create_file("link/new", b"x"),
    "replace": lambda f: f.replace_file("link/file", b"x"),
    "replace deep": lambda f: f.replace_file("link/sub/file", b"x", durable=False),
    "append": lambda f: f.append_file("link/file", b"x"),
    "append to a link": lambda f: f.append_file("file-link", b"x"),
    "remove": lambda f: f.remove_file("link/file"),
    "remove folder": lambda f: f.remove_directory("link/sub/deep"),
    "make": lambda f: f.folder("link/new", make=True),
    "enter": lambda f: f.folder("link/sub"),
    "read": lambda f: f.read_file("link/file"),
    "read a link": lambda f: f.read_file("file-link"),
    "mode": lambda f: f.set_mode("file-link", 0o777),
    "mode of a folder": lambda f: f.set_mode("link", 0o777),
    "upwards": lambda f: f.create_file("../outside/new", b"x"),
    "upwards in between": lambda f: f.folder("a/../../outside", make=True),
    "dot": lambda f: f.folder("./link"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_goes_through_a_link(root: Path, outside: Path, change: str) -> None:
    before = snapshot(outside)
    with (
        Folder.open(root) as folder,
        pytest.raises(OSError, match=r"is a symbolic link|is not below|upported") as caught,
    ):
        CHANGES[change](folder)
    assert caught.value.errno in (errno.ELOOP, errno.EINVAL, errno.EOPNOTSUPP)
    assert snapshot(outside) == before


def test_a_link_with_the_name_of_a_file_is_replaced(root: Path, outside: Path) -> None:
    before = snapshot(outside)
    with Folder.open(root) as folder:
        folder.replace_file("file-link", b"new")
        folder.remove_tree("link")
    assert (root / "file-link").read_bytes() == b"new"
    assert not (root / "file-link").is_symlink()
    assert not (root / "link").is_symlink()
    assert snapshot(outside) == before


def test_what_happens_to_the_path_meanwhile_does_not_matter(root: Path, outside: Path) -> None:
    (root / "sub").mkdir()
    with Folder.open(root) as folder, folder.folder("sub") as sub:
        (root / "sub").rename(root / "moved")
        (root / "sub").symlink_to(outside)
        sub.create_file("new", b"x")
        sub.rename("new", folder, "taken")
    assert (root / "taken").read_bytes() == b"x"
    assert not (outside / "new").exists()


def test_the_error_names_the_link(root: Path) -> None:
    with (
        pytest.raises(FileError) as caught,
        operations.describing("change", root),
        Folder.open(root) as folder,
    ):
        folder.replace_file("link/file", b"x")
    assert caught.value.reference == "link-in-the-way"
    assert str(root / "link") in caught.value.message
    assert caught.value.hint


def test_a_closed_folder_is_of_no_use(root: Path) -> None:
    folder = Folder.open(root)
    folder.close()
    folder.close()
    for change in (folder.child, folder.read_file, folder.remove_tree, folder.remove_file):
        with pytest.raises(OSError, match="Bad file descriptor"):
            change("file")
    assert (root / "file").exists()


def test_what_is_no_regular_file_is_not_read(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with Folder.open(root) as folder, pytest.raises(OSError, match="not a regular file"):
        folder.read_file("pipe")


def test_modes_are_set_where_the_c_library_cannot_leave_links_alone(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chmod = os.chmod

    def limited(path: str, mode: int, **arguments: object) -> None:
        if arguments.get("follow_symlinks") is False:
            raise NotImplementedError
        chmod(path, mode)

    monkeypatch.setattr(os, "supports_dir_fd", os.supports_dir_fd | {limited})
    monkeypatch.setattr(os, "chmod", limited)
    with Folder.open(root) as folder:
        folder.set_mode("file", 0o600)
        with pytest.raises(OSError, match=r"sup|loop|link"):
            folder.set_mode("file-link", 0o777)
    assert stat.S_IMODE((root / "file").stat().st_mode) == 0o600
    assert stat.S_IMODE((outside / "file").stat().st_mode) != 0o777


def test_unreadable_folders_are_made_readable_but_not_those_behind_links(
    root: Path, outside: Path
) -> None:
    """Removal sets modes: of what it removes, never of what a link names."""
    outside.chmod(0o500)
    remove_tree(root)
    assert not root.exists()
    assert stat.S_IMODE(outside.stat().st_mode) == 0o500
    outside.chmod(0o700)


@pytest.mark.parametrize(
    ("links", "path", "destination"),
    [
        ({"lib64": "lib"}, "lib64/x", "lib/x"),
        ({"lib64": "./lib/../lib"}, "lib64/x", "lib/x"),
        ({"a/l": "../b", "b": "c"}, "a/l/x", "c/x"),
        ({"a/up": ".."}, "a/up/x", "x"),
        ({"lib64": "../outside"}, "lib64/x", None),
        ({"lib64": "/tmp"}, "lib64/x", None),
        ({"a": "b", "b": "a"}, "a/x", None),
        ({"a": "a"}, "a/x", None),
        # Each of them stays inside by its text alone; one after the other they lead out.
        ({"a/l": "b/../..", "a/b": "../c"}, "a/l/x", None),
    ],
)
def test_links_of_packages_are_followed_inside(
    tmp_path: Path, links: dict[str, str], path: str, destination: str | None
) -> None:
    top = tmp_path / "top"
    for name, text in links.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).symlink_to(text)
    (tmp_path / "outside").mkdir()
    with FolderTree(top, through_links=True) as tree:
        if destination is None:
            with pytest.raises(OSError, match="is a symbolic link"):
                tree.parent_of(path)
            return
        folder, name = tree.parent_of(path)
        folder.create_file(name, b"x")
        assert tree.folder(path.rpartition("/")[0]).path == str((top / destination).parent)
    assert (top / destination).read_bytes() == b"x"


def test_many_and_deep_folders_need_few_descriptors(tmp_path: Path) -> None:
    deep = "/".join("d" * 600)
    with FolderTree(tmp_path) as tree:
        before = len(os.listdir("/proc/self/fd"))
        for number in range(300):
            folder, name = tree.parent_of(f"a/b{number}/file")
            folder.create_file(name, b"")
        tree.folder(deep)
        assert len(os.listdir("/proc/self/fd")) < before + 80
        folder, name = tree.parent_of(f"{deep}/file")
        folder.create_file(name, b"x")
    assert len(os.listdir("/proc/self/fd")) < before
    assert len(list(tmp_path.glob("a/b*/file"))) == 300


def test_a_removed_folder_is_made_again(tmp_path: Path) -> None:
    with FolderTree(tmp_path) as tree:
        tree.folder("a/b")
        tree.remove_folder("a/b")
        tree.folder("a/b").create_file("f", b"x")
    assert (tmp_path / "a/b/f").read_bytes() == b"x"
