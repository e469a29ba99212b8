"""SmallFiles: hundreds of small files from few servers, at the price that they should have.

A shard has some kilobytes, and a request hundreds of them. One thread tends all connections, and
it is the thread that waits for a file anyway: no thread hands anything to another, so nothing is
lost to the interpreter's lock. Requests are plain and so must answers be::

    ask ──► waits by priority ──► a connection is free ──► sent ──► whole, plain ──► Answer
                                                              └──► anything else ──► None

None means: ask a Fetcher. Redirects, proxies, retries, encodings, time limits and errors have
their one place there. A server that is not plain is not asked twice.
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
from minicon.net.small_files.connection import Answer, Connection, UnsuitedError
from minicon.net.small_files.server import FileRequest, Server, addresses_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ssl import SSLContext
    from typing import Any

    from minicon.net.credentials.store import CredentialStore

_LARGEST = 1 << 24
_PLAIN_URL = lazy_pattern(r"https?://[A-Za-z0-9.\-\[\]:]+/[A-Za-z0-9\-._~/?@!$&'()*+,;=%]*")
_PLAIN_VALUE = lazy_pattern(r"[ -~]*")
_BREATH = 0.25


def _nothing() -> bool:
    return False


class SmallFiles:
    """Asks for small files; see the module. Thread-safe.

    Args:
        credentials: Signs requests.
        has_proxy: Whether a URL goes through a proxy, which is left to Fetchers.
        make_context: Makes the TLS context when https is first used; None leaves https to them.
        user_agent: Value of that header.
        timeout: Seconds from a request to the end of its answer.
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
        self._open: set[Any] = set()  # connections, and what else has to be closed
        weakref.finalize(self, _close_all, self._open)
        self._lists = threading.Lock()  # of what waits
        self._turn = threading.Lock()  # of who tends the connections

    def ask(
        self,
        url: str,
        done: Callable[[FileRequest], None],
        headers: Mapping[str, str] | None = None,
        *,
        priority: int = 0,
    ) -> FileRequest | None:
        """Queue a request; None if it is not for here and a Fetcher must be asked.

        Args:
            url: http or https, without credentials.
            done: Called once, by whichever thread then tends the connections.
            headers: Further request headers.
            priority: Lower goes first.
        """
        origin = self._plain_origin(url)
        if origin is None:
            return None
        signed, secret_headers = self._credentials.sign(url.partition("#")[0])
        given = {**(headers or {}), **secret_headers}
        if not _PLAIN_URL.fullmatch(signed) or not all(map(_PLAIN_VALUE.fullmatch, given.values())):
            return None
        question = FileRequest(origin, self._request(signed, given), done)
        self.hasten(question, priority)
        return question

    def hasten(self, question: FileRequest, priority: int) -> None:
        """Let a request that still waits go earlier."""
        with self._lists:
            waiting = self._servers[question.origin].waiting
            heapq.heappush(waiting, (priority, next(self._order), question))
        if self._turn.locked() and self._wake is not None:
            with contextlib.suppress(OSError):
                self._wake[1].send(b"!")

    def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        meanwhile: Callable[[], bool] | None = None,
    ) -> Answer | None:
        """Ask, and wait; None means that a Fetcher must be asked.

        MEANWHILE is as for :meth:`wait`.
        """
        question = self.ask(url, lambda _: None, headers)
        if question is None:
            return None
        self.wait(lambda: question.is_done, meanwhile or _nothing)
        return question.answer

    def wait(self, is_over: Callable[[], bool], meanwhile: Callable[[], bool] = _nothing) -> None:
        """Tend the connections until something has happened.

        Args:
            is_over: Whether it has; it must follow from questions being done.
            meanwhile: Work for while nothing arrives; says whether there was some.
        """
        while not is_over():
            moved = False
            with self._turn:
                if not is_over():
                    moved = self._tend(0.0)
            if not moved and not is_over() and not meanwhile():
                with self._turn:
                    if not is_over():
                        self._tend(_BREATH)

    def nudge(self) -> None:
        """Send what can be sent now, without waiting for anything."""
        if self._turn.acquire(blocking=False):
            try:
                self._tend(0.0)
            finally:
                self._turn.release()

    def close(self) -> None:
        """Close all connections; what is under way, or waits, is cancelled."""
        with self._turn:
            for connection, question in list(self._busy.items()):
                self._drop(connection)
                question.cancel()
            self._busy.clear()
            for server in self._servers.values():
                while server.idle:
                    self._drop(server.idle.popleft())
                while (waiting := self._next(server)) is not None:
                    waiting.cancel()
                server.count = 0
            self._selector = self._wake = None
            _close_all(self._open)

    # What is asked for.

    def _plain_origin(self, url: str) -> Origin | None:
        """The origin of a URL that can be asked for here."""
        url = url.partition("#")[0]
        if not _PLAIN_URL.fullmatch(url):
            return None
        try:
            origin = Origin.of(url)
        except ValueError:
            return None
        with self._lists:
            server = self._servers.get(origin)
        if server is None:
            if self._has_proxy(url) or not self._is_trusted(origin):
                return None
            with self._lists:
                server = self._servers.setdefault(origin, Server())
        return None if server.is_unsuited else origin

    def _is_trusted(self, origin: Origin) -> bool:
        if origin.scheme == "https" and self._context is None:
            self._context = self._make_context()
        return origin.scheme == "http" or self._context is not None

    def _request(self, url: str, headers: Mapping[str, str]) -> bytes:
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

    # The connections; all of this by the thread whose turn it is.

    def _tend(self, seconds: float) -> bool:
        """One round: start what waits, take what arrived. Whether anything happened."""
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
        with self._lists:
            servers = [(origin, server) for origin, server in self._servers.items()]
        for origin, server in servers:
            while server.waiting:
                if server.is_unsuited:
                    self._give_up(server)
                    break
                connection = self._free_connection(origin, server)
                if connection is None:
                    break
                self._start(connection, server)

    def _start(self, connection: Connection, server: Server) -> None:
        """Give a free connection the next request."""
        question = self._next(server)
        if question is None:
            server.idle.append(connection)
            return
        self._busy[connection] = question
        question.deadline = time.monotonic() + self._timeout
        try:
            connection.send(question.request, _LARGEST)
        except OSError:
            self._fail(connection, question)
        else:
            self._watch(connection)

    def _next(self, server: Server) -> FileRequest | None:
        with self._lists:
            while server.waiting:
                question = heapq.heappop(server.waiting)[2]
                if not question.is_started:
                    question.is_started = True
                    return question
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
        question = self._busy.get(connection)
        if question is None:  # the server closed it while it was idle
            for server in self._servers.values():
                if connection in server.idle:
                    server.idle.remove(connection)
                    server.count -= 1
            self._drop(connection)
            return
        try:
            answer = connection.advance()
        except (OSError, UnsuitedError, ValueError):
            self._fail(connection, question)
            return
        if answer is None:
            self._watch(connection)
            return
        del self._busy[connection]
        server = self._servers[question.origin]
        if connection.is_reusable:
            server.idle.append(connection)
        else:
            self._drop(connection)
            server.closed(connection)
        question.finish(answer)

    def _fail(self, connection: Connection, question: FileRequest) -> None:
        """Give a connection up; its request is tried again only if nothing could be at fault."""
        server = self._servers[question.origin]
        self._busy.pop(connection, None)
        self._drop(connection)
        server.count -= 1
        if not connection.is_connected and server.addresses:
            server.addresses = server.addresses[1:]
        if connection.answered or (not connection.is_connected and server.addresses):
            # A kept-alive connection may be closed just as it is used (RFC 9112 §9.3.1).
            question.is_started = False
            self.hasten(question, 0)
            return
        server.odd_answers += 1
        question.finish(None)

    def _expire(self) -> None:
        now = time.monotonic()
        for connection, question in list(self._busy.items()):
            if question.deadline < now:
                connection.answered = 0
                self._servers[question.origin].odd_answers += 1  # silence costs the most
                self._fail(connection, question)

    def _give_up(self, server: Server) -> None:
        while (question := self._next(server)) is not None:
            question.finish(None)

    def _drop(self, connection: Connection) -> None:
        if self._selector is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(connection)
        self._open.discard(connection)
        connection.close()


def _close_all(opened: set[Any]) -> None:
    while opened:
        opened.pop().close()
