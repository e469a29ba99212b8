"""ConnectProxy: a proxy on the loopback that supports only tunnels (CONNECT)."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import socketserver
import threading


class ConnectProxy:
    """Opens tunnels to any server. Use as a context manager.

    Attributes:
        targets: ``host:port`` of each requested tunnel.
        credentials: ``user:password`` that a client must send, or None.
    """

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.credentials: str | None = None
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                proxy.tunnel(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def tunnel(self, handler: socketserver.StreamRequestHandler) -> None:
        method, target, _ = handler.rfile.readline().decode().split(" ", 2)
        headers = {}
        while (line := handler.rfile.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        self.targets.append(target)
        if self.credentials is not None:
            expected = "Basic " + base64.b64encode(self.credentials.encode()).decode()
            if headers.get("proxy-authorization") != expected:
                handler.wfile.write(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
                return
        if method != "CONNECT":
            handler.wfile.write(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as other:
            handler.wfile.write(b"HTTP/1.1 200 Established\r\n\r\n")
            with contextlib.suppress(OSError):
                _carry(handler.connection, other)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class SocksProxy(ConnectProxy):
    """The same with the protocol SOCKS 5 (RFC 1928) without authentication."""

    def tunnel(self, handler: socketserver.StreamRequestHandler) -> None:
        read, write = handler.rfile.read, handler.wfile.write
        version, count = read(2)
        assert version == 5
        read(count)
        write(b"\x05\x00")
        _, command, _, kind = read(4)
        assert command == 1
        name = read(read(1)[0]).decode() if kind == 3 else socket.inet_ntoa(read(4))
        port = int.from_bytes(read(2), "big")
        self.targets.append(f"{name}:{port}")
        with socket.create_connection((name, port), timeout=10) as other:
            write(b"\x05\x00\x00\x01" + bytes(6))
            with contextlib.suppress(OSError):
                _carry(handler.connection, other)


def _carry(one: socket.socket, other: socket.socket) -> None:
    ends = {one: other, other: one}
    while True:
        for ready in select.select(list(ends), [], [], 10)[0]:
            data = ready.recv(65536)
            if not data:
                return
            ends[ready].sendall(data)
