"""Channel notices (CEP 6): on request, and once a day beside a command that fetches an index."""

from __future__ import annotations

import json
import os
import time
from collections import Counter

import pytest
from tests.support.channel_server import Body, ChannelServer, Delay, Status
from tests.support.channels import ChannelBuilder


def notice(level: str, message: str, expires: str = "2999-01-01T00:00:00+00:00") -> dict[str, str]:
    return {
        "id": message,
        "message": message,
        "level": level,
        "created_at": "2026-01-01T00:00:00+00:00",
        "expired_at": expires,
    }


NOTICES = [
    notice("info", "we moved"),
    notice("critical", "rotate your tokens"),
    notice("info", "long ago", "2020-01-01T00:00:00+00:00"),
]


@pytest.fixture
def server(tmp_path):
    builder = ChannelBuilder(tmp_path / "channel")
    builder.add("zlib-1.3-0")
    builder.write(zst=True, shards=True)
    path = builder.directory / "notices.json"
    path.write_text(json.dumps({"notices": NOTICES}))
    with ChannelServer(builder.directory) as server:
        yield server


def search(minicon, server, *arguments):
    where = ("--override-channels", "-c", server.url, "--platform", "linux-64")
    return minicon("search", "zlib", *where, *arguments).ok()


def test_a_command_shows_notices_once(minicon, server) -> None:
    first = search(minicon, server)
    assert first.err.index("rotate your tokens") < first.err.index("we moved")
    assert "long ago" not in first.err
    assert "we moved" not in first.out
    second = search(minicon, server)
    assert "we moved" not in second.err
    assert server.count("/notices.json") == 1


def test_a_simple_server_gets_one_request_each(minicon, server) -> None:
    with ChannelServer(server.directory, protocol="HTTP/1.0") as simple:
        first = search(minicon, simple)
        assert "rotate your tokens" in first.err
        assert max(Counter(request.path for request in simple.requests).values()) == 1


def test_notices_are_shown_again_after_a_day(minicon, server) -> None:
    search(minicon, server)
    (kept,) = (minicon.root / "cache" / "notices-v1").iterdir()
    yesterday = time.time() - 90_000
    os.utime(kept, (yesterday, yesterday))
    assert "we moved" in search(minicon, server).err


def test_fresh_repodata_needs_no_request(minicon, server) -> None:
    server.cache_control = "max-age=600"
    search(minicon, server)
    (kept,) = (minicon.root / "cache" / "notices-v1").iterdir()
    os.utime(kept, (1, 1))
    server.forget()
    search(minicon, server)
    assert server.count() == 0


@pytest.mark.parametrize("arguments", [["--json"], ["--quiet"]])
def test_quiet_requests_no_notices(minicon, server, arguments) -> None:
    assert "we moved" not in search(minicon, server, *arguments).err
    assert server.count("/notices.json") == 0


def test_the_number_of_notices_is_limited(minicon, server) -> None:
    minicon.set(MINICON_NUMBER_CHANNEL_NOTICES="1")
    outcome = search(minicon, server)
    assert "rotate your tokens" in outcome.err
    assert "we moved" not in outcome.err
    assert "1 more" in outcome.err
    assert "we moved" in minicon("notices", "--override-channels", "-c", server.url).out


def test_no_notices_are_requested_if_disabled(minicon, server) -> None:
    minicon.set(MINICON_NUMBER_CHANNEL_NOTICES="0")
    search(minicon, server)
    assert server.count("/notices.json") == 0


@pytest.mark.parametrize("fault", [Status(404), Status(500), Body(b"{"), Delay(30)])
def test_errors_of_notices_do_not_affect_the_command(minicon, server, fault) -> None:
    server.fault("/notices.json", fault)
    began = time.monotonic()
    assert "zlib" in search(minicon, server).out
    assert time.monotonic() - began < 10


def test_notices_cannot_control_the_terminal(minicon, server) -> None:
    evil = json.dumps({"notices": [notice("info", "\x1b]0;title\x07hidden \x1b[2Jtext")]})
    server.fault("/notices.json", Body(evil.encode()))
    outcome = search(minicon, server)
    assert "hidden" in outcome.err
    assert "\x1b" not in outcome.err


def test_the_notices_command_shows_all(minicon, server) -> None:
    outcome = minicon("notices", "--override-channels", "-c", server.url)
    assert "rotate your tokens" in outcome.out
    found = minicon("notices", "--override-channels", "-c", server.url, "--json").json
    assert [each["level"] for each in found["notices"]] == ["critical", "info"]
