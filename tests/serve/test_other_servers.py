"""Channels on S3 and in a registry are served as if they were directories."""

from __future__ import annotations

import json

import pytest
from tests.support.commands import Workspace
from tests.support.oci_registry import PASSWORD, OciRegistry, needs_registry
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
    workspace = Workspace(tmp_path / "client")
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


@needs_registry
def test_channels_in_a_registry(team, tmp_path) -> None:
    with OciRegistry(tmp_path / "registry", "basic") as registry:
        registry.push(team, "team")
        url = registry.url("team", "me:open%20sesame@")
        with serving(tmp_path, url) as server:
            check(server, team, tmp_path)
            assert PASSWORD not in server.get("/team/packages/libfast").text
