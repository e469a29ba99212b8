"""Sharded repodata: only requested names are fetched, and only matching hashes are used."""

from __future__ import annotations

import hashlib
import threading
import time

import msgpack
import pytest
from tests.support.channel_server import (
    Body,
    ChannelServer,
    FlipBytes,
    Html,
    Redirect,
    Reset,
    Stall,
    Status,
    Truncate,
)
from tests.support.channels import ChannelBuilder, compress

from minicon.errors import ChannelError, RepodataError
from minicon.models.channel import Channel
from minicon.models.reporter import SilentReporter
from minicon.net.client.retry import RetryPolicy
from minicon.net.client.session import HttpFetcher
from minicon.net.routing import UrlFetcher
from minicon.repodata.client import ChannelClient
from minicon.repodata.shards.shard_format import ShardDamagedError, make_shard, pack, unpack
from minicon.repodata.shards.sharded_index import ShardGroup

INDEX = "repodata_shards.msgpack.zst"


@pytest.fixture
def builder(tmp_path):
    builder = ChannelBuilder(tmp_path / "channel")
    builder.add("numpy-2.0-0", depends=["python >=3.11", "blas 1.*"], timestamp=3)
    builder.add("numpy-1.0-0.tar.bz2", depends=["oldpython"], timestamp=1)
    builder.add("numpy-1.5-0", depends=["python"], timestamp=2)
    builder.add("numpy-0.5-0")
    builder.remove("numpy-0.5-0.conda")
    builder.add("python-3.11-0", depends=["openssl[version='>=3']"])
    builder.add("blas-1.0-0", subdir="noarch")
    builder.add_all("openssl-3.0-0", "oldpython-2-0", "unrelated-1-0")
    return builder.write(zst=True, shards=True)


@pytest.fixture
def server(builder):
    with ChannelServer(builder.directory) as server:
        yield server


class Warnings(SilentReporter):
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def open_channel(tmp_path, server):
    def make(subdirs=("linux-64", "noarch"), **options):
        http = HttpFetcher(read_timeout=0.3, retry=RetryPolicy(retries=1, first_wait=0.001))
        fetcher = UrlFetcher(lambda: http, offline=options.get("offline", False))
        client = ChannelClient(lambda: fetcher, tmp_path / "cache", **options)
        return client.indices([Channel("c", server.url)], subdirs)[0]

    return make


def shards(server) -> int:
    return server.count("*/shards/*")


def settle(server, count: int) -> None:
    """Wait until ``count`` shards were requested, and check that no more are."""
    end = time.monotonic() + 5
    while shards(server) < count and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)
    assert shards(server) == count


def test_records_are_those_of_the_whole_repodata(server, open_channel, tmp_path) -> None:
    sharded = open_channel()
    assert server.count("*repodata.json*") == 0
    client = ChannelClient(lambda: UrlFetcher(HttpFetcher), tmp_path / "other", use_shards=False)
    whole = client.indices([Channel("c", server.url)], ["linux-64", "noarch"])[0]
    for left, right in zip(sharded, whole, strict=True):
        assert sorted(left.names()) == sorted(right.names())
        for name in right.names():
            expected = {record.fn: record.to_json() for record in right.records_for(name)}
            assert {r.fn: r.to_json() for r in left.records_for(name)} == expected
    assert sharded[0].records_for("absent") == ()


def test_dependencies_of_the_newest_records_are_fetched_too(server, open_channel) -> None:
    linux, noarch = open_channel()
    assert shards(server) == 0
    assert len(linux.records_for("numpy")) == 3
    settle(server, 4)  # numpy, python, blas (noarch), openssl; not oldpython, not unrelated
    assert noarch.records_for("blas")
    assert linux.records_for("openssl")
    assert shards(server) == 4


def test_prefetch_returns_at_once_and_fetches_together(server, open_channel) -> None:
    linux, _ = open_channel()
    server.latency = 0.2
    began = time.monotonic()
    linux.prefetch(["oldpython", "unrelated", "openssl", "absent"])
    assert time.monotonic() - began < 0.1
    for name in ("oldpython", "unrelated", "openssl"):
        assert linux.records_for(name)
    assert time.monotonic() - began < 0.5
    assert shards(server) == 3


def test_cached_shards_are_not_requested_again(server, open_channel) -> None:
    open_channel()[0].records_for("openssl")
    server.forget()
    linux, _ = open_channel()
    linux.prefetch(["openssl"])
    assert linux.records_for("openssl")
    assert shards(server) == 0
    assert [r.status for r in server.requests] == [304, 304]


def test_many_threads_fetch_a_shard_once(server, open_channel) -> None:
    linux, _ = open_channel()
    server.latency = 0.05
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(linux.records_for("openssl")))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert all(records == found[0] for records in found)
    assert shards(server) == 1


def test_an_unchanged_shard_is_kept_with_a_new_index(server, builder, open_channel) -> None:
    before = open_channel()
    before[0].records_for("openssl")
    contents = [index.content_of("openssl") for index in before]
    builder.add("openssl-4.0-0", subdir="noarch")
    builder.add("another-1-0")
    builder.write(zst=True, shards=True)
    server.forget()
    linux, noarch = open_channel()
    assert linux.content_of("openssl") == contents[0]
    assert noarch.content_of("openssl") != contents[1]
    assert linux.records_for("openssl")
    assert shards(server) == 0
    assert noarch.records_for("openssl")
    assert shards(server) == 1


@pytest.mark.parametrize(
    "fault", [Truncate(20), Reset(20), Stall(20), FlipBytes(), Html(), Body(b""), Status(503)]
)
def test_a_temporary_fault_does_no_harm(server, open_channel, fault) -> None:
    server.fault("*/shards/*", fault, times=1)
    assert open_channel()[0].records_for("openssl")


@pytest.mark.parametrize(
    ("fault", "reference"),
    [
        (Truncate(20), "connection-broken"),
        (FlipBytes(), "hash-mismatch"),
        (Html(), "hash-mismatch"),
        (Body(b""), "hash-mismatch"),
        (Status(403), "access-denied"),
        (Status(404), "missing-shard"),
        (Redirect("file:///etc/passwd"), "unsafe-redirect"),
    ],
)
def test_a_permanent_fault_is_one_clear_error(server, open_channel, fault, reference) -> None:
    server.fault("*/shards/*", fault)
    linux, _ = open_channel()
    with pytest.raises(ChannelError) as caught:
        linux.records_for("openssl")
    assert caught.value.reference == reference
    assert caught.value.hint
    server.clear_faults()
    assert linux.records_for("openssl")


def test_a_shard_that_moved_is_found_through_the_new_index(server, builder, open_channel) -> None:
    linux, _ = open_channel()
    for path in (builder.directory / "linux-64" / "shards").iterdir():
        path.unlink()
    builder.add("openssl-3.1-0")
    builder.write(zst=True, shards=True)
    assert [r.version for r in linux.records_for("openssl")] == ["3.0", "3.1"]


@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_a_damaged_shard_in_the_cache_is_fetched_again(
    server, open_channel, tmp_path, damage
) -> None:
    open_channel()[0].records_for("openssl")
    (path,) = (tmp_path / "cache").rglob("*.msgpack.zst")
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    assert open_channel()[0].records_for("openssl")


@pytest.mark.parametrize("fault", [Html(), Body(b"x"), Body(compress(b"\x93\x01"))])
def test_after_a_broken_index_of_shards_the_complete_one_is_used(
    server, open_channel, fault
) -> None:
    server.fault(f"*{INDEX}", fault)
    reporter = Warnings()
    linux, _ = open_channel(reporter=reporter)
    assert linux.records_for("openssl")
    assert shards(server) == 0
    assert any("complete index" in warning for warning in reporter.warnings)


@pytest.mark.parametrize(
    "index",
    [
        7,
        {},
        {"info": [], "shards": {}},
        {"info": {}, "shards": {"a": b"short"}},
        {"info": {}, "shards": {7: bytes(32)}},
        {"version": 2, "info": {}, "shards": {}},
        {"info": {"subdir": "osx-64"}, "shards": {}},
    ],
)
def test_an_invalid_index_of_shards(server, open_channel, index) -> None:
    server.fault(f"*{INDEX}", Body(pack(index)))
    assert open_channel()[0].records_for("openssl")
    assert shards(server) == 0


@pytest.mark.parametrize("where", ["http://other.example.org/", "file:///etc/", "https://a:b@x/"])
def test_shards_may_not_be_at_any_url(server, open_channel, where) -> None:
    info = {"subdir": "noarch", "base_url": "", "shards_base_url": where}
    body = pack({"version": 1, "info": info, "shards": {"a": bytes(32)}})
    server.fault(f"/noarch/{INDEX}", Body(body))
    with pytest.raises(RepodataError) as caught:
        open_channel(["noarch"])
    assert caught.value.reference == "unsafe-base-url"


def test_offline_has_what_was_fetched_before(server, open_channel) -> None:
    open_channel()[0].records_for("openssl")
    server.forget()
    reporter = Warnings()
    linux, _ = open_channel(offline=True, reporter=reporter)
    linux.prefetch(["unrelated"])
    assert linux.records_for("openssl")
    assert linux.records_for("unrelated") == ()
    assert linux.records_for("oldpython") == ()
    assert len(reporter.warnings) == 1
    assert server.count() == 0


def test_names_tracking_a_feature(server, builder, open_channel, tmp_path) -> None:
    builder.add("blas-2.0-mkl", track_features="mkl other")
    builder.add("mkl-1.0-0", summary="track_features mkl")
    builder.write(zst=True, shards=True)
    linux, noarch = open_channel()
    assert list(linux.names_tracking("mkl")) == [], "no shard is cached"
    assert shards(server) == 0
    linux.records_for("blas")
    assert list(linux.names_tracking("mkl")) == ["blas"]
    client = ChannelClient(lambda: UrlFetcher(HttpFetcher), tmp_path / "other", use_shards=False)
    whole, noarch = client.indices([Channel("c", server.url)], ["linux-64", "noarch"])[0]
    assert whole.names_tracking("mkl") == ["blas"]
    assert whole.names_tracking("mk") == noarch.names_tracking("mkl") == []


def test_bad_records_in_a_shard_are_left_out(server, builder, open_channel) -> None:
    good = builder.subdir("noarch")["packages.conda"]["blas-1.0-0.conda"]
    members = {
        "blas-1.0-0.conda": good,
        "blas-2.0-0.conda": {**good, "name": "other"},
        "../blas-3.0-0.conda": good,
        "blas-4.0-0.conda": 7,
    }
    body = pack({"packages.conda": members, "packages": None, "removed": 7, "v3": []})
    digest = hashlib.sha256(body)
    (builder.directory / "noarch" / "shards" / f"{digest.hexdigest()}.msgpack.zst").write_bytes(
        body
    )
    info = {"subdir": "noarch", "base_url": "", "shards_base_url": "./shards/"}
    index = {"version": 1, "info": info, "shards": {"blas": digest.digest()}}
    (builder.directory / "noarch" / INDEX).write_bytes(pack(index))
    reporter = Warnings()
    _, noarch = open_channel(reporter=reporter)
    assert [record.fn for record in noarch.records_for("blas")] == ["blas-1.0-0.conda"]
    assert len(reporter.warnings) == 3


def test_v3_records_of_a_shard_get_their_extension(server, builder, open_channel) -> None:
    good = builder.subdir("noarch")["packages.conda"]["blas-1.0-0.conda"]
    body = pack({"v3": {"conda": {"blas-1.0-0": good}, "whl": {"blas-1.0-0": good}}})
    digest = hashlib.sha256(body)
    (builder.directory / "noarch" / "shards" / f"{digest.hexdigest()}.msgpack.zst").write_bytes(
        body
    )
    info = {"subdir": "noarch", "base_url": "", "shards_base_url": "./shards/"}
    index = {"version": 1, "info": info, "shards": {"blas": digest.digest()}}
    (builder.directory / "noarch" / INDEX).write_bytes(pack(index))
    _, noarch = open_channel()
    names = [record.fn for record in noarch.records_for("blas")]
    assert names == ["blas-1.0-0.conda", "blas-1.0-0.whl"]


@pytest.mark.parametrize("use_shards", [True, False])
def test_records_in_a_newer_format_are_noted_once(
    server, builder, open_channel, use_shards
) -> None:
    """CEP 48: ``repodata_revisions`` lists what older clients do not see."""
    revisions = {
        "v3": {"n_packages": 1, "message": "known"},
        "v4": {"n_packages": 7, "message": "please update"},
    }
    builder.subdir("linux-64")["info"]["repodata_revisions"] = revisions
    builder.write(zst=True, shards=True)
    reporter = Warnings()
    (linux,) = open_channel(["linux-64"], reporter=reporter, use_shards=use_shards)
    (note,) = [note for note in reporter.notes if "form" in note]
    assert "7 packages in the format v4" in note
    assert "please update" in note
    assert linux.info["repodata_revisions"] == revisions
    assert linux.records_for("openssl")


def test_decompression_stops_at_the_limit() -> None:
    with pytest.raises(ShardDamagedError, match="more than 1000 bytes"):
        unpack(compress(b"\x00" * 10_000_000), 1000)
    for data in (b"", b"x", compress(b""), compress(msgpack.packb([1]))[:-1], compress(b"\xc1")):
        with pytest.raises(ShardDamagedError):
            unpack(data, 1000)


def test_shards_hold_hashes_as_bytes() -> None:
    record = {"name": "a", "md5": "0" * 32, "sha256": "f" * 64}
    shard = unpack(make_shard({"packages.conda": {"a-1-0.conda": record}}), 10_000)
    packed = shard["packages.conda"]["a-1-0.conda"]
    assert packed == {"name": "a", "md5": bytes(16), "sha256": b"\xff" * 32}


def test_shards_may_arrive_while_a_subdir_is_added() -> None:
    """Threads that fetch shards report dependencies while another thread opens an index."""

    class Index:
        def __init__(self) -> None:
            self.queued: list[str] = []

        def queue_shards(self, names, priority: int) -> None:
            for name in names:
                self.queued.append(name)
                group.follow([f"{name}x"] if len(name) < 20 else [])  # a shard that arrives now

    group = ShardGroup()
    first, second = Index(), Index()
    group.add(first)
    group.follow(["a", "b"])
    group.add(second)
    assert set(second.queued) == set(first.queued)
    assert len(second.queued) == 40
