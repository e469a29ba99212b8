"""A bound on how long a server may take to send its headers.

A read time-out starts anew with every byte, so a server that sends one byte now and then could
hold a request for ever. Here the time-out also counts from the first byte to the last header.
"""

from __future__ import annotations

import http.client
import io
import time

import urllib3.connectionpool

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

_BUFFER = 1 << 16


class _TimedReader(io.RawIOBase):
    """Reads from a socket until a moment, after which it refuses; the moment can be lifted."""

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


class _PatientSocket:
    """What http.client needs of a socket: a way to make a file of it."""

    def __init__(self, sock: socket.socket, end: float) -> None:
        self._socket = sock
        self._end = end

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        reader = _TimedReader(self._socket.makefile("rb", buffering=0), self._end)
        return io.BufferedReader(reader, _BUFFER)


Pools = dict[str, type[urllib3.connectionpool.HTTPConnectionPool]]


def patient_pools(pools: Pools, seconds: float) -> Pools:
    """The same pools by scheme, of connections that wait at most SECONDS for all headers together.

    Args:
        pools: urllib3's for the web, or for SOCKS proxies.
        seconds: From the first byte of the request to the last header of its answer.
    """

    class TimedResponse(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            end = time.monotonic() + seconds
            super().__init__(_PatientSocket(sock, end), *args, **kwargs)  # type: ignore[arg-type]

        def begin(self) -> None:
            super().begin()
            reader = getattr(self.fp, "raw", None)  # closed already where there is no body
            if isinstance(reader, _TimedReader):
                reader.end = None

    def patient(pool: type[urllib3.connectionpool.HTTPConnectionPool]) -> Any:
        connection = type("Connection", (pool.ConnectionCls,), {"response_class": TimedResponse})
        return type("Pool", (pool,), {"ConnectionCls": connection})

    return {scheme: patient(pool) for scheme, pool in pools.items()}
