"""Channels in a bucket (moto) and in registries: packages are uploaded, and indexed there."""

from __future__ import annotations

import json
import os
import re
import shutil

import pytest
from tests.support.commands import QuickWorkspace
from tests.support.oci_registry import OciRegistry, needs_registry
from tests.support.packages import PackageBuilder
from tests.support.s3_server import KEY, SECRET

from minicon.errors import ChannelError
from minicon.models.url import Url
from minicon.net.routing import make_fetcher
from minicon.publish.channel_index import index_channel
from minicon.publish.reading.sources import OciSource
from minicon.publish.remote import remote_index
from minicon.publish.remote.package_upload import upload_package
from minicon.publish.remote.remote_index import RemoteChannel, index_remote
from minicon.repodata.shards.shard_format import unpack


@pytest.fixture(scope="module")
def registries(tmp_path_factory):
    """One that lists its repositories, and one that does not."""
    folder = tmp_path_factory.mktemp("registries")
    with OciRegistry(folder / "1", "basic") as listed, OciRegistry(folder / "2", "token") as other:
        yield {"registry": listed, "closed-registry": other}


@pytest.fixture
def bucket(server, tmp_path):
    """The URL of a channel in a new bucket, and a workspace that may write there."""
    name = f"bucket{len(server.client.list_buckets()['Buckets'])}"
    server.client.create_bucket(Bucket=name)
    workspace = QuickWorkspace(tmp_path / "workspace")
    workspace.environ.update(
        AWS_ACCESS_KEY_ID=KEY,
        AWS_SECRET_ACCESS_KEY=SECRET,
        AWS_EC2_METADATA_DISABLED="true",
        MINICON_S3_OPTIONS=json.dumps(server.options(name)),
    )
    return f"s3://{name}/team/main", workspace


@pytest.fixture(
    params=[
        "bucket",
        pytest.param("registry", marks=needs_registry),
        pytest.param("closed-registry", marks=needs_registry),
    ]
)
def location(request, tmp_path):
    """The URL of an empty channel, and a workspace with the permission to write there."""
    if request.param == "bucket":
        return request.getfixturevalue("bucket")
    registry = request.getfixturevalue("registries")[request.param]
    name = f"private/{tmp_path.name.replace('_', '-').rstrip('-')}"
    return registry.url(name, "me:open%20sesame@"), QuickWorkspace(tmp_path / "workspace")


def built(folder, name="tool", content="x", kind=".conda", **more):
    package = PackageBuilder(name).subdir("linux-64").file("bin/tool", content)
    return package.depends(*more.get("depends", ())).build(folder, kind)


def test_uploaded_packages_are_verified_indexed_and_never_replaced(location, tmp_path):
    url, workspace = location
    public = url.replace("me:open%20sesame@", "")
    first = built(tmp_path / "1", "lib", kind=".tar.bz2")
    second = built(tmp_path / "2", "app", depends=["lib"])
    outcome = workspace.run("channel", "upload", str(first), str(second), url).ok()
    assert outcome.out.splitlines() == [
        f"uploaded {public}/linux-64/{path.name}" for path in (first, second)
    ]
    again = workspace.run("channel", "upload", str(first), url, "--json").ok().json
    assert [each["new"] for each in again["uploaded"]] == [False]

    other = built(tmp_path / "3", "app", "other content", depends=["lib"])
    assert other.name == second.name
    refused = workspace.run("channel", "upload", str(other), url)
    assert refused.code == 1
    assert "exists with other content" in refused.err
    damaged = tmp_path / "bad" / "bad-1.0-0.conda"
    damaged.parent.mkdir()
    data = bytearray(second.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    assert workspace.run("channel", "upload", str(damaged), url).code == 1

    options = ("--override-channels", "-c", url, "--platform", "linux-64")
    workspace.run("create", "-y", "-n", "data", *options, "app").ok()
    assert (workspace.environment("data") / "bin" / "tool").read_text() == "x"
    assert "sesame" not in outcome.out + outcome.err + refused.out + refused.err


def test_an_index_is_written_where_the_packages_are(location, tmp_path):
    """The bytes of a local run; only what changed is sent, and lost state costs nothing else."""
    url, workspace = location
    folder = tmp_path / "local" / url.rpartition("/")[2]
    for name in ("a", "b"):
        path = built(folder, name)
        workspace.run("channel", "upload", str(path), url).ok()
    summary = workspace.run("channel", "index", url, "--json").ok().json
    assert summary["subdirs"] == {"linux-64": 2, "noarch": 0}
    written = index_in_cache(workspace)
    shutil.rmtree(workspace.root / "cache", ignore_errors=True)
    workspace.run("channel", "index", url).ok()
    assert index_in_cache(workspace) == written

    repodata = json.loads(written["linux-64/repodata.json"])
    times = {fn: each["indexed_timestamp"] for fn, each in repodata["packages.conda"].items()}
    index_channel(folder)
    local = json.loads((folder / "linux-64" / "repodata.json").read_text())
    for fn, record in local["packages.conda"].items():
        record["indexed_timestamp"] = times[fn]
    assert repodata == local


def index_in_cache(workspace) -> dict[str, bytes]:
    (noarch,) = workspace.root.rglob("channels/*/*/noarch")
    return {
        str(path.relative_to(noarch.parent)): path.read_bytes()
        for path in noarch.parent.rglob("*.json*")
    }


def test_uploads_from_several_machines_are_all_indexed(bucket, tmp_path, server):
    """Each has its own cache; one that finds a changed index makes it again."""
    url, first = bucket
    machines = [QuickWorkspace(tmp_path / f"machine{number}", first.environ) for number in range(3)]
    running = [
        machine.start("channel", "upload", str(built(tmp_path, f"package{number}")), url)
        for number, machine in enumerate(machines)
    ]
    for process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    name, _, path = url.removeprefix("s3://").partition("/")
    for file in ("repodata.json", "repodata_shards.msgpack.zst"):
        answer = server.client.get_object(Bucket=name, Key=f"{path}/linux-64/{file}")
        body = answer["Body"].read()
        if file.endswith(".zst"):
            names = sorted(unpack(body, 1 << 20)["shards"])
        else:
            names = sorted(each["name"] for each in json.loads(body)["packages.conda"].values())
        assert names == ["package0", "package1", "package2"]


def test_an_index_that_others_keep_changing_is_given_up(bucket, tmp_path, server, monkeypatch):
    url, _ = bucket
    name, _, path = url.removeprefix("s3://").partition("/")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    fetcher = make_fetcher(s3_options=server.options(name))
    channel = RemoteChannel(fetcher, url, tmp_path / "cache", server.options(name))
    upload_package(channel, built(tmp_path, "lib"))
    original, runs = remote_index.index_channel, []

    def meanwhile(*arguments, **more):
        runs.append(more)
        key = f"{path}/linux-64/repodata.json"
        server.client.put_object(Bucket=name, Key=key, Body=f"{len(runs)}")
        return original(*arguments, **more)

    monkeypatch.setattr(remote_index, "index_channel", meanwhile)
    with pytest.raises(ChannelError, match="other programs keep changing the index"):
        index_remote(channel)
    assert len(runs) == 5
    fetcher.close()


@needs_registry
def test_archives_in_a_registry_are_read_by_ranges(registries, tmp_path):
    """As conda-oci-mirror pushes them: without their MD5, which their records then lack."""
    folder = tmp_path / "local" / "ranges"
    for name, kind in (("new", ".conda"), ("old", ".tar.bz2")):
        package = PackageBuilder(name).subdir("linux-64")
        package.file("share/large", os.urandom(4_000_000)).build(folder, kind)
    index_channel(folder, now=1)
    registry = registries["registry"]
    registry.push(folder, "public/ranges")
    fetcher = make_fetcher(max_retries=0)
    url = registry.url("public/ranges")
    fetcher.credentials.add(url, Url(registry.url("x", "me:open%20sesame@")).credentials)
    before = bytes_sent(registry)
    summary = index_channel(tmp_path / "ranges", source=OciSource(fetcher, url), now=1)
    assert summary.counts["linux-64"] == 2
    assert 0 < bytes_sent(registry) - before < 1_200_000  # a block of bzip2 is 900 kB
    expected = json.loads((folder / "linux-64" / "repodata.json").read_text())
    for section in ("packages", "packages.conda"):
        for record in expected[section].values():
            del record["md5"]
    assert json.loads((tmp_path / "ranges" / "linux-64" / "repodata.json").read_text()) == expected
    fetcher.close()


def bytes_sent(registry) -> int:
    written = re.findall(r"http.response.written=(\d+)", registry.log.read_text())
    return sum(map(int, written))
