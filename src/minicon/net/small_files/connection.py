"""One kept-alive, non-blocking connection: sends a request, parses the response.

It supports plain responses only: HTTP/1.1 (or 1.0, after which the server closes), a
Content-Length, no content encoding. Anything else raises :class:`UnsuitedError`, upon which a
Fetcher, which supports the rest, requests the file.
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

#: Statuses that are left to the caller; others (redirects, failures) are not plain.
_PLAIN_STATUSES = (200, 206, 304, 404, 410, 416)
_PROTOCOLS = ("HTTP/1.1", "HTTP/1.0")
_LARGEST_HEAD = 1 << 16
_CHUNK = 1 << 18


class PlainResponse(NamedTuple):
    """A complete response: status, headers, body."""

    status: int
    headers: Headers
    body: bytes


class UnsuitedError(Exception):
    """The server, or a proxy before it, does not respond with plain HTTP."""


class Connection:
    """A connection to one address.

    Args:
        address: (family, socket address) as :func:`socket.getaddrinfo` gives them.
        host: Name that the TLS certificate must contain.
        context: For https, or None.

    Attributes:
        interest: Events that a selector must watch for.
        responses: Number of responses received over it.
        is_reusable: Whether the server keeps it open after the last response.

    Raises:
        OSError: The address cannot be reached at all.
    """

    def __init__(self, address: tuple[int, Any], host: str, context: SSLContext | None) -> None:
        family, target = address
        self._host = host
        self._context = context
        self._socket: Any = socket.socket(family, socket.SOCK_STREAM)
        self._connected = self._secured = False
        self._outgoing = b""
        self._buffer = bytearray()
        self._limit = 0
        self.interest = selectors.EVENT_WRITE
        self.responses = 0
        self.is_reusable = True
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.connect_ex(target)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """The file descriptor, for selectors."""
        number: int = self._socket.fileno()
        return number

    @property
    def is_connected(self) -> bool:
        """Whether the connection is established."""
        return self._connected

    def send(self, message: bytes, limit: int) -> None:
        """Send a request as far as possible without waiting.

        Args:
            message: The request.
            limit: Most bytes of the response's body.
        """
        self._outgoing, self._limit = message, limit
        self._buffer.clear()
        if self._secured:
            self._push()

    def advance(self) -> PlainResponse | None:
        """Do what is possible without waiting; return the response once it is complete.

        Raises:
            UnsuitedError: The response is not plain.
            OSError: The connection failed.
        """
        if not self._secured and not self._secure():
            return None
        if self._outgoing and not self._push():
            return None
        return self._receive()

    def close(self) -> None:
        """Close the connection."""
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
        """Whether the complete request is sent."""
        sent = self._attempt(self._socket.send, self._outgoing)
        if sent is not _NOT_YET:
            self._outgoing = self._outgoing[sent:]
            if not self._outgoing:
                self.interest = selectors.EVENT_READ
                return True
            self.interest = selectors.EVENT_WRITE
        return False

    def _receive(self) -> PlainResponse | None:
        while True:
            chunk = self._attempt(self._socket.recv, _CHUNK)
            if chunk is _NOT_YET:
                return None
            if not chunk:
                raise OSError("the server closed the connection")
            self._buffer += chunk
            response = self._parse()
            if response is not None:
                self.responses += 1
                return response
            if len(chunk) < _CHUNK and self._context is None:
                return None

    def _attempt(self, function: Any, *arguments: Any) -> Any:
        """Call a function; return its result, or :data:`_NOT_YET` if it would block."""
        try:
            return function(*arguments)
        except BlockingIOError:
            self.interest = selectors.EVENT_WRITE if self._outgoing else selectors.EVENT_READ
        except OSError as error:
            # Only TLS raises these; importing ssl for plain http would cost more than a request.
            if type(error).__name__ == "SSLWantReadError":
                self.interest = selectors.EVENT_READ
            elif type(error).__name__ == "SSLWantWriteError":
                self.interest = selectors.EVENT_WRITE
            else:
                raise
        return _NOT_YET

    def _parse(self) -> PlainResponse | None:
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
        received = len(self._buffer) - end - 4
        if received < length:
            return None
        self.is_reusable = is_kept and received == length
        return PlainResponse(status, headers, bytes(self._buffer[end + 4 : end + 4 + length]))


#: Returned in place of a result that is not known without waiting.
_NOT_YET = object()


def _head(data: bytes) -> tuple[int, Headers, bool]:
    """Parse status, headers, and whether the connection stays open (RFC 9112 §9.3).

    Raises:
        UnsuitedError: The response violates RFC 9112.
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


#: Headers that decide where a body ends and must not occur twice.
_SINGLE = ("content-length", "transfer-encoding")
