"""The state of SmallFiles: requested files, and the servers that they are requested from."""

from __future__ import annotations

import socket
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minicon.net.credentials.origin import Origin
    from minicon.net.small_files.connection import Connection, PlainResponse

#: Kept-alive connections to one server.
MOST_CONNECTIONS = 100
#: Connections at the same time to a server that closes each after one response.
MOST_SHORT_CONNECTIONS = 8
#: Failures of a server after which all of its files are left to a Fetcher.
_MOST_FAILURES = 4


class FileRequest:
    """A requested file.

    Attributes:
        response: The response, or None if a Fetcher must request the file; valid once
            :attr:`is_done`.
        is_done: Whether the outcome is known.
        is_cancelled: Whether the connections were closed, so that no one needs the file.
    """

    def __init__(self, origin: Origin, message: bytes, done: Callable[[FileRequest], None]) -> None:
        self.origin = origin
        self.message = message
        self.done = done
        self.is_started = False
        self.is_done = False
        self.is_cancelled = False
        self.response: PlainResponse | None = None
        self.deadline = 0.0

    def finish(self, response: PlainResponse | None) -> None:
        """Set the outcome, once."""
        if not self.is_done:
            self.response, self.is_done = response, True
            self.done(self)

    def cancel(self) -> None:
        """Give the request up; a Fetcher must not request the file either."""
        self.is_cancelled = True
        self.finish(None)


class Server:
    """An origin.

    Attributes:
        addresses: Its socket addresses, best first; None until resolved, empty if that failed.
        waiting: A heap of (priority, order, request).
        idle: Connections without a request.
        count: Number of connections.
        most: Limit of that number.
        failures: Number of failed connections and of responses that are not plain.
    """

    def __init__(self) -> None:
        self.addresses: list[tuple[int, Any]] | None = None
        self.waiting: list[tuple[int, int, FileRequest]] = []
        self.idle: deque[Connection] = deque()
        self.count = 0
        self.most = MOST_CONNECTIONS
        self.failures = 0

    @property
    def is_unsuited(self) -> bool:
        """Whether its files must be requested by a Fetcher."""
        return self.failures >= _MOST_FAILURES or self.addresses == []

    def closed(self, connection: Connection) -> None:
        """Note that the server closed a connection after a response."""
        self.count -= 1
        if connection.responses == 1:
            self.most = MOST_SHORT_CONNECTIONS


def addresses_of(origin: Origin) -> list[tuple[int, Any]]:
    """Resolve a host name into (family, address), best first; empty if it cannot be resolved."""
    try:
        found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter for labels that are empty or too long
        return []
    return [(family, address) for family, _, _, _, address in found]
