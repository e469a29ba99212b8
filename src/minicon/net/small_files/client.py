"""SmallFiles: request hundreds of small files from few servers at little cost.

A shard has some kilobytes, and a command needs hundreds of them. The thread that waits for a file
polls all connections: no thread hands work to another, so none waits for the interpreter's lock.
Requests are plain and so must responses be::

    submit ──► queued by priority ──► connection free ──► sent ──► complete, plain ──► PlainResponse
                                                            └────► anything else ────► None

None means that a Fetcher must request the file: redirects, proxies, retries, encodings, timeouts
and errors are implemented only there. A server that is not plain is soon left to it entirely.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import selectors
import socket
import threading
import time
import weakref
from urllib.parse import urlsplit

from minicon.lazy_pattern import lazy_pattern
from minicon.net.credentials.origin import Origin
from minicon.net.small_files.connection import Connection, PlainResponse, UnsuitedError
from minicon.net.small_files.server import FileRequest, Server, addresses_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ssl import SSLContext
    from typing import Any

    from minicon.net.credentials.store import CredentialStore

#: Most bytes of one file.
_LARGEST = 1 << 24
_PLAIN_URL = lazy_pattern(r"https?://[A-Za-z0-9.\-\[\]:]+/[A-Za-z0-9\-._~/?@!$&'()*+,;=%]*")
_PLAIN_VALUE = lazy_pattern(r"[ -~]*")
#: Seconds between two checks of deadlines.
_POLL_SECONDS = 0.25


def _no_work() -> bool:
    return False


class SmallFiles:
    """Requests small files; see the module. Thread-safe.

    Args:
        credentials: Signs requests.
        has_proxy: Whether a URL is requested through a proxy, which is left to a Fetcher.
        make_context: Makes the TLS context on first use of https; if it returns None, https is
            left to a Fetcher.
        user_agent: Value of the ``User-Agent`` header.
        timeout: Seconds from sending a request to the end of its response.
    """

    def __init__(
        self,
        credentials: CredentialStore,
        *,
        has_proxy: Callable[[str], bool],
        make_context: Callable[[], SSLContext | None],
        user_agent: str,
        timeout: float = 60.0,
    ) -> None:
        self._credentials = credentials
        self._has_proxy = has_proxy
        self._make_context = make_context
        self._user_agent = user_agent
        self._timeout = timeout
        self._context: SSLContext | None = None
        self._servers: dict[Origin, Server] = {}
        self._busy: dict[Connection, FileRequest] = {}
        self._order = itertools.count()
        self._selector: selectors.BaseSelector | None = None
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self._open: set[Any] = set()  # connections, the selector and its wake-up sockets
        weakref.finalize(self, _close_all, self._open)
        self._queues = threading.Lock()  # guards the servers' queues
        self._polling = threading.Lock()  # held by the thread that polls the connections

    def submit(
        self,
        url: str,
        done: Callable[[FileRequest], None],
        headers: Mapping[str, str] | None = None,
        *,
        priority: int = 0,
    ) -> FileRequest | None:
        """Queue a request; None if a Fetcher must request the file.

        Args:
            url: http or https, without credentials.
            done: Called once, in whichever thread polls the connections then.
            headers: Additional request headers.
            priority: Lower is sent first.
        """
        origin = self._plain_origin(url)
        if origin is None:
            return None
        signed, secret_headers = self._credentials.sign(url.partition("#")[0])
        given = {**(headers or {}), **secret_headers}
        if not _PLAIN_URL.fullmatch(signed) or not all(map(_PLAIN_VALUE.fullmatch, given.values())):
            return None
        request = FileRequest(origin, self._message(signed, given), done)
        self.prioritize(request, priority)
        return request

    def prioritize(self, request: FileRequest, priority: int) -> None:
        """Send a queued request earlier."""
        with self._queues:
            waiting = self._servers[request.origin].waiting
            heapq.heappush(waiting, (priority, next(self._order), request))
        if self._polling.locked() and self._wake is not None:
            with contextlib.suppress(OSError):
                self._wake[1].send(b"!")

    def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        meanwhile: Callable[[], bool] | None = None,
    ) -> PlainResponse | None:
        """Request a file and wait for it; None if a Fetcher must request it.

        Args:
            url: As for :meth:`submit`.
            headers: As for :meth:`submit`.
            meanwhile: As for :meth:`wait`.
        """
        request = self.submit(url, lambda _: None, headers)
        if request is None:
            return None
        self.wait(lambda: request.is_done, meanwhile or _no_work)
        return request.response

    def wait(self, is_over: Callable[[], bool], meanwhile: Callable[[], bool] = _no_work) -> None:
        """Poll the connections until a condition holds.

        Args:
            is_over: The condition, which must follow from requests being done.
            meanwhile: Called while nothing arrives; returns whether it had work to do.
        """
        while not is_over():
            was_ready = False
            with self._polling:
                if not is_over():
                    was_ready = self._poll(0.0)
            if not was_ready and not is_over() and not meanwhile():
                with self._polling:
                    if not is_over():
                        self._poll(_POLL_SECONDS)

    def poll(self) -> None:
        """Send and receive what is possible without waiting."""
        if self._polling.acquire(blocking=False):
            try:
                self._poll(0.0)
            finally:
                self._polling.release()

    def close(self) -> None:
        """Close all connections and cancel all requests."""
        with self._polling:
            for connection, request in list(self._busy.items()):
                self._drop(connection)
                request.cancel()
            self._busy.clear()
            for server in self._servers.values():
                while server.idle:
                    self._drop(server.idle.popleft())
                while (waiting := self._next(server)) is not None:
                    waiting.cancel()
                server.count = 0
            self._selector = self._wake = None
            _close_all(self._open)

    # Requests.

    def _plain_origin(self, url: str) -> Origin | None:
        """The origin of a URL that can be requested here, else None."""
        url = url.partition("#")[0]
        if not _PLAIN_URL.fullmatch(url):
            return None
        try:
            origin = Origin.of(url)
        except ValueError:
            return None
        with self._queues:
            server = self._servers.get(origin)
        if server is None:
            if self._has_proxy(url) or not self._is_trusted(origin):
                return None
            with self._queues:
                server = self._servers.setdefault(origin, Server())
        return None if server.is_unsuited else origin

    def _is_trusted(self, origin: Origin) -> bool:
        if origin.scheme == "https" and self._context is None:
            self._context = self._make_context()
        return origin.scheme == "http" or self._context is not None

    def _message(self, url: str, headers: Mapping[str, str]) -> bytes:
        parts = urlsplit(url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        lines = {
            "Host": parts.netloc,
            "User-Agent": self._user_agent,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            **headers,
        }
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"GET {target} HTTP/1.1\r\n{text}\r\n".encode("ascii")

    # Connections; only the thread that holds ``_polling`` runs these methods.

    def _poll(self, seconds: float) -> bool:
        """Send queued requests and receive responses; whether any connection was ready."""
        selector = self._selector or self._begin()
        self._start_waiting()
        events = selector.select(seconds if self._busy else min(seconds, 0.01))
        for key, _ in events:
            if isinstance(key.data, Connection):
                self._advance(key.data)
            else:
                key.data.recv(4096)
        self._start_waiting()
        if not events:
            self._expire()
        return bool(events)

    def _begin(self) -> selectors.BaseSelector:
        selector = self._selector = selectors.DefaultSelector()
        self._wake = socket.socketpair()
        for end in self._wake:
            end.setblocking(False)
        selector.register(self._wake[0], selectors.EVENT_READ, self._wake[0])
        self._open.update((selector, *self._wake))
        return selector

    def _start_waiting(self) -> None:
        with self._queues:
            servers = [(origin, server) for origin, server in self._servers.items()]
        for origin, server in servers:
            while server.waiting:
                if server.is_unsuited:
                    self._refuse_all(server)
                    break
                connection = self._free_connection(origin, server)
                if connection is None:
                    break
                self._start(connection, server)

    def _start(self, connection: Connection, server: Server) -> None:
        """Send the next request over a free connection."""
        request = self._next(server)
        if request is None:
            server.idle.append(connection)
            return
        self._busy[connection] = request
        request.deadline = time.monotonic() + self._timeout
        try:
            connection.send(request.message, _LARGEST)
        except OSError:
            self._fail(connection, request)
        else:
            self._watch(connection)

    def _next(self, server: Server) -> FileRequest | None:
        with self._queues:
            while server.waiting:
                request = heapq.heappop(server.waiting)[2]
                if not request.is_started:
                    request.is_started = True
                    return request
        return None

    def _free_connection(self, origin: Origin, server: Server) -> Connection | None:
        if server.idle:
            return server.idle.pop()
        if server.count >= server.most:
            return None
        if server.addresses is None:
            server.addresses = addresses_of(origin)
        context = self._context if origin.scheme == "https" else None
        while server.addresses:
            with contextlib.suppress(OSError):
                connection = Connection(server.addresses[0], origin.host, context)
                server.count += 1
                self._open.add(connection)
                return connection
            server.addresses = server.addresses[1:]
        return None

    def _watch(self, connection: Connection) -> None:
        assert self._selector is not None
        try:
            key = self._selector.get_key(connection)
        except KeyError:
            self._selector.register(connection, connection.interest, connection)
        else:
            if key.events != connection.interest:
                self._selector.modify(connection, connection.interest, connection)

    def _advance(self, connection: Connection) -> None:
        request = self._busy.get(connection)
        if request is None:  # the server closed an idle connection
            for server in self._servers.values():
                if connection in server.idle:
                    server.idle.remove(connection)
                    server.count -= 1
            self._drop(connection)
            return
        try:
            response = connection.advance()
        except (OSError, UnsuitedError, ValueError):
            self._fail(connection, request)
            return
        if response is None:
            self._watch(connection)
            return
        del self._busy[connection]
        server = self._servers[request.origin]
        if connection.is_reusable:
            server.idle.append(connection)
        else:
            self._drop(connection)
            server.closed(connection)
        request.finish(response)

    def _fail(self, connection: Connection, request: FileRequest) -> None:
        """Close a connection; retry its request only if the server need not be at fault."""
        server = self._servers[request.origin]
        self._busy.pop(connection, None)
        self._drop(connection)
        server.count -= 1
        if not connection.is_connected and server.addresses:
            server.addresses = server.addresses[1:]
        if connection.responses or (not connection.is_connected and server.addresses):
            # A kept-alive connection may be closed just as it is used (RFC 9112 §9.3.1).
            request.is_started = False
            self.prioritize(request, 0)
            return
        server.failures += 1
        request.finish(None)

    def _expire(self) -> None:
        now = time.monotonic()
        for connection, request in list(self._busy.items()):
            if request.deadline < now:
                connection.responses = 0
                self._servers[request.origin].failures += 1  # a timeout counts twice
                self._fail(connection, request)

    def _refuse_all(self, server: Server) -> None:
        while (request := self._next(server)) is not None:
            request.finish(None)

    def _drop(self, connection: Connection) -> None:
        if self._selector is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(connection)
        self._open.discard(connection)
        connection.close()


def _close_all(opened: set[Any]) -> None:
    while opened:
        opened.pop().close()
