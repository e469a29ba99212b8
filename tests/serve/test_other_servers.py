"""Channels on S3 and in a registry are served as if they were directories."""

from __future__ import annotations

import hashlib
import json

import pytest
from tests.support.commands import QuickWorkspace
from tests.support.oci_registry import PASSWORD, OciRegistry, needs_registry
from tests.support.packages import PackageBuilder
from tests.support.s3_server import KEY, SECRET, S3Server
from tests.support.served import serving

pytest.importorskip("aiohttp")


def check(server, team, tmp_path) -> None:
    path = "/team/noarch/app-0.9-0.conda"
    data = (team / "noarch" / "app-0.9-0.conda").read_bytes()
    whole = server.get(path)
    assert whole.content == data
    assert whole.headers["Cache-Control"] == "public, max-age=86400"
    part = server.get(path, headers={"Range": "bytes=5-14"})
    assert (part.status_code, part.content) == (206, data[5:15])
    assert server.send("HEAD", path).status_code == 200
    assert server.get("/team/noarch/none-1-0.conda").status_code == 404
    assert server.send("PUT", path, data=data).status_code == 405
    index = server.get("/team/linux-64/repodata.json")
    assert index.json()["info"]["subdir"] == "linux-64"
    page = server.get("/team/packages/libfast")
    assert page.status_code == 200
    assert "engine" in page.text
    answer = server.send("POST", "/api/solve", json={"specs": ["app"]})
    assert answer.status_code == 200, answer.text
    assert all(p["url"].startswith(server.url) for p in answer.json()["results"][0]["packages"])
    options = ("--platform", "linux-64", "--override-channels", "-c", f"{server.url}/team")
    workspace = QuickWorkspace(tmp_path / "client")
    workspace.run("create", "-y", "-n", "data", *options, "app").ok()


def test_channels_on_s3(team, tmp_path) -> None:
    with S3Server() as s3:
        s3.upload(team, "bucket", "team")
        variables = {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
            "MINICON_S3_OPTIONS": json.dumps(s3.options("bucket")),
        }
        with serving(tmp_path, "s3://bucket/team", **variables) as server:
            check(server, team, tmp_path)
        (tmp_path / "upload").write_text("upload-token team\n")
        options = ("--upload", tmp_path / "upload")
        with serving(tmp_path, "s3://bucket/team", *options, **variables) as server:
            upload_to(server, team, tmp_path)


@needs_registry
def test_channels_in_a_registry(team, tmp_path) -> None:
    with OciRegistry(tmp_path / "registry", "basic") as registry:
        registry.push(team, "team")
        url = registry.url("team", "me:open%20sesame@")
        (tmp_path / "upload").write_text("upload-token team\n")
        with serving(tmp_path, url) as server:
            check(server, team, tmp_path)
            assert PASSWORD not in server.get("/team/packages/libfast").text
        with serving(tmp_path, url, "--upload", tmp_path / "upload") as server:
            upload_to(server, team, tmp_path)


def upload_to(server, folder, tmp_path) -> None:
    """Upload a package by HTTP; it is verified, indexed and never replaced."""
    headers = {"Authorization": "Bearer upload-token"}
    package = PackageBuilder("fresh").subdir("linux-64").file("bin/fresh", "1")
    path = package.build(tmp_path / "first")
    target = f"/team/linux-64/{path.name}"
    answer = server.send("PUT", target, data=path.read_bytes(), headers=headers)
    assert answer.status_code == 201, answer.text
    assert "s3://" not in answer.text
    repodata = server.get("/team/linux-64/repodata.json").json()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert repodata["packages.conda"][path.name]["sha256"] == sha256
    assert repodata["packages.conda"].keys() >= {p.name for p in folder.glob("linux-64/*.conda")}
    assert server.get(target).content == path.read_bytes()
    again = server.send("PUT", target, data=path.read_bytes(), headers=headers)
    assert again.status_code == 200
    other = package.file("bin/other", "2").build(tmp_path / "second")
    refused = server.send("PUT", target, data=other.read_bytes(), headers=headers)
    assert refused.status_code == 409
    assert refused.json()["error"]["reference"] == "different-package"
    damaged = path.read_bytes()[:-10]
    wrong = "/team/linux-64/damaged-1.0-0.conda"
    assert server.send("PUT", wrong, data=damaged, headers=headers).status_code == 422
    assert server.get(wrong).status_code == 404
