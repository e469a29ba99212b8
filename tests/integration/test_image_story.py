"""Images of environments: valid, deterministic, layered by package, and they run."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.commands import Workspace
from tests.support.images import blob, manifest, needs_busybox, run_image, write_base


@pytest.fixture
def project(workspace: Workspace, channel: Path) -> Workspace:
    workspace.environ["MINICON_CHANNELS"] = f"{channel.as_uri()},host"
    workspace.run("create", "-y", "-n", "a", "hello=1.0").ok()
    workspace.run("env", "config", "vars", "set", "-n", "a", "COLOUR=blue").ok()
    return workspace


def test_an_update_changes_small_layers(project: Workspace, tmp_path: Path) -> None:
    digest = project.run("image", "-n", "a", "-o", "one.tar", "--json").ok().json["digest"]
    again = project.run("image", "-n", "a", "-o", "again", "--tag", "a:1", "--json").ok().json
    assert again["digest"] == digest
    before = manifest(tmp_path / "one.tar")
    assert before == manifest(tmp_path / "again")
    project.run("install", "-y", "-n", "a", "hello=2.0").ok()
    project.run("image", "-n", "a", "-o", "two.tar").ok()
    after = manifest(tmp_path / "two.tar")
    config = json.loads(blob(tmp_path / "one.tar", before["config"]))
    titles = [each["created_by"].removeprefix("minicon: ") for each in config["history"]]
    changed = {
        title
        for title, old, new in zip(titles, before["layers"], after["layers"], strict=True)
        if old != new
    }
    assert titles == ["greeting", "hello", "environment"]
    assert changed == {"hello", "environment"}
    for layer, diff_id in zip(before["layers"], config["rootfs"]["diff_ids"], strict=True):
        data = gzip.decompress(blob(tmp_path / "one.tar", layer))
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == diff_id
    assert "COLOUR=blue" in config["config"]["Env"]


@needs_busybox
@pytest.mark.parametrize("base_is_archive", [False, True])
def test_it_runs_without_a_runtime(
    project: Workspace, tmp_path: Path, base_is_archive: bool
) -> None:
    base = write_base(tmp_path / "base")
    if base_is_archive:
        base = Path(shutil.make_archive(str(tmp_path / "packed"), "tar", base))
    project.run("image", "-n", "a", "-o", "image.tar", "--from", str(base)).ok()
    script = "hello; echo $COLOUR $BASE $CONDA_PREFIX"
    found = run_image(tmp_path / "image.tar", tmp_path / "root", script)
    assert found == "hello 1.0 from /opt/a\nblue yes /opt/a\n"


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="needs skopeo")
def test_skopeo_reads_it(project: Workspace, tmp_path: Path) -> None:
    project.run("image", "-n", "a", "-o", "image.tar", "--tag", "a:1.0").ok()
    found = subprocess.run(
        ["skopeo", "inspect", f"oci-archive:{tmp_path}/image.tar:1.0"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(found.stdout)["Architecture"] == "amd64"
    copied = ["skopeo", "copy", f"docker-archive:{tmp_path}/image.tar:a:1.0", f"dir:{tmp_path}/out"]
    subprocess.run(copied, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("umoci") is None, reason="needs umoci")
def test_umoci_unpacks_it(project: Workspace, tmp_path: Path) -> None:
    project.run("image", "-n", "a", "-o", "layout", "--tag", "a:1.0", "-d", "/srv/data").ok()
    command = ["umoci", "unpack", "--rootless", "--image", f"{tmp_path}/layout:1.0", "bundle"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    hello = tmp_path / "bundle" / "rootfs" / "srv" / "data" / "bin" / "hello"
    assert hello.read_text() == "#!/bin/sh\necho hello 1.0 from /srv/data\n"


def test_bad_input(project: Workspace, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "index.json").write_text("{}")
    for words, text in {
        ("-o", "image.tar", "--from", "folder"): "is no OCI layout",
        ("-o", "image.tar", "--from", "missing"): "cannot read",
        ("-o", "folder"): "exists already",
        ("-o", "image.tar", "-d", "relative"): "is not absolute",
    }.items():
        refused = project.run("image", "-n", "a", *words)
        assert refused.code in (1, 2), words
        assert text in refused.err, words
        assert "Traceback" not in refused.err
    assert not list(tmp_path.glob("*image.tar*"))


@needs_busybox
def test_a_changed_base_is_refused(project: Workspace, tmp_path: Path) -> None:
    base = write_base(tmp_path / "base")
    layer = max((base / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(layer.read_bytes())
    data[len(data) // 2] ^= 1
    layer.write_bytes(data)
    refused = project.run("image", "-n", "a", "-o", "image.tar", "--from", "base")
    assert "has another sha256" in refused.err
    assert not list(tmp_path.glob("*image.tar*"))
