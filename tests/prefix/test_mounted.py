"""The real thing: environments that are mount points, and that lie in layers of an image."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.commands import Workspace
from tests.support.packages import PREFIX_PLACEHOLDER, PackageBuilder, build_channel

IS_ROOT = os.getuid() == 0
UNSHARE = ["unshare", "-m"] if IS_ROOT else ["unshare", "-rm"]


def can_mount() -> bool:
    if not shutil.which("unshare"):
        return False
    command = [*UNSHARE, "mount", "-t", "tmpfs", "probe", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


needs_mounts = pytest.mark.skipif(not can_mount(), reason="may not mount")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    text = f"#!/bin/sh\necho hello $0 {PREFIX_PLACEHOLDER}\n"
    hello = PackageBuilder("hello").file("bin/hello", text, prefix=PREFIX_PLACEHOLDER)
    library = PackageBuilder("library").file("lib/deep/er/l.txt", "1.0").file("old/x", "x")
    newer = PackageBuilder("library").version("2.0").file("lib/deep/er/l.txt", "2.0")
    return build_channel(tmp_path / "channel", [hello, library, newer])


def shell(workspace: Workspace, channel: Path, script: str) -> str:
    """Run a script in which mounts are its own; ``m`` is minicon, ``$W`` a folder."""
    head = (
        "set -e\n"
        f'm() {{ {sys.executable} -m minicon "$@"; }}\n'
        f"C='--override-channels -c {channel.as_uri()}'\n"
        f"W={workspace.folder}\nO={'' if IS_ROOT else ',userxattr'}\n"
    )
    result = subprocess.run(
        [*UNSHARE, "bash", "-c", head + script],
        env=workspace.variables,
        cwd=workspace.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


CHANGES = """
m create -q -y -p $E $C hello library=1.0
$E/bin/hello
echo mine > $E/old/mine.txt
m update -q -y -p $E $C library
cat $E/lib/deep/er/l.txt
cat $E/old/mine.txt
test ! -e $E/old/x
m undo -q -y -p $E
cat $E/lib/deep/er/l.txt $E/old/mine.txt $E/old/x
m history -p $E | wc -l
m verify -q -p $E
m remove -q -y -p $E --all
"""


@needs_mounts
def test_an_environment_that_is_a_mount_point(workspace: Workspace, channel: Path) -> None:
    script = (
        "E=$W/volume; mkdir $E; mount -t tmpfs v $E; mkdir $E/lost+found; chmod 0 $E/lost+found\n"
    )
    out = shell(workspace, channel, script + CHANGES + "ls -A $E\n")
    assert "hello " in out
    assert out.rstrip().endswith("lost+found")
    assert "2.0mine\n" in out
    assert "1.0mine\nx" in out


@needs_mounts
def test_each_layer_of_an_image_changes_the_environment(
    workspace: Workspace, channel: Path
) -> None:
    layers = """
mount -t tmpfs t $W/layers; cd $W
mkdir -p layers/base/opt layers/{1,2,3,4} layers/w{1,2,3,4} image
lower=layers/base
layer() { umount image 2>/dev/null || true
  mount -t overlay o -o lowerdir=$lower,upperdir=layers/$1,workdir=layers/w$1$O image
  lower=layers/$1:$lower; }
E=$W/image/opt/env
layer 1; m create -q -y -p $E $C hello library=1.0; echo mine > $E/old/mine.txt
layer 2; m update -q -y -p $E $C library; cat $E/lib/deep/er/l.txt $E/old/mine.txt; $E/bin/hello
layer 3; m undo -q -y -p $E; cat $E/lib/deep/er/l.txt $E/old/x $E/old/mine.txt
m verify -q -p $E
layer 4; m remove -q -y -p $E --all; ls -A $W/image/opt
"""
    (workspace.folder / "layers").mkdir()
    out = shell(workspace, channel, layers)
    assert "2.0mine\nhello " in out
    assert "1.0xmine\n" in out
    assert out.rstrip().endswith("opt/env")  # "removed PATH", and nothing is left there
