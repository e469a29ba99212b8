"""A channel on the loopback that answers quickly, so that clients are measured and not the server.

    python bench/repodata_server.py CHANNEL_DIR LATENCY_SECONDS

One thread, no work per request beyond reading the file; latency is a timer per request, so that
requests on different connections wait side by side. Each line on its input is answered with how
many requests and connections there were so far.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

_REASONS = {200: "OK", 304: "Not Modified", 404: "Not Found"}


class Channel:
    """The folder that is served, and what was counted.

    Args:
        directory: The channel.
        latency: Seconds between a request and its answer.
    """

    def __init__(self, directory: Path, latency: float) -> None:
        self.directory = directory.resolve()
        self.latency = latency
        self.requests = 0
        self.connections = 0

    def answer(self, request: bytes) -> bytes:
        """The whole answer to a request's head."""
        self.requests += 1
        line, *lines = request.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ", 2)
        fields = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        path = self.directory / target.partition("?")[0].lstrip("/")
        try:
            status, tag = 200, f'"{path.stat().st_mtime_ns:x}"'
            unchanged = headers.get("if-none-match") == tag
            body = b"" if unchanged else path.read_bytes()
        except OSError:
            return _answer(404, b"", "")
        if unchanged:
            return _answer(304, b"", tag)
        answer = _answer(status, body, tag)
        return answer[: -len(body)] if method == "HEAD" else answer


def _answer(status: int, body: bytes, tag: str) -> bytes:
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Length: {len(body)}\r\n"
        f"ETag: {tag}\r\nCache-Control: max-age=3600\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One kept-alive connection."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.channel.connections += 1

    def data_received(self, data: bytes) -> None:
        self.received += data
        while b"\r\n\r\n" in self.received:
            request, _, self.received = self.received.partition(b"\r\n\r\n")
            loop = asyncio.get_running_loop()
            loop.call_later(self.channel.latency, self.respond, request)

    def respond(self, request: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(self.channel.answer(request))


async def serve(channel: Channel) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(channel), "127.0.0.1", 0, backlog=512)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(channel.requests, channel.connections, flush=True)


class QuickServer:
    """The same in a process of its own.

    Attributes:
        url: Of the channel.
    """

    def __init__(self, directory: Path, latency: float = 0.0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(directory), str(latency)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._process.stdout.readline().strip()

    def counts(self) -> tuple[int, int]:
        """(requests, connections) so far."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        requests, connections = self._process.stdout.readline().split()
        return int(requests), int(connections)

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Process(NamedTuple):
    """How a process went: seconds on the clock and of processor time, peak in MB, its output."""

    wall: float
    cpu: float
    peak: float
    text: str


def run_process(command: list[str], environment: dict[str, str] | None = None) -> Process:
    """Run a process. A child's peak begins with that of its parent: keep the parent small."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    text = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = 0
    assert status == 0, f"{command[:3]} failed"
    return Process(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text.strip())


if __name__ == "__main__":
    asyncio.run(serve(Channel(Path(sys.argv[1]), float(sys.argv[2]))))
