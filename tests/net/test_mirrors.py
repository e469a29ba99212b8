"""Mirrors: used in order, with their secrets sent to no other server."""

from __future__ import annotations

import pytest
from tests.support.channel_server import ChannelServer, Disconnect, Status
from tests.support.channels import ChannelBuilder

from minicon.errors import ChannelError
from minicon.models.channel import Channel
from minicon.net.client.retry import RetryPolicy
from minicon.net.client.session import HttpFetcher
from minicon.net.credentials.store import CredentialStore
from minicon.net.routing import UrlFetcher, make_fetcher
from minicon.repodata.client import ChannelClient

HOME = "https://conda.example.org/main"


@pytest.fixture
def builder(tmp_path):
    builder = ChannelBuilder(tmp_path / "channel")
    builder.add("numpy-2.0-0", depends=["python"])
    builder.add("python-3.11-0")
    return builder.write(zst=True, shards=True)


@pytest.fixture
def servers(builder):
    with ChannelServer(builder.directory) as first, ChannelServer(builder.directory) as second:
        yield first, second


def fetcher(*urls, **options) -> UrlFetcher:
    store = CredentialStore()
    http = HttpFetcher(retry=RetryPolicy(retries=0), credentials=store)
    return UrlFetcher(lambda: http, mirrors={HOME: urls}, credentials=store, **options)


def read(opener) -> bytes:
    with opener.open(HOME + "/linux-64/repodata.json") as response:
        assert response.status == 200
        return response.read()


def test_only_the_first_mirror_is_used_while_it_responds(servers, builder) -> None:
    first, second = servers
    expected = (builder.directory / "linux-64/repodata.json").read_bytes()
    assert read(fetcher(first.url, second.url)) == expected
    assert (len(first.requests), len(second.requests)) == (1, 0)


@pytest.mark.parametrize("fault", [Status(503), Disconnect(), Status(404), Status(403)], ids=repr)
def test_the_next_mirror_is_used_when_one_fails(servers, fault) -> None:
    first, second = servers
    first.fault("*", fault)
    opener = fetcher(first.url, second.url)
    read(opener)
    read(opener)
    assert len(second.requests) == 2
    # A broken mirror is used last from then on; one without the file is not.
    is_broken = fault in (Status(503), Disconnect())
    assert len(first.requests) == (1 if is_broken else 2)


def test_when_all_fail_the_last_error_is_raised(servers) -> None:
    first, second = servers
    opener = fetcher(first.url, second.url)
    for server in servers:
        server.fault("*", Status(404))
    with opener.open(HOME + "/x") as response:
        assert response.status == 404
    for server in servers:
        server.clear_faults()
        server.fault("*", Disconnect())
    with pytest.raises(ChannelError):
        opener.open(HOME + "/x")


def test_a_directory_may_be_a_mirror_also_offline(builder) -> None:
    opener = fetcher("https://nowhere.invalid", builder.directory.as_uri(), offline=True)
    assert read(opener)


def test_the_longest_match_is_used_and_other_urls_are_unchanged(servers) -> None:
    first, second = servers
    opener = UrlFetcher(HttpFetcher, mirrors={HOME: [first.url], HOME + "/linux-64": [second.url]})
    assert opener.best_url(HOME + "/linux-64/a") == second.url + "/a"
    assert opener.best_url(HOME + "/noarch/a") == first.url + "/noarch/a"
    assert opener.best_url(HOME + "-other/noarch/a") == HOME + "-other/noarch/a"


def test_secrets_of_a_mirror_are_sent_only_to_it(servers) -> None:
    first, second = servers
    mirror = first.url.replace("http://", "http://me:secret@")
    first.fault("*", Status(404))
    opener = fetcher(mirror, second.url)
    with opener.open(HOME + "/linux-64/repodata.json") as response:
        assert "secret" not in response.url
    assert first.requests[0].headers["Authorization"].startswith("Basic ")
    assert "Authorization" not in second.requests[0].headers


@pytest.mark.parametrize("use_shards", [True, False])
def test_a_channel_through_mirrors_keeps_its_own_urls(tmp_path, servers, use_shards) -> None:
    first, second = servers
    first.fault("*", Status(503))
    opener = make_fetcher(
        home=tmp_path, environment={}, max_retries=0, mirrors={HOME: [first.url, second.url]}
    )
    client = ChannelClient(lambda: opener, tmp_path / "cache", use_shards=use_shards)
    (index, _) = client.indices([Channel("main", HOME)], ["linux-64", "noarch"])[0]
    (record,) = index.records_for("numpy")
    opener.close()
    assert record.url == f"{HOME}/linux-64/{record.fn}"

    assert len(second.requests) >= 2


def test_a_confined_fetcher_opens_nothing_else(tmp_path) -> None:
    (tmp_path / "channel").mkdir()
    (tmp_path / "channel" / "file").write_text("x")
    (tmp_path / "secret").write_text("SECRET")
    allowed = (tmp_path / "channel").as_uri()
    fetcher = make_fetcher(mirrors={"http://named.test/channel": [allowed]})
    fetcher.confine([allowed])
    for url in (f"{allowed}/file", "http://named.test/channel/file"):
        with fetcher.open(url) as response:
            assert response.read() == b"x"
    for url in (
        (tmp_path / "secret").as_uri(),
        f"{allowed}/../secret",
        f"{allowed}/%2e%2e/secret",
        "http://named.test/channel/%2E%2E/secret",
        f"{allowed}-other/file",
        "http://named.test/file",
        "http://127.0.0.1:1/file",
    ):
        for open_url in (fetcher.open, fetcher.open_small, fetcher.best_url):
            with pytest.raises(ChannelError) as refused:
                open_url(url)
            assert refused.value.reference == "channel-not-allowed"
