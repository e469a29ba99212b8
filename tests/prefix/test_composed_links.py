"""Links of several packages together: none leads out of the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder
from tests.support.prefixes import apply, extract

from minicon.errors import Clobbered, PackageError
from minicon.prefix.link.staging_dir import StagingDirectory


def link_upwards() -> PackageBuilder:
    """A package whose ``a/b`` is not below ``a``."""
    return PackageBuilder("upwards").link("a/b", "../c").file("c/x", "x")


@pytest.mark.parametrize("first", [True, False])
def test_a_link_that_leads_out_through_another_packages_link_is_refused(
    tmp_path: Path, first: bool
) -> None:
    climbing = PackageBuilder("climbing").file("a/b/y", "y").link("a/l", "b/../../z")
    packages = [extract(each, tmp_path / "pkgs") for each in (link_upwards(), climbing)]
    env = tmp_path / "envs" / "data"
    with pytest.raises(PackageError, match=r"climbing-1\.0-0 has the link 'a/l'") as caught:
        apply(env, *(packages if first else packages[::-1]))
    assert caught.value.reference == "unsafe-path"
    assert not env.exists()


def test_links_that_stay_inside_together_are_made(tmp_path: Path) -> None:
    climbing = PackageBuilder("climbing").file("a/b/y", "y").link("a/l", "b/../c")
    packages = [extract(each, tmp_path / "pkgs") for each in (link_upwards(), climbing)]
    env = tmp_path / "envs" / "data"
    apply(env, *packages)
    assert (env / "c" / "y").read_text() == "y"
    assert (env / "a" / "l" / "x").read_text() == "x"


def test_a_link_into_a_users_own_directory_is_allowed(tmp_path: Path) -> None:
    env, data = tmp_path / "env", tmp_path / "data"
    (data / "big").mkdir(parents=True)
    (env / "share").mkdir(parents=True)
    (env / "share" / "mine").symlink_to(data)
    package = PackageBuilder("one").link("bin/x", "../share/mine/big")
    apply(env, extract(package, tmp_path / "pkgs"))
    assert (env / "bin" / "x").resolve() == data / "big"


@pytest.mark.parametrize(
    ("links", "target"),
    [
        ({"a/b": "../c", "a/l": "b/../.."}, None),
        ({"a/b": "../c/d", "a/l": "b/../.."}, ""),
        ({"a/b": "../c/d", "a/l": "b/.."}, "c"),
        ({"a/l": "../c"}, "c"),
        ({"a/l": "../.."}, None),
        ({"a/l": "/tmp"}, None),
        ({"a/l": "l"}, None),
        ({"a/m": "/tmp", "a/l": "m/x"}, None),
    ],
)
def test_folders_are_where_their_links_lead(
    tmp_path: Path, links: dict[str, str], target: str | None
) -> None:
    root = tmp_path / "outer" / "root"
    (root / "a").mkdir(parents=True)
    (root / "c" / "d").mkdir(parents=True)
    for name, text in links.items():
        os.symlink(text, root / name)
    with StagingDirectory(root) as tree:
        if target is None:
            with pytest.raises(Clobbered):
                tree.folder("a/l/n")
        else:
            assert tree.folder("a/l/n").path == str(root / target / "n")
    assert os.listdir(tmp_path / "outer") == ["root"]
