"""Connections of slow clients are closed, and only these."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import pytest

pytest.importorskip("aiohttp")

from aiohttp import web

from minicon.net.routing import make_fetcher
from minicon.serve import running
from minicon.serve.files import sending
from minicon.serve.hosted import parse_hosted
from minicon.serve.options import ServeOptions

SECONDS = 0.4


@pytest.fixture
def channel(tmp_path, monkeypatch):
    """A channel with a small and a large file, and limits of less than a second."""
    for module, name in ((running, "_IDLE_SECONDS"), (running, "STALL"), (sending, "STALL")):
        monkeypatch.setattr(module, name, SECONDS)
    monkeypatch.setattr(running, "_WATCH_SECONDS", SECONDS / 4)
    folder = tmp_path / "slow" / "noarch"
    folder.mkdir(parents=True)
    (folder / "small.json").write_bytes(b"x" * 200_000)
    (folder / "large.conda").write_bytes(b"x" * 30_000_000)
    return tmp_path / "slow"


def run(channel, monkeypatch, clients) -> list:
    """Serve a channel in this process while clients run; return their results."""
    servers: list[web.Server] = []

    class Watched(web.Server):
        def __init__(self, *args, **options) -> None:
            super().__init__(*args, **options)
            servers.append(self)

    monkeypatch.setattr(web, "Server", Watched)

    async def serve() -> list:
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        server = asyncio.ensure_future(
            running._serve(
                ServeOptions(channels=parse_hosted([str(channel)]), port=0),
                make_fetcher(),
                lambda url: ready.set_result(int(url.rpartition(":")[2])),
                print,
            )
        )
        try:
            port = await ready
            work = (client(port, servers[0]) for client in clients)
            return await asyncio.wait_for(asyncio.gather(*work), 30)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await server

    return asyncio.run(serve())


def reading_nothing(text: str, times: int = 1):
    """A client that sends a request and takes no answer; returns when it is disconnected."""

    async def client(port: int, server: web.Server) -> bool:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.setblocking(False)
            connection.send(text.encode() * times)
            own = connection.getsockname()
            for _ in range(500):
                await asyncio.sleep(0.02)
                if own not in {each.peername for each in server.connections}:
                    return True
            return False

    return client


async def honest(port: int, server: web.Server) -> bool:
    """A client that takes its time between requests, but not too much."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(10):
        writer.write(b"GET /slow/noarch/small.json HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        await reader.readexactly(200_000)
        await asyncio.sleep(SECONDS / 4)
    writer.close()
    return True


def test_slow_clients_are_disconnected_and_others_are_not(channel, monkeypatch, caplog) -> None:
    request = "GET /slow/noarch/{} HTTP/1.1\r\nHost: x\r\n\r\n"
    clients = [
        reading_nothing("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "),
        reading_nothing(request.format("large.conda")),
        reading_nothing(request.format("small.json"), 100),
        honest,
    ]
    assert run(channel, monkeypatch, clients) == [True] * 4
    assert not caplog.records
