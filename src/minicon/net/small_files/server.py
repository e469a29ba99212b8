"""What SmallFiles knows of a server, and of the files that it was asked for."""

from __future__ import annotations

import socket
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minicon.net.credentials.origin import Origin
    from minicon.net.small_files.connection import Answer, Connection

#: Kept-alive connections to one server.
MOST_CONNECTIONS = 100
#: Connections at once to a server that closes each after one answer: it is a simple one.
MOST_SHORT_CONNECTIONS = 8
#: How often a server may answer in a way that is not plain.
_PATIENCE = 4


class FileRequest:
    """A file that was asked for.

    Attributes:
        answer: What came, or None where a Fetcher must be asked; valid once :attr:`is_done`.
        is_done: Whether it is known.
        is_cancelled: Whether it was given up because nobody wants it any more.
    """

    def __init__(self, origin: Origin, request: bytes, done: Callable[[FileRequest], None]) -> None:
        self.origin = origin
        self.request = request
        self.done = done
        self.is_started = False
        self.is_done = False
        self.is_cancelled = False
        self.answer: Answer | None = None
        self.deadline = 0.0

    def finish(self, answer: Answer | None) -> None:
        """Give it its answer, once."""
        if not self.is_done:
            self.answer, self.is_done = answer, True
            self.done(self)

    def cancel(self) -> None:
        """Give it up; who asked is told, so that it is asked for nowhere else."""
        self.is_cancelled = True
        self.finish(None)


class Server:
    """An origin.

    Attributes:
        addresses: Where it is, best first; None until looked up, empty if it is nowhere.
        waiting: A heap of (priority, order, question).
        idle: Connections that are free.
        count: How many connections there are.
        most: How many there may be at once.
        odd_answers: How many answers were not plain.
    """

    def __init__(self) -> None:
        self.addresses: list[tuple[int, Any]] | None = None
        self.waiting: list[tuple[int, int, FileRequest]] = []
        self.idle: deque[Connection] = deque()
        self.count = 0
        self.most = MOST_CONNECTIONS
        self.odd_answers = 0

    @property
    def is_unsuited(self) -> bool:
        """Whether it is no use to ask it here."""
        return self.odd_answers >= _PATIENCE or self.addresses == []

    def closed(self, connection: Connection) -> None:
        """Note that the server closed a connection after an answer."""
        self.count -= 1
        if connection.answered == 1:
            self.most = MOST_SHORT_CONNECTIONS


def addresses_of(origin: Origin) -> list[tuple[int, Any]]:
    """Where a host is, best first; none where its name cannot be resolved."""
    try:
        found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter of labels that are empty or too long
        return []
    return [(family, place) for family, _, _, _, place in found]
