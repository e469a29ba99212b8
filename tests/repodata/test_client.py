"""The channel client against real files and a real server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time

import pytest
from tests.support.channel_server import (
    Body,
    ChannelServer,
    CutWithoutLength,
    Disconnect,
    FlipBytes,
    GzipBomb,
    Html,
    NotModified,
    RedirectLoop,
    Reset,
    Stall,
    StallHeaders,
    Status,
    Truncate,
)
from tests.support.channels import ChannelBuilder

from minicon.errors import ChannelError, OfflineError, RepodataError
from minicon.models.channel import Channel
from minicon.models.url import Credentials
from minicon.net.client.retry import RetryPolicy
from minicon.net.client.session import HttpFetcher
from minicon.net.routing import UrlFetcher, make_fetcher
from minicon.repodata.client import ChannelClient


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Notes:
    """A reporter that keeps its messages."""

    def __init__(self) -> None:
        from minicon.models.reporter import SilentReporter

        self.start = SilentReporter().start
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def builder(tmp_path):
    builder = ChannelBuilder(tmp_path / "channel")
    builder.add("numpy-1.26.4-py311_0", depends=["python >=3.11,<3.12.0a0"])
    builder.add("numpy-1.26.4-py311_0.tar.bz2")
    builder.add("numpy-1.25.0-py311_0.tar.bz2")
    builder.add("numpy-1.24.0-py311_0.tar.bz2")
    builder.remove("numpy-1.24.0-py311_0.tar.bz2")
    builder.add("numpy-base-1.0-0")
    builder.add("six-1.16.0-pyh_0", subdir="noarch", noarch="python")
    return builder.write(zst=True)


@pytest.fixture
def server(builder):
    with ChannelServer(builder.directory) as server:
        yield server


@pytest.fixture
def client_for(tmp_path):
    def make(**options):
        fetcher = options.pop("fetcher", None) or make_fetcher(
            home=tmp_path, environment={}, offline=options.get("offline", False), max_retries=1
        )
        options.setdefault("clock", Clock())
        options.setdefault("use_shards", False)
        options.setdefault("reporter", Notes())
        client = ChannelClient(lambda: fetcher, tmp_path / "cache", **options)
        client.clock, client.notes = options["clock"], options["reporter"]
        return client

    return make


def versions(index, name):
    return sorted((r.version, r.fn) for r in index.records_for(name))


def patient(client_for, **options):
    """A client that retries without delay, with short time-outs."""
    retry = RetryPolicy(retries=2, first_wait=0.001)
    http = HttpFetcher(read_timeout=0.3, retry=retry)
    return client_for(fetcher=UrlFetcher(lambda: http), **options)


def at(url: str) -> Channel:
    return Channel(url, url)


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_records_are_found_by_name(scheme, builder, server, client_for) -> None:
    url = builder.url if scheme == "file" else server.url
    ((linux, noarch),) = client_for().indices([at(url)], ["linux-64", "noarch"])
    assert sorted(linux.names()) == ["numpy", "numpy-base"]
    assert versions(linux, "numpy") == [
        ("1.25.0", "numpy-1.25.0-py311_0.tar.bz2"),
        ("1.26.4", "numpy-1.26.4-py311_0.conda"),
    ]
    (six,) = noarch.records_for("six")
    assert (six.channel, six.subdir, six.noarch) == (url, "noarch", "python")
    assert six.url == f"{url}/noarch/six-1.16.0-pyh_0.conda"
    assert noarch.records_for("numpy") == ()


# Requests to the server


def test_reading_once_keeps_nothing_and_names_of_records_are_found(builder, client_for) -> None:
    builder.write()
    index = client_for().index(at(builder.url), "linux-64")
    (record, *_) = index.read_once("numpy")
    assert record is not index.read_once("numpy")[0]
    assert index.records_for("numpy")[0] is index.records_for("numpy")[0]
    assert "numpy" in list(index.names_of_records("python"))
    assert "numpy" not in list(index.names_of_records("scipy"))
    everything = {name: str([r.data for r in index.read_once(name)]) for name in index.names()}
    for text in ("", "python", "numpy", "no such text"):
        expected = {name for name, records in everything.items() if text in records}
        assert set(index.names_of_records(text)) >= expected


def test_no_request_within_the_max_age(server, client_for) -> None:
    server.cache_control = "public, max-age=100"
    client = client_for()
    client.indices([at(server.url)], ["linux-64", "noarch", "osx-64"])
    server.forget()
    client.clock.now += 99
    assert client.index(at(server.url), "osx-64").names() == ()
    assert server.requests == []
    client_for(clock=client.clock).indices([at(server.url)], ["linux-64", "noarch", "osx-64"])
    assert server.count() == 0
    client.clock.now += 2
    client_for(clock=client.clock).index(at(server.url), "linux-64")
    assert [(r.path, r.status) for r in server.requests] == [("/linux-64/repodata.json.zst", 304)]
    server.forget()
    client_for(clock=client.clock).index(at(server.url), "linux-64")
    assert server.count() == 0


@pytest.mark.parametrize(
    ("ttl", "age", "requests"), [(0, 1, 1), (1, 1, 1), (50, 49, 0), (50, 51, 1), (50, -5, 1)]
)
def test_ttl_overrules_the_server(server, client_for, ttl, age, requests) -> None:
    client = client_for()
    client.index(at(server.url), "noarch")
    server.forget()
    client.clock.now += age
    client_for(clock=client.clock, ttl_seconds=ttl).index(at(server.url), "noarch")
    assert server.count() == requests


def test_a_state_from_the_future_is_not_fresh(server, client_for) -> None:
    server.cache_control = "max-age=100"
    future = Clock()
    future.now += 10**9
    client_for(clock=future).index(at(server.url), "noarch")
    server.forget()
    client_for().index(at(server.url), "noarch")
    assert [r.status for r in server.requests] == [304]


def test_an_absurd_max_age_ends_after_a_day(server, client_for) -> None:
    server.cache_control = "max-age=99999999999"
    client = client_for()
    client.index(at(server.url), "noarch")
    client.clock.now += 86_401
    server.forget()
    client_for(clock=client.clock).index(at(server.url), "noarch")
    assert server.count() == 1


@pytest.mark.parametrize("validator", ["etag", "date"])
def test_unchanged_content_is_not_converted_again(
    server, client_for, tmp_path, validator, monkeypatch
) -> None:
    if validator == "date":
        server.etags = False
    client_for().index(at(server.url), "linux-64")
    (before,) = (tmp_path / "cache").glob("*/content/*.index")
    stamp = before.stat().st_mtime_ns
    server.forget()
    client_for().index(at(server.url), "linux-64")
    assert [r.status for r in server.requests] == [304]
    # the server loses its ETags, and sends the same body again
    server.etags, server.last_modified = False, None
    index = client_for().index(at(server.url), "linux-64")
    assert versions(index, "numpy")
    assert before.stat().st_mtime_ns == stamp


def test_changed_content_is_seen(server, builder, client_for) -> None:
    client_for().index(at(server.url), "noarch")
    builder.add("new-1.0-0", subdir="noarch")
    builder.write(zst=True)
    assert client_for().index(at(server.url), "noarch").records_for("new")


def test_an_update_changes_the_content_of_the_names_it_touches(server, builder, client_for) -> None:
    def contents() -> tuple[str, list[str]]:
        index = client_for().index(at(server.url), "linux-64")
        names = ("numpy", "numpy-base", "unknown")
        return index.fingerprint, [index.content_of(name) for name in names]

    state, (changing, staying, unknown) = contents()
    assert unknown == "none"
    builder.add("numpy-1.27.0-py311_0")
    builder.write(zst=True)
    newer_state, (changed, stayed, still_unknown) = contents()
    assert (newer_state != state, changed != changing) == (True, True)
    assert (stayed, still_unknown) == (staying, "none")


def test_zst_is_requested_once_a_day_from_a_server_without_it(server, client_for) -> None:
    server.fault("*.zst", Status(404))
    client = client_for()
    assert client.index(at(server.url), "noarch").records_for("six")
    for hours, requests in ((1, 0), (25, 1)):
        server.forget()
        client.clock.now += hours * 3600
        client_for(clock=client.clock).index(at(server.url), "noarch")
        assert server.count("*.zst") == requests
        assert server.count("*.json") == 1


def test_json_is_requested_first_without_zst(server, client_for) -> None:
    client_for(use_zst=False).index(at(server.url), "noarch")
    assert [r.path for r in server.requests] == ["/noarch/repodata.json"]


def test_refresh_bypasses_every_cache(server, client_for) -> None:
    server.cache_control = "max-age=1000"
    client = client_for()
    client.index(at(server.url), "noarch")
    server.forget()
    client.index(at(server.url), "noarch", refresh=True)
    (request,) = server.matching("*.zst")[-1:]
    assert request.headers["Cache-Control"] == "no-cache"
    assert "If-None-Match" not in request.headers


# What is missing


def test_a_missing_platform_or_noarch_is_empty(tmp_path, client_for) -> None:
    builder = ChannelBuilder(tmp_path / "c").add_all("a-1-0", subdir="noarch").write()
    for url in (builder.url,):
        linux, noarch = client_for().indices([at(url)], ["linux-64", "noarch"])[0]
        assert (len(linux.names()), len(noarch.names())) == (0, 1)
        assert linux.records_for("a") == ()
        assert (linux.channel, linux.subdir) == (url, "linux-64")
    (tmp_path / "c" / "noarch").rename(tmp_path / "c" / "linux-64")
    text = (tmp_path / "c" / "linux-64" / "repodata.json").read_text()
    (tmp_path / "c" / "linux-64" / "repodata.json").write_text(text.replace("noarch", "linux-64"))
    linux, noarch = client_for().indices([at(builder.url)], ["linux-64", "noarch"])[0]
    assert (len(linux.names()), len(noarch.names())) == (1, 0)


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_a_channel_without_any_subdir_does_not_exist(scheme, server, client_for, tmp_path) -> None:
    url = (tmp_path / "nowhere").as_uri() if scheme == "file" else server.url + "/nowhere"
    with pytest.raises(ChannelError) as caught:
        client_for().indices([at(url)], ["linux-64", "noarch"])
    assert caught.value.reference == "channel-not-found"
    assert url in caught.value.message


def test_a_channel_may_name_its_own_platforms(server, client_for) -> None:
    channel = Channel(server.url, server.url, platforms=("linux-64",))
    ((linux,),) = client_for().indices([channel], ["osx-64", "noarch"])
    assert linux.subdir == "linux-64"


@pytest.mark.parametrize(("status", "reference"), [(401, "access-denied"), (403, "access-denied")])
def test_refusals_are_errors(server, client_for, status, reference) -> None:
    server.fault("*", Status(status))
    with pytest.raises(ChannelError) as caught:
        client_for().index(at(server.url), "noarch")
    assert caught.value.reference == reference


def test_403_for_zst_alone_means_that_it_is_missing(server, client_for) -> None:
    server.fault("*.zst", Status(403))
    assert client_for().index(at(server.url), "noarch").records_for("six")


# Offline


def test_offline_uses_the_cache_and_notes_its_age(server, client_for) -> None:
    client = client_for()
    client.indices([at(server.url)], ["linux-64", "noarch", "osx-64"])
    server.forget()
    client.clock.now += 3 * 86_400
    offline = client_for(offline=True, clock=client.clock)
    linux, noarch, osx = offline.indices([at(server.url)], ["linux-64", "noarch", "osx-64"])[0]
    assert linux.records_for("numpy")
    assert noarch.records_for("six")
    assert osx.names() == ()
    assert any("3 days ago" in note for note in offline.notes.notes)
    assert server.count() == 0
    assert offline.is_reachable(at(server.url))


def test_offline_without_a_cache_is_an_error(server, client_for) -> None:
    offline = client_for(offline=True)
    with pytest.raises(OfflineError, match="nothing of the channel"):
        offline.indices([at(server.url)], ["linux-64", "noarch"])
    assert not offline.is_reachable(at(server.url))


def test_local_channels_work_offline(builder, client_for) -> None:
    assert client_for(offline=True).index(at(builder.url), "noarch").records_for("six")


# Faults of the server


@pytest.mark.parametrize(
    "fault",
    [
        Truncate(60),
        Reset(60),
        Disconnect(),
        Stall(60),
        StallHeaders(),
        Status(503, retry_after="0"),
        Status(500),
        FlipBytes(),
        Html(),
        Body(b""),
        Body(b"not repodata"),
        CutWithoutLength(60),
        GzipBomb(3_000_000),
    ],
    ids=lambda fault: type(fault).__name__,
)
@pytest.mark.parametrize(
    "name", ["repodata.json", "repodata.json.zst", "repodata_shards.msgpack.zst"]
)
def test_a_temporary_fault_does_no_harm(builder, server, client_for, fault, name) -> None:
    if fault == Body(b"") and name == "repodata.json":
        pytest.skip("an empty repodata.json is an empty channel (CEP 36)")
    builder.write(zst=name.endswith("json.zst"), shards="shards" in name)
    if name.endswith(".json"):
        (builder.directory / "noarch" / "repodata.json.zst").unlink()
    server.fault(f"/noarch/{name}", fault, times=1)
    index = patient(client_for, use_shards=True).index(at(server.url), "noarch")
    assert [record.name for record in index.records_for("six")] == ["six"]


@pytest.mark.parametrize(
    ("fault", "reference"),
    [
        (Truncate(60), "connection-broken"),
        (Reset(60), "connection-broken"),
        (Disconnect(), "connection-broken"),
        (Stall(60), "timed-out"),
        (Status(500), "server-failed"),
        (FlipBytes(), "invalid-repodata"),
        (Html(), "web-page"),
        (Body(b"not repodata"), "invalid-repodata"),
        (Body(b"[]"), "invalid-repodata"),
        (Body(b'{"packages":{"a'), "invalid-repodata"),
        (GzipBomb(3_000_000), "invalid-repodata"),
        (NotModified(), "invalid-answer"),
        (RedirectLoop(), "too-many-redirects"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
@pytest.mark.parametrize("name", ["repodata.json", "repodata.json.zst"])
def test_a_permanent_fault_is_one_clear_error(
    server, client_for, fault, reference, name, tmp_path
) -> None:
    server.fault("*", fault)
    with pytest.raises(ChannelError) as caught:
        patient(client_for, use_zst=name.endswith("zst")).index(at(server.url), "noarch")
    assert caught.value.reference == reference
    assert f"/noarch/{name}" in caught.value.message
    assert caught.value.hint
    assert not list((tmp_path / "cache").glob("*/content/*"))
    assert not list((tmp_path / "cache").glob("*/.*"))
    assert server.count() <= 10


def test_a_failed_update_leaves_the_cached_index(server, client_for) -> None:
    client_for().index(at(server.url), "noarch")
    server.etags, server.last_modified = False, None
    server.fault("*", Html())
    with pytest.raises(RepodataError):
        client_for().index(at(server.url), "noarch")
    assert client_for(offline=True).index(at(server.url), "noarch").records_for("six")


def test_304_without_a_cache_is_requested_again_unconditionally(server, client_for) -> None:
    server.fault("*.zst", NotModified(), times=1)
    assert client_for().index(at(server.url), "noarch").records_for("six")


def test_an_unreachable_network_has_a_hint(client_for) -> None:
    with pytest.raises(ChannelError) as caught:
        patient(client_for).index(at("http://127.0.0.1:1/channel"), "noarch")
    assert "--offline" in caught.value.hint


def test_no_secret_is_stored(server, client_for, tmp_path) -> None:
    fetcher = make_fetcher(home=tmp_path, environment={})
    channel = Channel(server.url, server.url, Credentials("me", "SECRET", None))
    client_for(fetcher=fetcher).index(channel, "noarch")
    assert server.requests[0].headers["Authorization"]
    stored = b"".join(
        path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()
    )
    assert b"SECRET" not in stored
    assert b"bWU6U0VDUkVU" not in stored


# Faults of the disk


@pytest.mark.parametrize("damage", [b"", b"{}", b"nonsense", None])
def test_a_damaged_state_is_a_miss(server, client_for, tmp_path, damage) -> None:
    client_for().index(at(server.url), "noarch")
    (path,) = (tmp_path / "cache").glob("*/*.json")
    path.write_bytes(path.read_bytes()[:50] if damage is None else damage)
    assert client_for().index(at(server.url), "noarch").records_for("six")


def test_a_state_with_other_types_is_a_miss(server, client_for, tmp_path) -> None:
    client_for().index(at(server.url), "noarch")
    (path,) = (tmp_path / "cache").glob("*/*.json")
    for key in json.loads(path.read_bytes()):
        state = json.loads(path.read_bytes())
        path.write_text(json.dumps({**state, key: ["odd"]}))
        assert client_for().index(at(server.url), "noarch").records_for("six")


@pytest.mark.parametrize("cut", [0, 10, -1, None])
def test_a_damaged_index_is_a_miss(server, client_for, tmp_path, cut) -> None:
    client_for().index(at(server.url), "noarch")
    (path,) = (tmp_path / "cache").glob("*/content/*.index")
    data = path.read_bytes()
    path.write_bytes(data[:cut] if cut is not None else b"\0" * len(data))
    server.forget()
    assert client_for().index(at(server.url), "noarch").records_for("six")
    assert "If-None-Match" not in server.requests[-1].headers


def test_a_damaged_segment_is_repaired_when_it_is_read(server, client_for, tmp_path) -> None:
    server.cache_control = "max-age=1000"
    client_for().index(at(server.url), "noarch")
    (path,) = (tmp_path / "cache").glob("*/content/*.index")
    data = bytearray(path.read_bytes())
    data[20] ^= 0xFF
    path.write_bytes(data)
    index = client_for().index(at(server.url), "noarch")
    assert index.records_for("six")


def test_several_processes_fetch_once(server, client_for, tmp_path) -> None:
    server.cache_control = "max-age=1000"
    server.latency = 0.1
    program = f"""
import sys
from pathlib import Path
from minicon.models.channel import Channel
from minicon.net.routing import make_fetcher
from minicon.repodata.client import ChannelClient
client = ChannelClient(make_fetcher, Path({str(tmp_path / "cache")!r}), use_shards=False)
index = client.index(Channel({server.url!r}, {server.url!r}), "noarch")
assert index.records_for("six")
"""
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    assert server.count() == 1


def test_old_content_is_removed(server, builder, client_for, tmp_path) -> None:
    client_for().index(at(server.url), "noarch")
    (old,) = (tmp_path / "cache").glob("*/content/*.index")
    os.utime(old, (0, 0))
    builder.add("new-1.0-0", subdir="noarch")
    builder.write(zst=True)
    client_for().index(at(server.url), "noarch")
    (new,) = (tmp_path / "cache").glob("*/content/*.index")
    assert new != old


# Reachability


def test_reachability_is_probed_and_cached(server, client_for) -> None:
    client = client_for()
    assert client.is_reachable(at(server.url))
    assert client.is_reachable(at(server.url))
    assert server.count() == 1
    client.clock.now += 301
    assert client.is_reachable(at(server.url))
    assert server.count() == 2


def test_a_probe_opens_the_connection_for_the_index(server, builder, tmp_path) -> None:
    builder.write(zst=True, shards=True)
    client = ChannelClient(make_fetcher, tmp_path / "cache")
    assert client.is_reachable(at(server.url))
    assert server.requests[-1].status == 206
    connections = server.connections
    client.index(at(server.url), "noarch")
    assert server.connections == connections


@pytest.mark.parametrize("fault", [StallHeaders(), Disconnect(), Html(), Status(403), Status(503)])
def test_a_failing_channel_is_unreachable(server, tmp_path, fault) -> None:
    server.fault("*", fault)
    client = ChannelClient(lambda: make_fetcher(max_retries=0), tmp_path / "cache")
    began = time.monotonic()
    assert not client.is_reachable(at(server.url), 0.5)
    assert time.monotonic() - began < 5


def test_a_channel_with_a_fresh_index_is_not_probed(server, client_for) -> None:
    server.cache_control = "max-age=600"
    client = client_for()
    client.index(at(server.url), "noarch")
    server.forget()
    assert client.is_reachable(at(server.url))
    assert server.count() == 0
    client.clock.now += 601
    assert client.is_reachable(at(server.url))
    assert server.count() == 1


@pytest.mark.parametrize(
    "fault", [StallHeaders(), Disconnect(), Html(), Status(403), Status(503), RedirectLoop()]
)
def test_what_counts_as_unreachable(server, client_for, fault) -> None:
    server.fault("*", fault)
    began = time.monotonic()
    assert not client_for().is_reachable(at(server.url), 0.5)
    assert time.monotonic() - began < 1.5


def test_a_name_lookup_that_hangs_is_abandoned(client_for, monkeypatch) -> None:
    def hang(*_, **__):
        time.sleep(2)
        raise socket.gaierror(socket.EAI_NONAME, "no")

    monkeypatch.setattr("socket.getaddrinfo", hang)
    began = time.monotonic()
    assert not client_for().is_reachable(at("http://host.invalid/c"), 0.2)
    assert time.monotonic() - began < 1


def test_local_channels_are_reachable_if_they_exist(builder, client_for, tmp_path) -> None:
    assert client_for().is_reachable(at(builder.url))
    assert not client_for().is_reachable(at((tmp_path / "no").as_uri()))


# The content


def test_a_touched_local_file_is_not_converted_again(builder, client_for, tmp_path) -> None:
    client_for().index(at(builder.url), "noarch")
    (index,) = (tmp_path / "cache").glob("*/content/*.index")
    stamp = index.stat().st_mtime_ns
    os.utime(builder.directory / "noarch" / "repodata.json", (0, 0))
    client_for().index(at(builder.url), "noarch")
    assert index.stat().st_mtime_ns == stamp


def test_another_subdirs_index_is_refused(tmp_path, client_for) -> None:
    builder = ChannelBuilder(tmp_path / "c").add_all("a-1-0", subdir="noarch").write()
    (tmp_path / "c" / "noarch").rename(tmp_path / "c" / "linux-64")
    with pytest.raises(RepodataError, match="its subdir is 'noarch', not 'linux-64'"):
        client_for().index(at(builder.url), "linux-64")


def test_an_empty_file_is_an_empty_channel(tmp_path, client_for) -> None:
    (tmp_path / "c" / "noarch").mkdir(parents=True)
    (tmp_path / "c" / "noarch" / "repodata.json").write_bytes(b"")
    ((noarch,),) = client_for().indices([at((tmp_path / "c").as_uri())], ["noarch"])
    assert not noarch.names()


def test_bad_records_are_left_out_with_a_warning(tmp_path, client_for) -> None:
    builder = ChannelBuilder(tmp_path / "c")
    builder.add("a-1-0", subdir="noarch")
    section = builder.subdir("noarch")["packages.conda"]
    good = section["a-1-0.conda"]
    section["a-2-0.conda"] = {**good, "version": "../../etc"}
    section["a-3-0.conda"] = {**good, "depends": [{"x": 1}]}
    section["a-4-0.conda"] = {**good, "build": "x/../y"}
    section["a-5-0.conda"] = {**good, "size": "big"}
    for number, size in enumerate(
        [-1, 1 << 60, 10**400, float("nan"), float("inf"), True], start=1
    ):
        section[f"a-5-{number}.conda"] = {**good, "build": str(number), "size": size}
    section["../a-6-0.conda"] = good
    section["a-7-0.exe"] = good
    section["a-8-0.conda"] = {**good, "depends": None, "timestamp": 1_600_000_000}
    builder.write()
    client = client_for()
    records = client.index(at(builder.url), "noarch").records_for("a")
    assert [r.fn for r in records] == ["a-1-0.conda", "a-8-0.conda"]
    assert records[1].timestamp == 1_600_000_000_000
    assert records[1].depends == ()
    assert len(client.notes.warnings) == 11  # NaN and infinity are not JSON


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://files.example.org/c", "https://files.example.org/c/"),
        ("https://files.example.org/c/", "https://files.example.org/c/"),
        ("../pool/", "{url}/pool/"),
        ("/pool", "{origin}/pool/"),
        ("", "{url}/noarch/"),
    ],
)
def test_packages_may_be_at_another_url(tmp_path, client_for, base_url, expected) -> None:
    builder = ChannelBuilder(tmp_path / "c", base_url=base_url)
    builder.add("a-1-0", subdir="noarch")
    builder.write()
    with ChannelServer(tmp_path) as server:
        url = server.url + "/c"
        (record,) = client_for().index(at(url), "noarch").records_for("a")
        assert record.url == expected.format(url=url, origin=server.url) + "a-1-0.conda"


@pytest.mark.parametrize(
    "base_url",
    ["http://other.example.org/", "file:///etc/", "ftp://x/", "https://me:pw@x/", 7, "http://[::1"],
)
def test_packages_may_not_be_at_any_url(tmp_path, client_for, base_url) -> None:
    builder = ChannelBuilder(tmp_path / "c", base_url=base_url)
    builder.add("a-1-0", subdir="noarch")
    builder.write()
    with pytest.raises(RepodataError) as caught:
        client_for().index(at(builder.url), "noarch")
    assert caught.value.reference == "unsafe-base-url"
