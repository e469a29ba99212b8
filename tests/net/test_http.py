"""The HTTP fetcher with a real server and its faults."""

from __future__ import annotations

import email.utils
import subprocess
import sys
import time

import pytest
from tests.support.channel_server import (
    ChannelServer,
    Disconnect,
    GzipBomb,
    RawAnswer,
    Redirect,
    RedirectLoop,
    Reset,
    Stall,
    StallHeaders,
    Status,
    TrickleHeaders,
    Truncate,
    WrongLength,
)
from tests.support.channels import ChannelBuilder

from minicon.errors import ChannelError, OfflineError
from minicon.models.channel import Channel
from minicon.models.url import Credentials
from minicon.net.client.retry import CircuitBreaker, RetryPolicy, parse_retry_after
from minicon.net.client.session import HttpFetcher
from minicon.net.credentials.origin import Origin
from minicon.net.credentials.store import CredentialStore
from minicon.net.routing import make_fetcher
from minicon.repodata.client import ChannelClient

BODY = bytes(range(256)) * 400


@pytest.fixture
def server(tmp_path):
    (tmp_path / "file").write_bytes(BODY)
    with ChannelServer(tmp_path) as server:
        yield server


class Naps:
    """Replaces sleep."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def fetcher(naps=None, **options) -> HttpFetcher:
    return HttpFetcher(sleep=naps or Naps(), user_agent="minicon/test", **options)


def read(server, path="/file", **options) -> bytes:
    with fetcher(**options).open(server.url + path) as response:
        assert response.status == 200
        return response.read()


def test_a_response_has_headers_and_url(server) -> None:
    with fetcher().open(server.url + "/file") as response:
        assert (response.status, response.url) == (200, server.url + "/file")
        assert int(response.headers["CONTENT-length"]) == len(BODY)
        assert b"".join(response.chunks(1000)) == BODY
    (request,) = server.requests
    assert request.headers["User-Agent"] == "minicon/test"


def test_connections_are_kept_alive_also_after_errors(server) -> None:
    client = fetcher()
    for path in ("/file", "/missing", "/file", "/file"):
        with client.open(server.url + path) as response:
            if response.status == 200:
                response.read()
    assert (server.connections, len(server.requests)) == (1, 4)


def test_statuses_are_not_errors(server) -> None:
    for code in (401, 403, 404, 410):
        server.fault(f"/{code}", Status(code))
        with fetcher().open(f"{server.url}/{code}") as response:
            assert response.status == code
        assert server.count(f"/{code}") == 1


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_requests_to_busy_servers_are_retried(server, code) -> None:
    server.fault("/file", Status(code), times=2)
    naps = Naps()
    assert read(server, naps=naps) == BODY
    assert len(naps.seconds) == 2
    assert naps.seconds[0] < naps.seconds[1]


def test_the_status_of_a_busy_server_is_returned_after_all_retries(server) -> None:
    server.fault("/file", Status(503))
    with fetcher(retry=RetryPolicy(retries=3)).open(server.url + "/file") as response:
        assert response.status == 503
    assert server.count("/file") == 4


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 0), ("1000000000", 60), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_retry_after_is_honoured_up_to_a_minute(server, header, seconds) -> None:
    server.fault("/file", Status(503, retry_after=header), times=1)
    naps = Naps()
    assert read(server, naps=naps) == BODY
    assert naps.seconds == [seconds]


def test_retry_after_may_be_a_date() -> None:
    moment = email.utils.formatdate(1_000_030, usegmt=True)
    assert parse_retry_after(moment, 1_000_000) == 30
    assert parse_retry_after("soon", 0) is None
    assert parse_retry_after("-5", 0) is None
    assert parse_retry_after(None, 0) is None


@pytest.mark.parametrize("fault", [Disconnect(), RawAnswer(b"")])
def test_a_connection_that_breaks_before_the_response_is_retried(server, fault) -> None:
    server.fault("/file", fault, times=2)
    assert read(server) == BODY


@pytest.mark.parametrize(
    ("fault", "reference"),
    [
        (Truncate(5000), "connection-broken"),
        (Reset(5000), "connection-broken"),
        (WrongLength(10), "connection-broken"),
    ],
)
def test_a_body_that_breaks_off_is_an_error_not_a_short_body(server, fault, reference) -> None:
    server.fault("/file", fault)
    with (
        fetcher().open(server.url + "/file") as response,
        pytest.raises(ChannelError) as caught,
    ):
        response.read()
    assert caught.value.reference == reference


def test_a_stalled_body_times_out(server) -> None:
    server.fault("/file", Stall(1000))
    began = time.monotonic()
    with (
        fetcher(read_timeout=0.3).open(server.url + "/file") as response,
        pytest.raises(ChannelError) as caught,
    ):
        response.read()
    assert caught.value.reference == "timed-out"
    assert time.monotonic() - began < 3


def test_stalled_headers_time_out_and_are_retried(server) -> None:
    server.fault("/file", StallHeaders(), times=1)
    assert read(server, read_timeout=0.3) == BODY


def test_headers_that_trickle_forever_time_out(server) -> None:
    server.fault("/file", TrickleHeaders(0.05))
    began = time.monotonic()
    with pytest.raises(ChannelError, match="did not respond in time"):
        fetcher(read_timeout=0.4, retry=RetryPolicy(retries=0)).open(server.url + "/file")
    assert time.monotonic() - began < 3


def test_a_time_limit_applies_to_all_attempts_together(server) -> None:
    server.fault("/file", StallHeaders())
    began = time.monotonic()
    with pytest.raises(ChannelError, match="did not respond in time"):
        fetcher(read_timeout=30).open(server.url + "/file", timeout=0.5)
    assert time.monotonic() - began < 3


def test_a_trickle_counts_as_broken(server) -> None:
    ticks = iter(range(0, 100_000, 40))
    from minicon.net.client.http_response import HttpResponse

    with fetcher().open(server.url + "/file") as response:
        slow = HttpResponse("http://x/y", response._raw, clock=lambda: next(ticks))
        with pytest.raises(ChannelError, match="less than 1000 bytes per second"):
            list(slow.chunks(10))


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"\0" * 99,
    ],
)
def test_a_response_that_is_not_http_is_an_error(server, answer) -> None:
    server.fault("/file", RawAnswer(answer))
    with pytest.raises(ChannelError, match="cannot read http://127"):
        fetcher().open(server.url + "/file")


def test_a_gzip_bomb_stops_at_the_limit(server) -> None:
    server.fault("/file", GzipBomb(50_000_000))
    with (
        fetcher().open(server.url + "/file") as response,
        pytest.raises(ChannelError) as caught,
    ):
        response.read(limit=1_000_000)
    assert caught.value.reference == "too-large"


def test_no_server(server) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ChannelError) as caught:
        fetcher().open(f"http://127.0.0.1:{port}/x")
    assert caught.value.reference == "connection-refused"
    assert caught.value.hint


@pytest.mark.parametrize(
    "url", ["http://", "http://[::1", "http://host:99999/x", "http://ho st/x", "http://a:b/x"]
)
def test_invalid_urls(url) -> None:
    with pytest.raises(ChannelError) as caught:
        make_fetcher().open(url)
    assert caught.value.reference in ("invalid-url", "host-not-found")


def test_unknown_schemes_are_refused() -> None:
    with pytest.raises(ChannelError) as caught:
        make_fetcher().open("ftp://host/x")
    assert caught.value.reference == "unsupported-scheme"


def test_offline_permits_only_files(server, tmp_path) -> None:
    client = make_fetcher(offline=True)
    with pytest.raises(OfflineError):
        client.open(server.url + "/file")
    with client.open((tmp_path / "file").as_uri()) as response:
        assert response.read() == BODY
    assert not server.requests


# Redirects


def test_redirects_are_followed(server) -> None:
    server.fault("/a", Redirect("/b"))
    server.fault("/b", Redirect(server.url + "/file", code=307))
    with fetcher().open(server.url + "/a") as response:
        assert response.read() == BODY
        assert response.url == server.url + "/file"


@pytest.mark.parametrize(
    ("fault", "reference"),
    [
        (RedirectLoop(), "too-many-redirects"),
        (Redirect("file:///etc/passwd"), "unsafe-redirect"),
        (Redirect("ftp://host/x"), "unsafe-redirect"),
        (Redirect("http://[::1"), "unsafe-redirect"),
    ],
)
def test_redirects_that_are_not_followed(server, fault, reference) -> None:
    server.fault("/a", fault)
    with pytest.raises(ChannelError) as caught:
        fetcher().open(server.url + "/a")
    assert caught.value.reference == reference
    assert server.count("/a") <= 6


def test_https_is_never_redirected_to_http() -> None:
    from minicon.net.credentials.origin import next_url

    with pytest.raises(ChannelError) as caught:
        next_url("https://host/a", "http://host/a")
    assert caught.value.reference == "unsafe-redirect"
    assert next_url("http://host/a", "https://host/b") == "https://host/b"
    assert next_url("https://host/a/b", "c") == "https://host/a/c"
    assert next_url("https://host/a", "https://me:pw@other/x") == "https://other/x"


# Credentials


def store_with(server, **secrets) -> CredentialStore:
    store = CredentialStore()
    store.add(server.url + "/private", Credentials(**secrets))
    return store


def test_basic_credentials_are_sent_only_below_their_url(server, tmp_path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "file").write_bytes(b"x")
    client = fetcher(credentials=store_with(server, username="me", password="SECRET"))
    for path in ("/private/file", "/file", "/private-not/file"):
        client.open(server.url + path).close()
    sent = [request.headers.get("Authorization") for request in server.requests]
    assert sent == ["Basic bWU6U0VDUkVU", None, None]


def test_tokens_are_only_in_the_requested_path(server) -> None:
    client = fetcher(credentials=store_with(server, token="SECRET-TOKEN"))
    with client.open(server.url + "/private/file") as response:
        assert "SECRET" not in response.url
    assert server.requests[0].path == "/t/SECRET-TOKEN/private/file"


def test_userinfo_in_a_url_is_used_and_never_shown(server) -> None:
    url = server.url.replace("//", "//me:SECRET@") + "/file"
    with fetcher().open(url) as response:
        assert "SECRET" not in response.url
    assert server.requests[0].headers["Authorization"] == "Basic bWU6U0VDUkVU"


@pytest.mark.parametrize("kind", ["basic", "token", "userinfo", "netrc"])
def test_redirects_to_another_origin_carry_no_secret(server, tmp_path, kind) -> None:
    with ChannelServer(tmp_path) as other:
        url = server.url + "/private/file"
        server.fault("*", Redirect(f"{other.url}/file"))
        options = {}
        if kind == "basic":
            options["credentials"] = store_with(server, username="me", password="SECRET")
        elif kind == "token":
            options["credentials"] = store_with(server, token="SECRET")
        elif kind == "netrc":
            # the other server has the same host name and another port: not the same origin
            (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password SECRET\n")
            from minicon.net.credentials.secret_sources import secret_sources

            options["credentials"] = CredentialStore(secret_sources(tmp_path, {}))
        else:
            url = url.replace("//", "//me:SECRET@")
        with fetcher(**options).open(url) as response:
            assert response.read() == BODY
        (request,) = other.requests
        assert "SECRET" not in f"{request.path} {request.headers}"
        assert not {"Authorization", "Cookie"} & set(request.headers)


def test_cookies_are_not_kept(server) -> None:
    server.fault("/a", Status(200, headers={"Set-Cookie": "id=1; Path=/"}))
    client = fetcher()
    client.open(server.url + "/a").close()
    client.open(server.url + "/file").close()
    assert "Cookie" not in server.requests[1].headers


def test_errors_show_no_secret(server) -> None:
    server.fault("*", Disconnect())
    client = fetcher(credentials=store_with(server, token="SECRET"))
    with pytest.raises(ChannelError) as caught:
        client.open(server.url + "/private/file")
    assert "SECRET" not in repr(caught.value) + str(caught.value) + str(caught.value.__cause__)


def test_proxies_are_used_except_for_no_proxy(server, monkeypatch, tmp_path) -> None:
    with ChannelServer(tmp_path) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        configured = fetcher(proxies={"http": proxy.url})
        configured.open("http://example.invalid/file").close()
        assert proxy.requests[0].path == "http://example.invalid/file"
        monkeypatch.setenv("http_proxy", proxy.url)
        fetcher().open("http://example.invalid/other").close()
        assert proxy.requests[1].path == "http://example.invalid/other"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert read(server) == BODY
        assert len(proxy.requests) == 2


@pytest.mark.parametrize("fault", [StallHeaders(), Stall(5)], ids=repr)
def test_a_host_that_stalled_through_its_retries_is_open(server, tmp_path, fault) -> None:
    def attempt(path: str) -> None:
        with client.open(server.url + path) as response:
            response.read()

    server.fault("/silent*", fault)
    (tmp_path / "silent").write_bytes(BODY)
    client = fetcher(read_timeout=0.1, retry=RetryPolicy(retries=1))
    attempt("/file")
    began, given_up = time.monotonic(), []
    for path in ("/silent",) * 4 + ("/file",) * 50:
        with pytest.raises(ChannelError) as caught:
            attempt(path)
        assert caught.value.reference == "timed-out"
        given_up.append("not tried again" in caught.value.message)
    assert not given_up[0]
    assert all(given_up[4:])
    assert time.monotonic() - began < 3
    client.open(server.url_as("localhost") + "/file").close()


def test_requests_that_wait_together_count_once_and_a_response_resets_the_count() -> None:
    moment = [0.0]
    breaker, origin = CircuitBreaker(2, lambda: moment[0]), Origin.of("https://h.test/")
    began = breaker.now()
    for moment[0] in (60.0, 60.1, 60.2):
        breaker.timed_out(origin, began)
    assert not breaker.is_open(origin)
    breaker.answered(origin)
    for began, moment[0] in ((70.0, 130.0), (100.0, 131.0), (131.0, 191.0)):
        assert not breaker.is_open(origin)
        breaker.timed_out(origin, began)
    assert breaker.is_open(origin)
    assert not breaker.is_open(Origin.of("https://other.test/"))


@pytest.mark.parametrize("fault", [StallHeaders(), Stall(5)], ids=repr)
def test_a_channel_whose_shards_stall_is_open_soon(tmp_path, fault) -> None:
    builder = ChannelBuilder(tmp_path / "channel")
    builder.add_all(*(f"p{n}-1-0" for n in range(40)))
    builder.write(shards=True)
    with ChannelServer(builder.directory) as server:
        server.fault("*/shards/*", fault)
        routes = make_fetcher(home=tmp_path, environment={}, read_timeout=0.2, max_retries=1)
        try:
            client = ChannelClient(lambda: routes, tmp_path / "cache")
            index = client.index(Channel("c", server.url), "linux-64")
            began = time.monotonic()
            for name in list(index.names()):
                with pytest.raises(ChannelError):
                    index.records_for(name)
            assert time.monotonic() - began < 6
        finally:
            routes.close()


def test_requests_is_imported_only_when_the_web_is_needed(tmp_path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    program = f"""
import sys
from minicon.net.routing import make_fetcher
from minicon.repodata.client import ChannelClient
fetcher = make_fetcher()
fetcher.open({(tmp_path / "f").as_uri()!r}).read()
assert not set(sys.modules) & {{"requests", "urllib3", "msgpack", "zstandard", "ssl"}}, "heavy"
"""
    subprocess.run([sys.executable, "-c", program], check=True)
