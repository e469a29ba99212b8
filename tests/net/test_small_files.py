"""SmallFiles returns what a Fetcher returns, or leaves the file to it."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

import pytest
from tests.support.channel_server import (
    Body,
    ChannelServer,
    CutWithoutLength,
    Disconnect,
    FlipBytes,
    GzipBomb,
    Html,
    RawAnswer,
    Redirect,
    Reset,
    Stall,
    StallHeaders,
    Status,
    TrickleHeaders,
    Truncate,
    WrongLength,
)

from minicon.errors import ChannelError
from minicon.models.channel import Channel
from minicon.models.url import Credentials
from minicon.net.credentials.store import CredentialStore
from minicon.net.routing import make_fetcher
from minicon.net.small_files.client import SmallFiles
from minicon.net.small_files.server import MOST_CONNECTIONS, MOST_SHORT_CONNECTIONS
from minicon.repodata.client import ChannelClient

FILES = 300


@pytest.fixture
def bodies(tmp_path):
    numbers = random.Random(4)
    found = {
        f"file-{n}": numbers.randbytes(numbers.choice([0, 1, 300, 70_000])) for n in range(FILES)
    }
    for name, body in found.items():
        (tmp_path / name).write_bytes(body)
    return found


@pytest.fixture
def server(tmp_path, bodies):
    with ChannelServer(tmp_path) as server:
        yield server


@pytest.fixture
def make():
    opened = []

    def make(*, proxied=False, store=None, timeout=0.3):
        small = SmallFiles(
            store or CredentialStore(),
            has_proxy=lambda url: proxied,
            make_context=lambda: None,
            user_agent="minicon/test",
            timeout=timeout,
        )
        opened.append(small)
        return small

    yield make
    for small in opened:
        small.close()


def test_many_files_need_few_connections(server, bodies, make) -> None:
    small, answers = make(timeout=10), {}
    server.latency = 0.005
    for name in bodies:
        small.submit(
            f"{server.url}/{name}", lambda q, name=name: answers.update({name: q.response.body})
        )
    small.wait(lambda: len(answers) == FILES)
    assert answers == bodies
    assert server.connections <= MOST_CONNECTIONS
    assert len(server.requests) == FILES


def test_threads_may_request_and_wait_simultaneously(server, bodies, make) -> None:
    small, found = make(timeout=10), {}

    def work(names) -> None:
        for name in names:
            answer = small.get(f"{server.url}/{name}")
            found[name] = answer.body

    names = list(bodies)
    threads = [threading.Thread(target=work, args=(names[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == bodies


def test_needed_files_are_requested_first(server, bodies, make) -> None:
    small, done = make(timeout=10), []
    server.latency = 0.01
    names = list(bodies)
    for name in names:
        last = small.submit(
            f"{server.url}/{name}", lambda _, name=name: done.append(name), priority=1
        )
    small.prioritize(last, 0)
    small.wait(lambda: last.is_done)
    assert len(done) <= 2 * MOST_CONNECTIONS


@pytest.mark.parametrize("code", [304, 404])
def test_plain_statuses_are_returned(server, make, code) -> None:
    server.fault("/file-1", Status(code))
    assert make().get(f"{server.url}/file-1").status == code


@pytest.mark.parametrize(
    "fault",
    [
        Status(500),
        Status(429, retry_after="0"),
        Status(401),
        Redirect("/file-2"),
        Truncate(5),
        CutWithoutLength(5),
        Reset(5),
        Disconnect(),
        Stall(5),
        StallHeaders(),
        TrickleHeaders(),
        WrongLength(7),
        GzipBomb(1000),
        RawAnswer(b"hello\r\n\r\n"),
        RawAnswer(b"HTTP/1.0 200 OK\r\n\r\nab"),
        RawAnswer(b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nab"),
        RawAnswer(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        RawAnswer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab"),
        RawAnswer(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nab"),
        RawAnswer(b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nab"),
        RawAnswer(b"HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\nab"),
        RawAnswer(b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nab"),
        RawAnswer(b"X" * 200_000),
    ],
    ids=repr,
)
def test_other_responses_are_left_to_a_fetcher(server, make, fault) -> None:
    (server.directory / "file-0").write_bytes(b"x" * 1000)
    server.fault("/file-0", fault)
    small = make()
    assert small.get(f"{server.url}/file-0") is None
    server.clear_faults()
    assert small.get(f"{server.url}/file-0").body == b"x" * 1000


def test_a_server_with_other_responses_is_left_to_the_fetcher(server, make) -> None:
    server.fault("*", Status(503))
    small = make()
    assert [small.get(f"{server.url}/file-{n}") for n in range(20)] == [None] * 20
    assert len(server.requests) < 10


def test_a_simple_server_closes_each_connection_and_has_few_at_once(tmp_path, bodies, make) -> None:
    with ChannelServer(tmp_path, protocol="HTTP/1.0") as server:
        small, answers = make(timeout=10), {}
        answers["file-0"] = small.get(f"{server.url}/file-0").body
        server.latency, before = 0.05, server.connections
        names = [f"file-{n}" for n in range(1, 40)]
        for name in names:
            small.submit(
                f"{server.url}/{name}", lambda q, name=name: answers.update({name: q.response.body})
            )
        small.poll()
        time.sleep(0.02)
        assert server.connections - before <= MOST_SHORT_CONNECTIONS
        small.wait(lambda: len(answers) == 40)
        assert answers == {name: bodies[name] for name in ("file-0", *names)}
        assert len(server.requests) == server.connections == 40


def test_a_connection_that_closed_while_idle_is_replaced(server, bodies, make) -> None:
    server.fault("/file-1", Body(b"last", {"Connection": "close"}), times=1)
    small = make(timeout=10)
    assert small.get(f"{server.url}/file-1").body == b"last"
    assert small.get(f"{server.url}/file-2").body == bodies["file-2"]
    server.fault("/file-3", Disconnect(), times=1)
    assert small.get(f"{server.url}/file-3").body == bodies["file-3"]


@pytest.mark.parametrize(
    "url",
    ["ftp://h/x", "http://user:pw@h/x", "http://h/a b", "http://hé/x", "file:///x", "https://h/x"],
)
def test_unsupported_urls(make, url) -> None:
    assert make().get(url) is None


def test_proxies_and_unreachable_servers_are_left_to_a_fetcher(server, make) -> None:
    assert make(proxied=True).get(server.url + "/file-1") is None
    assert server.requests == []
    assert make().get("http://127.0.0.1:9/x") is None
    assert make().get("http://nowhere.invalid/x") is None


def test_secrets_are_sent_only_to_their_origin(server, make) -> None:
    store = CredentialStore()
    store.add(server.url, Credentials(username="me", password="secret"))
    small = make(store=store)
    small.get(f"{server.url}/file-1", {"X-More": "1"})
    small.get(f"{server.url_as('localhost')}/file-1")
    first, second = server.requests
    assert first.headers["Authorization"].startswith("Basic ")
    assert first.headers["X-More"] == "1"
    assert "Authorization" not in second.headers
    assert small.get(f"{server.url}/file-1", {"X-More": "1\r\nX-Evil: 2"}) is None


@pytest.mark.parametrize("fault", [Status(503), FlipBytes(), Truncate(9), Html(), Reset(3), None])
def test_shards_are_read_in_spite_of_faults(tmp_path, fault) -> None:
    from tests.support.channels import ChannelBuilder

    builder = ChannelBuilder(tmp_path / "channel")
    builder.add("numpy-2.0-0", depends=["python"])
    builder.add_all("python-3.11-0", *(f"p{n}-1-0" for n in range(30)))
    builder.write(shards=True)
    with ChannelServer(builder.directory) as server:
        fetcher = make_fetcher(home=tmp_path, environment={})
        try:
            if fault:
                server.fault("*", fault, times=1)
                server.fault("*/shards/*", fault, times=1)
            client = ChannelClient(lambda: fetcher, tmp_path / "cache")
            index = client.index(Channel("c", server.url), "linux-64")
            names = sorted(index.names())
            index.prefetch(names)
            assert [len(index.records_for(name)) for name in names] == [1] * 32
            server.fault("*", Status(404))
            with pytest.raises(ChannelError):
                client.indices([Channel("c", server.url + "/no")], ["linux-64"])
        finally:
            fetcher.close()


def test_closing_cancels_unneeded_requests(tmp_path) -> None:
    from tests.support.channels import ChannelBuilder

    builder = ChannelBuilder(tmp_path / "channel")
    names = [f"p{n}" for n in range(20)]
    builder.add_all(*(f"{name}-1-0" for name in names))
    builder.write(shards=True)
    with ChannelServer(builder.directory) as server:
        fetcher = make_fetcher(home=tmp_path, environment={})
        index = ChannelClient(lambda: fetcher, tmp_path / "cache").index(
            Channel("c", server.url), "linux-64"
        )
        server.latency = 0.3
        index.prefetch(names)
        began = time.monotonic()
        fetcher.close()
        assert time.monotonic() - began < 0.3
        time.sleep(0.5)
        assert max(Counter(each.path for each in server.requests).values()) == 1
        server.latency = 0.0
        assert [len(index.records_for(name)) for name in names] == [1] * 20
        fetcher.close()
