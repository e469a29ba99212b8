"""A directory of real packages is indexed, and read as a channel."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import msgpack
import pytest
import zstandard
from tests.support.channel_server import ChannelServer
from tests.support.packages import PackageBuilder

from minicon.models.channel import Channel
from minicon.net.routing import make_fetcher
from minicon.publish.channel_index import index_channel
from minicon.publish.index.channel_settings import ChannelSettings
from minicon.repodata.client import ChannelClient


@pytest.fixture
def folder(tmp_path):
    """Two subdirs with three packages."""
    channel = tmp_path / "channel"
    for name in ("linux-64", "noarch"):
        (channel / name).mkdir(parents=True)
    tool = PackageBuilder("tool").subdir("linux-64").depends("lib >=1").file("bin/tool", "x")
    tool.info("run_exports.json", '{"weak": ["tool >=1"]}').build(channel)
    old = PackageBuilder("lib").subdir("linux-64").version("1.0").file("lib/lib.so", b"1")
    old.build(channel, kind=".tar.bz2")
    pure = PackageBuilder("pure").noarch("python").file("site-packages/pure.py", "")
    pure.build(channel)
    return channel


def read(folder, subdir="linux-64", name="repodata.json"):
    return json.loads((folder / subdir / name).read_bytes())


def test_every_record_matches_its_file(folder) -> None:
    summary = index_channel(folder)
    assert summary.counts == {"linux-64": 2, "noarch": 1}
    assert summary.errors == ()
    repodata = read(folder)
    assert repodata["info"] == {"subdir": "linux-64"}
    (fn, record), *_ = repodata["packages.conda"].items()
    content = (folder / "linux-64" / fn).read_bytes()
    assert (record["name"], record["depends"]) == ("tool", ["lib >=1"])
    assert record["size"] == len(content)
    assert record["sha256"] == hashlib.sha256(content).hexdigest()
    assert record["md5"] == hashlib.md5(content).hexdigest()
    assert [fn.endswith(".tar.bz2") for fn in repodata["packages"]] == [True]


def test_run_exports_are_listed_for_every_package(folder) -> None:
    index_channel(folder)
    exports = read(folder, name="run_exports.json")
    assert exports["packages.conda"]["tool-1.0-0.conda"] == {"run_exports": {"weak": ["tool >=1"]}}
    assert exports["packages"]["lib-1.0-0.tar.bz2"] == {"run_exports": {}}


@pytest.mark.parametrize("shards", [False, True])
def test_the_channel_can_be_read_over_the_network(folder, tmp_path, shards) -> None:
    index_channel(folder, settings=ChannelSettings(shards=shards))
    with ChannelServer(folder) as server:
        client = ChannelClient(make_fetcher, tmp_path / "cache")
        linux, noarch = client.indices([Channel("c", server.url)], ["linux-64", "noarch"])[0]
        assert sorted(linux.names()) == ["lib", "tool"]
        assert [record.noarch for record in noarch.records_for("pure")] == ["python"]
        (record,) = linux.records_for("lib")
        with make_fetcher().open(record.url) as response:
            assert hashlib.sha256(response.read()).hexdigest() == record.sha256
        assert bool(server.count("*/shards/*")) == shards


def test_all_formats_have_the_same_records(folder) -> None:
    index_channel(folder)
    whole = (folder / "linux-64" / "repodata.json").read_bytes()
    packed = (folder / "linux-64" / "repodata.json.zst").read_bytes()
    assert zstandard.ZstdDecompressor().decompress(packed) == whole
    index = unpacked(folder / "linux-64" / "repodata_shards.msgpack.zst")
    assert index["shards"].keys() == {"lib", "tool"}
    digest = index["shards"]["tool"]
    path = folder / "linux-64" / "shards" / f"{digest.hex()}.msgpack.zst"
    assert hashlib.sha256(path.read_bytes()).digest() == digest
    shard = unpacked(path)["packages.conda"]["tool-1.0-0.conda"]
    record = json.loads(whole)["packages.conda"]["tool-1.0-0.conda"]
    assert shard.pop("sha256").hex() == record.pop("sha256")
    assert shard.pop("md5").hex() == record.pop("md5")
    assert shard.pop("run_exports") == {"weak": ["tool >=1"]}
    assert shard == record


def unpacked(path):
    return msgpack.unpackb(zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read())


def test_unchanged_packages_are_not_read_again(folder) -> None:
    index_channel(folder)
    first = read(folder)
    assert index_channel(folder).reused == 3
    assert read(folder) == first
    path = folder / "linux-64" / "tool-1.0-0.conda"
    os.utime(path, (1, 1))
    assert index_channel(folder).reused == 2
    path.unlink()
    assert index_channel(folder).counts["linux-64"] == 1


@pytest.mark.parametrize("damage", [b"", b"{}" * 5000, None])
def test_a_damaged_state_file_is_ignored(folder, damage) -> None:
    index_channel(folder)
    state = folder / "linux-64" / ".cache" / "minicon-index.db"
    state.write_bytes(state.read_bytes()[:5000] if damage is None else damage)
    summary = index_channel(folder)
    assert (summary.counts["linux-64"], summary.reused) == (2, 1)


def test_bad_packages_are_reported_and_not_indexed(folder) -> None:
    linux = folder / "linux-64"
    whole = (linux / "tool-1.0-0.conda").read_bytes()
    (linux / "cut-1.0-0.conda").write_bytes(whole[: len(whole) // 2])
    (linux / "empty-1.0-0.tar.bz2").write_bytes(b"")
    (linux / "renamed-1.0-0.conda").write_bytes(whole)
    (linux / "pure-1.0-0.conda").write_bytes((folder / "noarch" / "pure-1.0-0.conda").read_bytes())
    (folder / "stray-1.0-0.conda").write_bytes(whole)
    summary = index_channel(folder)
    messages = {path.name: message for path, message in summary.errors}
    assert messages.keys() == {
        *("cut-1.0-0.conda", "empty-1.0-0.tar.bz2", "renamed-1.0-0.conda"),
        *("pure-1.0-0.conda", "stray-1.0-0.conda"),
    }
    assert "by its own metadata" in messages["renamed-1.0-0.conda"]
    assert "not 'linux-64'" in messages["pure-1.0-0.conda"]
    assert "subdir such as" in messages["stray-1.0-0.conda"]
    assert summary.counts == {"linux-64": 2, "noarch": 1}


@pytest.mark.parametrize("exports", ['{"weak": ["a"]}', '["a"]', '"a"'])
def test_run_exports_have_several_formats(folder, exports) -> None:
    package = PackageBuilder("more").subdir("linux-64").info("run_exports.json", exports)
    package.build(folder)
    index_channel(folder)
    found = read(folder, name="run_exports.json")["packages.conda"]["more-1.0-0.conda"]
    assert found == {"run_exports": {"weak": ["a"]}}


def test_an_empty_directory_is_a_valid_channel(tmp_path) -> None:
    summary = index_channel(tmp_path / "new")
    assert summary.counts == {"noarch": 0}
    assert read(tmp_path / "new", "noarch")["packages"] == {}


def test_files_of_disabled_formats_are_removed(folder) -> None:
    index_channel(folder)
    index_channel(folder, write_zst=False, settings=ChannelSettings(shards=False))
    names = {path.name for path in (folder / "noarch").iterdir() if path.is_file()}
    assert not names & {"repodata.json.zst", "repodata_shards.msgpack.zst"}


def test_old_shards_are_kept_for_a_week(folder) -> None:
    index_channel(folder)
    shards = folder / "linux-64" / "shards"
    before = {path.name for path in shards.iterdir()}
    (folder / "linux-64" / "tool-1.0-0.conda").unlink()
    index_channel(folder)
    assert {path.name for path in shards.iterdir()} == before
    for path in shards.iterdir():
        os.utime(path, (0, 0))
    PackageBuilder("more").subdir("linux-64").build(folder)
    index_channel(folder)
    assert len(list(shards.iterdir())) == 2


def test_simultaneous_runs_wait_for_each_other(folder) -> None:
    with ThreadPoolExecutor(4) as pool:
        summaries = list(pool.map(index_channel, [folder] * 4))
    assert {tuple(summary.counts.items()) for summary in summaries} == {
        (("linux-64", 2), ("noarch", 1))
    }


@pytest.mark.skipif("MINICON_SHARED_DATA" not in os.environ, reason="needs MINICON_SHARED_DATA")
def test_real_packages_get_the_records_of_their_channel(tmp_path) -> None:
    from pathlib import Path

    source = Path(os.environ["MINICON_SHARED_DATA"]) / "packages" / "real"
    for path in source.glob("*/*"):
        if path.name != "repodata.json":
            target = tmp_path / path.parent.name / path.name
            target.parent.mkdir(exist_ok=True)
            target.symlink_to(path)
    assert index_channel(tmp_path).errors == ()
    for subdir in ("linux-64", "noarch"):
        ours, theirs = read(tmp_path, subdir), read(source, subdir)
        for section in ("packages", "packages.conda"):
            assert ours[section].keys() == theirs[section].keys()
            for fn, record in theirs[section].items():
                for key in ("name", "version", "build", "build_number", "md5", "sha256", "size"):
                    assert ours[section][fn][key] == record[key], (fn, key)
