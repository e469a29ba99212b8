"""ChannelServer: a real HTTP server on the loopback, with faults on demand.

::

    with ChannelServer(directory) as server:
        server.fault("/noarch/repodata.json", Status(503, retry_after="1"), times=2)
        client.index(channel_at(server.url), "noarch")
        assert server.count("/noarch/repodata.json") == 3

It serves files with ETag, Last-Modified, conditional requests and ranges, keeps connections
alive, and records every request with its headers, so that a test can check what was *not* sent.
"""

from __future__ import annotations

import contextlib
import email.utils
import fnmatch
import gzip
import hashlib
import http.server
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """One received request."""

    method: str
    path: str
    headers: dict[str, str]
    status: int = 0


class Fault:
    """A fault of one response; ``handler.answer`` is the response without it."""

    def apply(self, handler: Handler) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Status(Fault):
    """Respond with a status and a short text."""

    code: int
    retry_after: str | None = None
    body: bytes = b"no"
    headers: dict[str, str] = field(default_factory=dict)

    def apply(self, handler: Handler) -> None:
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers["Retry-After"] = self.retry_after
        body = b"" if self.code in (204, 304) else self.body
        handler.respond(self.code, body, headers)


@dataclass(frozen=True)
class Truncate(Fault):
    """Announce the whole body, send only its first bytes, close."""

    at: int

    def apply(self, handler: Handler) -> None:
        handler.respond_file(send=lambda body: body[: self.at], close=True)


@dataclass(frozen=True)
class CutWithoutLength(Fault):
    """Send the first bytes with no Content-Length, then close: complete for HTTP."""

    at: int

    def apply(self, handler: Handler) -> None:
        handler.respond_file(send=lambda body: body[: self.at], close=True, length=False)


@dataclass(frozen=True)
class Reset(Fault):
    """Send some bytes of the body, then reset the connection (RST)."""

    at: int = 0

    def apply(self, handler: Handler) -> None:
        handler.respond_file(send=lambda body: body[: self.at], close=True)
        handler.reset()


@dataclass(frozen=True)
class Disconnect(Fault):
    """Close before any response."""

    def apply(self, handler: Handler) -> None:
        handler.close_connection = True
        handler.reset()


@dataclass(frozen=True)
class Stall(Fault):
    """Send some bytes of the body and then nothing, for some seconds or until the server stops."""

    at: int = 0
    seconds: float = 30.0

    def apply(self, handler: Handler) -> None:
        handler.respond_file(send=lambda body: body[: self.at], close=True)
        handler.channel.stopping.wait(self.seconds)


@dataclass(frozen=True)
class StallHeaders(Fault):
    """Accept the request and never respond."""

    seconds: float = 30.0

    def apply(self, handler: Handler) -> None:
        handler.close_connection = True
        handler.channel.stopping.wait(self.seconds)


@dataclass(frozen=True)
class TrickleHeaders(Fault):
    """Send one header byte every few seconds, without end."""

    seconds: float = 0.05

    def apply(self, handler: Handler) -> None:
        handler.close_connection = True
        handler.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not handler.channel.stopping.wait(self.seconds):
            handler.write(b"x")


@dataclass(frozen=True)
class Slow(Fault):
    """Send the body slowly."""

    bytes_per_second: int

    def apply(self, handler: Handler) -> None:
        def trickle(body: bytes) -> bytes:
            step = max(1, self.bytes_per_second // 20)
            for start in range(0, len(body), step):
                if handler.channel.stopping.wait(step / self.bytes_per_second):
                    break
                handler.write(body[start : start + step])
            return b""

        handler.respond_file(send=trickle, close=True)


@dataclass(frozen=True)
class Delay(Fault):
    """Respond correctly after a delay."""

    seconds: float

    def apply(self, handler: Handler) -> None:
        handler.channel.stopping.wait(self.seconds)
        handler.serve_file()


@dataclass(frozen=True)
class WrongLength(Fault):
    """Announce a Content-Length that differs from what is sent."""

    difference: int

    def apply(self, handler: Handler) -> None:
        handler.respond_file(close=True, length_difference=self.difference)


@dataclass(frozen=True)
class Longer(Fault):
    """Send extra bytes after the file, and announce them."""

    extra: int = 1000

    def apply(self, handler: Handler) -> None:
        handler.respond_file(change=lambda body: body + b"x" * self.extra)


@dataclass(frozen=True)
class FlipBytes(Fault):
    """Change one byte in the middle; keep the length."""

    def apply(self, handler: Handler) -> None:
        def flip(body: bytes) -> bytes:
            middle = len(body) // 2
            return body[:middle] + bytes([body[middle] ^ 0xFF]) + body[middle + 1 :]

        handler.respond_file(change=flip)


@dataclass(frozen=True)
class Html(Fault):
    """Respond as a captive portal: a page with status 200."""

    body: bytes = b"<!DOCTYPE html><html><body>Please log in to this network</body></html>"

    def apply(self, handler: Handler) -> None:
        handler.respond(200, self.body, {"Content-Type": "text/html; charset=utf-8"})


@dataclass(frozen=True)
class GzipBomb(Fault):
    """Send a small gzip body that unpacks to a very large one."""

    unpacked: int = 200_000_000

    def apply(self, handler: Handler) -> None:
        body = gzip.compress(b" " * self.unpacked, 1)
        handler.respond(200, body, {"Content-Encoding": "gzip"})


@dataclass(frozen=True)
class Body(Fault):
    """Send another body in a correct response."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def apply(self, handler: Handler) -> None:
        handler.respond(200, self.body, dict(self.headers))


@dataclass(frozen=True)
class Redirect(Fault):
    """Redirect to another host, a file, or the same URL (a loop)."""

    location: str
    code: int = 302

    def apply(self, handler: Handler) -> None:
        handler.respond(self.code, b"", {"Location": self.location})


@dataclass(frozen=True)
class RedirectLoop(Fault):
    """Redirect to the same path without end."""

    def apply(self, handler: Handler) -> None:
        handler.respond(302, b"", {"Location": handler.path})


@dataclass(frozen=True)
class NotModified(Fault):
    """Respond with 304 even to unconditional requests."""

    def apply(self, handler: Handler) -> None:
        handler.respond(304, b"", {})


@dataclass(frozen=True)
class NoRange(Fault):
    """Ignore Range: respond with status 200 and the whole file."""

    def apply(self, handler: Handler) -> None:
        handler.respond_file(ranges=False)


@dataclass(frozen=True)
class BadRange(Fault):
    """Respond with 206 and another range than the requested one."""

    offset: int = 0

    def apply(self, handler: Handler) -> None:
        body = handler.file_bytes() or b""
        part = body[self.offset :]
        shown = f"bytes {self.offset}-{len(body) - 1}/{len(body)}"
        handler.respond(206, part, {"Content-Range": shown})


@dataclass(frozen=True)
class RawAnswer(Fault):
    """Send these bytes instead of an HTTP response, then close."""

    data: bytes

    def apply(self, handler: Handler) -> None:
        handler.close_connection = True
        handler.write(self.data)


class Handler(http.server.BaseHTTPRequestHandler):
    """Responds to GET and HEAD with files of a directory."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    channel: ChannelServer

    def setup(self) -> None:
        super().setup()
        self.channel.opened(self.connection)

    def do_GET(self) -> None:
        self.logged = False
        fault = self.channel.next_fault(self.path)
        if self.channel.latency:
            time.sleep(self.channel.latency)
        if not self.authorized():
            self.respond(401, b"who are you?", {"WWW-Authenticate": "Basic"})
        elif fault is not None:
            try:
                fault.apply(self)
            finally:
                if not self.logged:
                    self.note(0)
        else:
            self.serve_file()

    def do_HEAD(self) -> None:
        self.do_GET()

    def authorized(self) -> bool:
        wanted = self.channel.required_authorization
        return wanted is None or self.headers.get("Authorization") == wanted

    def file_bytes(self) -> bytes | None:
        relative = unquote(urlsplit(self.path).path).lstrip("/")
        path = (self.channel.directory / relative).resolve()
        if not path.is_relative_to(self.channel.directory.resolve()) or not path.is_file():
            return None
        return path.read_bytes()

    def serve_file(self) -> None:
        self.respond_file()

    def respond_file(
        self,
        *,
        change=None,
        send=None,
        close: bool = False,
        length: bool = True,
        length_difference: int = 0,
        ranges: bool = True,
    ) -> None:
        body = self.file_bytes()
        if body is None:
            self.respond(404, b"no such file")
            return
        headers = {"Accept-Ranges": "bytes"}
        if self.channel.etags:
            headers["ETag"] = '"' + hashlib.md5(body).hexdigest() + '"'
        if self.channel.last_modified:
            headers["Last-Modified"] = self.channel.last_modified
        if self.channel.cache_control:
            headers["Cache-Control"] = self.channel.cache_control
        if self.unchanged(headers):
            self.respond(304, b"", headers)
            return
        if change is not None:
            body = change(body)
        code, body = self.select_range(body, headers) if ranges else (200, body)
        self.respond(code, body, headers, send, close, length, length_difference)

    def unchanged(self, headers: dict[str, str]) -> bool:
        etag = self.headers.get("If-None-Match")
        if etag is not None:
            return etag == headers.get("ETag")
        since = self.headers.get("If-Modified-Since")
        return since is not None and since == headers.get("Last-Modified")

    def select_range(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        wanted = self.headers.get("Range", "")
        condition = self.headers.get("If-Range")
        known = (None, headers.get("ETag"), headers.get("Last-Modified"))
        if not wanted.startswith("bytes=") or condition not in known:
            return 200, body
        first, _, last = wanted[6:].partition("-")
        start = int(first) if first else max(len(body) - int(last), 0)
        end = min(int(last), len(body) - 1) if first and last else len(body) - 1
        if start >= len(body):
            headers["Content-Range"] = f"bytes */{len(body)}"
            return 416, b""
        headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
        return 206, body[start : end + 1]

    def respond(
        self,
        code: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        send=None,
        close: bool = False,
        length: bool = True,
        length_difference: int = 0,
    ) -> None:
        self.note(code)
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if length:
            self.send_header("Content-Length", str(len(body) + length_difference))
        if close or not length:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.flush()
        if self.command != "HEAD":
            self.write(send(body) if send else body)

    def write(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def note(self, status: int) -> None:
        self.logged = True
        request = Request(self.command, self.path, dict(self.headers.items()), status)
        self.channel.note(request)

    def log_message(self, *args: object) -> None:
        """Print nothing."""

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the fault closed the socket
            super().finish()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request, client_address) -> None:
        """Ignore errors of clients that disconnect and of faults that close sockets."""


class ChannelServer:
    """Serves a directory on http://127.0.0.1:PORT (https with TLS). Use as a context manager.

    Attributes:
        requests: All requests so far, in order.
        etags: Whether to send ETag.
        last_modified: Value of Last-Modified, or None.
        cache_control: Value of Cache-Control, or None.
        latency: Seconds added to each response.
        required_authorization: If set, any other Authorization header is refused with 401.
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        protocol: str = "HTTP/1.1",
    ) -> None:
        self.directory = Path(directory)
        self.requests: list[Request] = []
        self.connections = 0
        self.etags = True
        self.last_modified: str | None = email.utils.formatdate(1_700_000_000, usegmt=True)
        self.cache_control: str | None = None
        self.latency = 0.0
        self.required_authorization: str | None = None
        self.stopping = threading.Event()
        self._faults: list[tuple[str, Fault, list[float]]] = []
        self._lock = threading.Lock()
        fields = {"channel": self, "protocol_version": protocol}
        handler = type("BoundHandler", (Handler,), fields)
        self._server = _Server((host, 0), handler)
        self._scheme = "https" if tls else "http"
        if tls is not None:
            # The handshake is done in the thread of the connection, not in the one that accepts.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.daemon = True

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        """Return the base URL without a trailing slash."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def url_as(self, host: str) -> str:
        """Return the base URL with another host name (``localhost``): another origin."""
        return f"{self._scheme}://{host}:{self.port}"

    def fault(self, path: str, fault: Fault, times: float = float("inf")) -> None:
        """Apply a fault to the next ``times`` requests whose path matches a glob."""
        self._faults.append((path, fault, [times]))

    def clear_faults(self) -> None:
        self._faults.clear()

    def count(self, pattern: str = "*") -> int:
        """Return the number of requests that matched a glob."""
        return len(self.matching(pattern))

    def matching(self, pattern: str = "*") -> list[Request]:
        with self._lock:
            return [r for r in self.requests if fnmatch.fnmatchcase(r.path, pattern)]

    def forget(self) -> None:
        """Forget all requests."""
        with self._lock:
            self.requests.clear()

    def next_fault(self, path: str) -> Fault | None:
        with self._lock:
            for pattern, fault, left in self._faults:
                if left[0] > 0 and fnmatch.fnmatchcase(path, pattern):
                    left[0] -= 1
                    return fault
        return None

    def note(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1

    def start(self) -> ChannelServer:
        self._thread.start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
