"""Container images in tests: their blobs and manifests, a base with busybox, and running them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

needs_busybox = pytest.mark.skipif(shutil.which("busybox") is None, reason="needs busybox-static")


def blob(image: Path, descriptor: dict[str, Any]) -> bytes:
    name = "blobs/" + descriptor["digest"].replace(":", "/")
    if image.is_dir():
        data = (image / name).read_bytes()
    else:
        with tarfile.open(image) as archive:
            file = archive.extractfile(name)
            assert file is not None
            data = file.read()
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == descriptor["digest"]
    assert len(data) == descriptor["size"]
    return data


def manifest(image: Path) -> dict[str, Any]:
    if image.is_dir():
        index = json.loads((image / "index.json").read_text())
    else:
        with tarfile.open(image) as archive:
            file = archive.extractfile("index.json")
            assert file is not None
            index = json.loads(file.read())
    return json.loads(blob(image, index["manifests"][0]))


def write_base(folder: Path) -> Path:
    """Write an OCI layout with busybox as ``/bin/sh`` and ``/bin/cat``."""
    busybox = shutil.which("busybox")
    assert busybox is not None
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(busybox, "bin/busybox")
        for name in ("sh", "cat", "env", "dirname", "realpath", "tr"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    layer = gzip.compress(buffer.getvalue())
    diff_id = f"sha256:{hashlib.sha256(buffer.getvalue()).hexdigest()}"
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def add(data: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        kind = f"application/vnd.oci.image.{media_type}"
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    config = {
        "architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin", "BASE=yes"]},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]}, "history": [{"created_by": "test"}],
    }  # fmt: skip
    document = {
        "schemaVersion": 2,
        "config": add(json.dumps(config).encode(), "config.v1+json"),
        "layers": [add(layer, "layer.v1.tar+gzip")],
    }
    described = add(json.dumps(document).encode(), "manifest.v1+json")
    index = {"schemaVersion": 2, "manifests": [described]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def run_image(image: Path, root: Path, script: str) -> str:
    """Unpack an image into a directory and run a script by its entry point; return its output.

    ``unshare`` and ``chroot`` are all that is needed of a container here.
    """
    document = manifest(image)
    config = json.loads(blob(image, document["config"]))["config"]
    for layer in document["layers"]:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob(image, layer)))) as archive:
            archive.extractall(root, filter="tar")
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev" / "null").touch()  # as a runtime would
    own = ["unshare", "-r", "chroot", str(root)]
    if subprocess.run([*own, "/bin/sh", "-c", ":"], check=False, capture_output=True).returncode:
        pytest.skip("user namespaces are not available")
    command = [*own, "/bin/env", "-i", *config["Env"], *config["Entrypoint"], "sh", "-c", script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
