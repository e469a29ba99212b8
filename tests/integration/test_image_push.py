"""Images in registries: pushed, layers only once, and used as base of other images."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.commands import Workspace
from tests.support.images import manifest, needs_busybox, run_image, write_base
from tests.support.oci_registry import PASSWORD, USER, OciRegistry, needs_registry

pytestmark = needs_registry
LOGIN = f"{USER}:{PASSWORD.replace(' ', '%20')}@"
needs_skopeo = pytest.mark.skipif(shutil.which("skopeo") is None, reason="needs skopeo")


@pytest.fixture(params=["", "basic", "token"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OciRegistry]:
    with OciRegistry(tmp_path / "registry", request.param) as registry:
        yield registry


@pytest.fixture
def project(workspace: Workspace, channel: Path) -> Workspace:
    workspace.environ["MINICON_CHANNELS"] = f"{channel.as_uri()},host"
    workspace.run("create", "-y", "-n", "a", "hello=1.0").ok()
    return workspace


def skopeo(*words: str) -> str:
    command = ["skopeo", "--insecure-policy", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def pulled(registry: OciRegistry, name: str, folder: Path) -> Path:
    """Return an OCI layout with an image of the registry."""
    credentials = ["--src-creds", f"{USER}:{PASSWORD}"] if registry.login else []
    source = f"docker://{registry.host}/{name}"
    skopeo("copy", "--src-tls-verify=false", *credentials, source, f"oci:{folder}")
    return folder


@needs_busybox
@needs_skopeo
def test_a_pushed_image_runs(project: Workspace, registry: OciRegistry, tmp_path: Path) -> None:
    """Its base is mounted from another repository of the registry, and layers are sent once."""
    url = registry.url("apps/data:1.0", LOGIN if registry.login else "")
    base = write_base(tmp_path / "base")
    registry.push_image(base, "bases/busybox:1")
    parent = registry.url("bases/busybox:1", LOGIN if registry.login else "")
    words = ("image", "-n", "a", "--from", parent, "--push", url, "--json")
    first = project.run(*words).ok()
    assert PASSWORD not in first.out + first.err
    assert first.json["sent"] == 4  # three layers and the configuration; not the base
    layout = pulled(registry, "apps/data:1.0", tmp_path / "pulled")
    assert run_image(layout, tmp_path / "root", "hello; echo $BASE") == (
        "hello 1.0 from /opt/a\nyes\n"
    )
    layers = manifest(layout)["layers"]
    assert len(layers) == 4
    again = project.run(*words).ok().json
    assert (again["sent"], again["digest"]) == (0, first.json["digest"])
    project.run("install", "-y", "-n", "a", "hello=2.0").ok()
    assert project.run(*words).ok().json["sent"] == 3  # hello, the last layer, the configuration
    written = [path for path in project.root.rglob("*") if path.is_file()]
    assert not [path for path in written if PASSWORD.encode() in path.read_bytes()]


@pytest.mark.parametrize("registry", ["basic"], indirect=True)
def test_credentials_of_docker_are_used(
    project: Workspace, registry: OciRegistry, tmp_path: Path
) -> None:
    refused = project.run("image", "-n", "a", "--push", registry.url("data:1.0"))
    assert refused.code == 1
    assert "cannot push to" in refused.err
    assert "docker login" in refused.err
    (tmp_path / "docker").mkdir()
    auth = "bWU6b3BlbiBzZXNhbWU="
    config = json.dumps({"auths": {registry.host: {"auth": auth}}})
    (tmp_path / "docker" / "config.json").write_text(config)
    project.environ["DOCKER_CONFIG"] = str(tmp_path / "docker")
    words = ("image", "-n", "a", "--push", registry.url("data:1.0"), "-o", "image.tar")
    done = project.run(*words).ok()
    assert "wrote" in done.out
    assert f"pushed {registry.url('data:1.0')}: 3 layers, 4 blobs sent" in done.out


@pytest.mark.parametrize("registry", [""], indirect=True)
@needs_skopeo
@needs_busybox
def test_a_base_from_elsewhere_is_sent(
    project: Workspace, registry: OciRegistry, tmp_path: Path
) -> None:
    """From a layout; and in docker's format, by digest, from another registry."""
    base = write_base(tmp_path / "base")
    words = ("image", "-n", "a", "--from", str(base), "--push", registry.url("data"), "--json")
    assert project.run(*words).ok().json["sent"] == 5
    with OciRegistry(tmp_path / "other") as other:
        other.push_image(base, "busybox:1", "--format=v2s2")
        target = f"docker://{other.host}/busybox:1"
        raw = json.loads(skopeo("inspect", "--tls-verify=false", target))
        parent = other.url(f"busybox@{raw['Digest']}")
        output = ("image", "-n", "a", "--from", parent, "-o", "image.tar")
        project.run(*output, "--push", registry.url("more/data:2")).ok()
    assert (
        run_image(tmp_path / "image.tar", tmp_path / "root", "hello") == "hello 1.0 from /opt/a\n"
    )
    layout = pulled(registry, "more/data:2", tmp_path / "pulled")
    assert manifest(layout) == manifest(tmp_path / "image.tar")


@pytest.mark.parametrize("registry", [""], indirect=True)
@needs_busybox
def test_a_damaged_base_is_not_sent(
    project: Workspace, registry: OciRegistry, tmp_path: Path
) -> None:
    base = write_base(tmp_path / "base")
    layer = max((base / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    layer.write_bytes(layer.read_bytes()[:-1] + b"x")
    words = ("image", "-n", "a", "--from", str(base), "--push", registry.url("data:1"))
    refused = project.run(*words)
    assert refused.code == 1
    assert "has another sha256" in refused.err
    assert registry.requests("PUT", "/v2/data/manifests/") == []


def test_names_are_checked_before_anything_is_done(project: Workspace, tmp_path: Path) -> None:
    cases = {
        ("-o", "image.tar", "--tag", "Data:1.0"): "the name contains only lower-case",
        ("-o", "image.tar", "--tag", "data:"): "the tag contains up to 128",
        ("-o", "image.tar", "--tag", "data:-1"): "the tag contains up to 128",
        ("-o", "image.tar", "--tag", "a b"): "the name contains only lower-case",
        ("-o", "image.tar", "--tag", "data@sha256:12"): "64 hexadecimal digits",
        ("--push", "docker://127.0.0.1:1/data:1"): "does not start with oci://",
        ("--push", "oci://127.0.0.1:1/"): "the name contains only lower-case",
        ("--push", "oci:///data"): "'' is no registry",
        ("--push", "oci://127.0.0.1:1/data:1"): "connection was refused",
        ("--from", "oci://127.0.0.1:1/data:1", "-o", "image.tar"): "connection was refused",
        ("--from", "docker://debian:12", "-o", "image.tar"): "does not start with oci://",
        (): "neither written nor pushed",
    }
    for words, text in cases.items():
        refused = project.run("image", "-n", "a", *words)
        assert refused.code in (1, 2), words
        assert text in refused.err, (words, refused.err)
        assert "Traceback" not in refused.err
    project.environ["MINICON_OFFLINE"] = "true"
    refused = project.run("image", "-n", "a", "--push", "oci://127.0.0.1:1/data:1")
    assert "offline forbids" in refused.err
    assert not list(tmp_path.glob("*image*"))
