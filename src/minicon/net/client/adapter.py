"""BoundedAdapter: the connection pools of requests, with a limit on the wait for response headers.

A read timeout restarts with every byte, so a server that sends one byte now and then could hold a
request open forever. Here the timeout also runs from the request to the last header.
"""

from __future__ import annotations

import http.client
import io
import time

from requests.adapters import HTTPAdapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from ssl import SSLContext
    from typing import Any

    import urllib3.connectionpool

#: Idle connections kept per host; more may be opened, and are closed after use.
_KEPT_CONNECTIONS = 32
_KEPT_ORIGINS = 128
_BUFFER = 1 << 16


class BoundedAdapter(HTTPAdapter):
    """An adapter that keeps more connections than the default one and bounds the header wait.

    Args:
        header_timeout: Seconds from sending a request to its last response header.
        context: TLS context to use in place of the default trust store.
    """

    def __init__(self, header_timeout: float, context: SSLContext | None) -> None:
        self._header_timeout = header_timeout
        self._context = context
        super().__init__(pool_connections=_KEPT_ORIGINS, pool_maxsize=_KEPT_CONNECTIONS)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: D102
        if self._context is not None:
            kwargs["ssl_context"] = self._context
        super().init_poolmanager(*args, **kwargs)
        self._bound_headers(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: D102
        is_new = proxy not in self.proxy_manager
        if self._context is not None:
            kwargs["ssl_context"] = self._context
            if proxy.startswith("https:"):
                kwargs["proxy_ssl_context"] = self._context
        manager = super().proxy_manager_for(proxy, **kwargs)
        if is_new:
            self._bound_headers(manager)
        return manager

    def _bound_headers(self, manager: Any) -> None:
        # A manager for SOCKS proxies has pool classes of its own.
        manager.pool_classes_by_scheme = {
            scheme: _bounded_pool(pool, self._header_timeout)
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }


def _bounded_pool(pool: type[urllib3.connectionpool.HTTPConnectionPool], seconds: float) -> Any:
    """A subclass of a pool whose connections wait at most ``seconds`` for all headers."""

    class BoundedResponse(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            end = time.monotonic() + seconds
            super().__init__(_BoundedSocket(sock, end), *args, **kwargs)  # type: ignore[arg-type]

        def begin(self) -> None:
            super().begin()
            reader = getattr(self.fp, "raw", None)  # fp is None where the response has no body
            if isinstance(reader, _BoundedReader):
                reader.end = None

    connection = type("Connection", (pool.ConnectionCls,), {"response_class": BoundedResponse})
    return type("Pool", (pool,), {"ConnectionCls": connection})


class _BoundedSocket:
    """The part of a socket that http.client uses: ``makefile``."""

    def __init__(self, sock: socket.socket, end: float) -> None:
        self._socket = sock
        self._end = end

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        reader = _BoundedReader(self._socket.makefile("rb", buffering=0), self._end)
        return io.BufferedReader(reader, _BUFFER)


class _BoundedReader(io.RawIOBase):
    """Reads from a socket, and raises TimeoutError after ``end`` until that is set to None."""

    def __init__(self, raw: Any, end: float) -> None:
        self._raw = raw
        self.end: float | None = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.end is not None and time.monotonic() > self.end:
            raise TimeoutError("the headers took too long")
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
