"""One kept-alive connection that never blocks: what it may send, and what it has received.

It understands the plain answer only: HTTP/1.1 (or 1.0, after which the server closes), a
Content-Length, no content encoding. Anything else is an :class:`UnsuitedError`, upon which a
Fetcher is asked, which understands the rest.
"""

from __future__ import annotations

import selectors
import socket
from typing import NamedTuple

from minicon.net.client.headers import Headers, content_length

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext
    from typing import Any

#: Statuses whose meaning is the caller's affair; others (redirects, trouble) are not plain.
_PLAIN_STATUSES = (200, 206, 304, 404, 410, 416)
_PROTOCOLS = ("HTTP/1.1", "HTTP/1.0")
_LARGEST_HEAD = 1 << 16
_PIECE = 1 << 18


class Answer(NamedTuple):
    """A whole answer: status, headers, body."""

    status: int
    headers: Headers
    body: bytes


class UnsuitedError(Exception):
    """The server, or the way to it, is not plain."""


class Connection:
    """A connection to one address.

    Args:
        address: (family, socket address) as :func:`socket.getaddrinfo` gives them.
        host: Whom a TLS certificate must name.
        context: For https, or None.

    Attributes:
        interest: What a selector shall watch for.
        answered: How many answers came over it.
        is_reusable: Whether the server keeps it open after the last answer.

    Raises:
        OSError: At once, where there is no way to the address.
    """

    def __init__(self, address: tuple[int, Any], host: str, context: SSLContext | None) -> None:
        family, place = address
        self._host = host
        self._context = context
        self._socket: Any = socket.socket(family, socket.SOCK_STREAM)
        self._connected = self._secured = False
        self._outgoing = b""
        self._buffer = bytearray()
        self._limit = 0
        self.interest = selectors.EVENT_WRITE
        self.answered = 0
        self.is_reusable = True
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.connect_ex(place)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """For selectors."""
        number: int = self._socket.fileno()
        return number

    @property
    def is_connected(self) -> bool:
        """Whether the address has answered."""
        return self._connected

    def send(self, request: bytes, limit: int) -> None:
        """Send a request, as far as that is possible now; its body may have LIMIT bytes."""
        self._outgoing, self._limit = request, limit
        self._buffer.clear()
        if self._secured:
            self._push()

    def advance(self) -> Answer | None:
        """Do what is possible without waiting; the answer when it is whole.

        Raises:
            UnsuitedError: The answer is not a plain one.
            OSError: The connection failed.
        """
        if not self._secured and not self._secure():
            return None
        if self._outgoing and not self._push():
            return None
        return self._receive()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _secure(self) -> bool:
        """Whether the connection is ready for requests."""
        if not self._connected:
            problem = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if problem:
                raise OSError(problem, "connecting failed")
            self._connected = True
            if self._context is not None:
                self._socket = self._context.wrap_socket(
                    self._socket, server_hostname=self._host, do_handshake_on_connect=False
                )
        if self._context is not None and self._attempt(self._socket.do_handshake) is _NOT_YET:
            return False
        self._secured = True
        return True

    def _push(self) -> bool:
        """Whether the whole request is sent."""
        sent = self._attempt(self._socket.send, self._outgoing)
        if sent is not _NOT_YET:
            self._outgoing = self._outgoing[sent:]
            if not self._outgoing:
                self.interest = selectors.EVENT_READ
                return True
            self.interest = selectors.EVENT_WRITE
        return False

    def _receive(self) -> Answer | None:
        while True:
            piece = self._attempt(self._socket.recv, _PIECE)
            if piece is _NOT_YET:
                return None
            if not piece:
                raise OSError("the server closed the connection")
            self._buffer += piece
            answer = self._parse()
            if answer is not None:
                self.answered += 1
                return answer
            if len(piece) < _PIECE and self._context is None:
                return None

    def _attempt(self, function: Any, *arguments: Any) -> Any:
        """The function's result, or that it would have to wait."""
        try:
            return function(*arguments)
        except BlockingIOError:
            self.interest = selectors.EVENT_WRITE if self._outgoing else selectors.EVENT_READ
        except OSError as error:
            # Only TLS has these, and importing ssl for plain http would cost more than a request.
            if type(error).__name__ == "SSLWantReadError":
                self.interest = selectors.EVENT_READ
            elif type(error).__name__ == "SSLWantWriteError":
                self.interest = selectors.EVENT_WRITE
            else:
                raise
        return _NOT_YET

    def _parse(self) -> Answer | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _LARGEST_HEAD:
                raise UnsuitedError("endless headers")
            return None
        status, headers, is_kept = _head(bytes(self._buffer[:end]))
        length = 0 if status == 304 else content_length(headers)
        if status not in _PLAIN_STATUSES or length is None or "transfer-encoding" in headers:
            raise UnsuitedError("not plain")
        if length > self._limit:
            raise UnsuitedError("too large")
        have = len(self._buffer) - end - 4
        if have < length:
            return None
        self.is_reusable = is_kept and have == length
        return Answer(status, headers, bytes(self._buffer[end + 4 : end + 4 + length]))


_NOT_YET = object()


def _head(data: bytes) -> tuple[int, Headers, bool]:
    """Status, headers, and whether the server keeps the connection open (RFC 9112 §9.3).

    Raises:
        UnsuitedError: RFC 9112 does not allow it.
    """
    first, *lines = data.decode("latin-1").split("\r\n")
    protocol, _, rest = first.partition(" ")
    status = rest[:3]
    if protocol not in _PROTOCOLS or not (status.isascii() and status.isdecimal()):
        raise UnsuitedError("another protocol")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key = name.lower()
        if not colon or not name or name != name.strip() or (key in headers and key in _SINGLE):
            raise UnsuitedError("unusual headers")
        headers[key] = value.strip()
    is_kept = protocol == "HTTP/1.1" and "close" not in headers.get("connection", "").lower()
    return int(status), Headers(headers), is_kept


#: Headers that decide where a body ends: twice is once too often.
_SINGLE = ("content-length", "transfer-encoding")
