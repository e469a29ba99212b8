"""Served: the real server as a process, over channels in a directory."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
from tests.support.commands import Workspace
from tests.support.packages import PackageBuilder


def team_channel(folder: Path) -> Path:
    """A channel with an application, its libraries, two platforms, and one noarch package."""
    from minicon.publish.channel_index import index_channel

    def build(builder: PackageBuilder) -> None:
        (folder / builder.actual_subdir).mkdir(parents=True, exist_ok=True)
        builder.build(folder)

    for subdir in ("linux-64", "osx-arm64"):
        for version in ("1.0", "2.0"):
            library = PackageBuilder("libfast").subdir(subdir).version(version)
            build(library.file("lib/fast", version * 100).index(license="MIT"))
        engine = PackageBuilder("engine").subdir(subdir).version("3.1").depends("libfast >=2")
        build(engine.file("lib/engine", "x" * 5000).index(license="BSD-3-Clause"))
        older = PackageBuilder("old-tool").subdir(subdir).depends("libfast <2")
        build(older.file("bin/old-tool", "x"))
    app = PackageBuilder("app").noarch("generic").version("0.9").depends("engine >=3", "data-files")
    build(app.file("share/app", "a").index(license="Apache-2.0"))
    build(PackageBuilder("data-files").noarch("generic").file("share/data", b"\0" * 400_000))
    linux = PackageBuilder("only-linux").subdir("linux-64").depends("libfast")
    build(linux.file("bin/x", "x"))
    index_channel(folder)
    return folder


@dataclass
class Served:
    """A running server.

    Attributes:
        url: Without a slash at its end.
        process: The server.
    """

    url: str
    process: subprocess.Popen[str]

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def listening_port(self) -> int:
        """Return the port that the process listens at, whatever URL it shows (Linux)."""
        sockets = set()
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                sockets.add(str(link.readlink()))
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and f"socket:[{rest[5]}]" in sockets:
                return int(local.partition(":")[2], 16)
        raise AssertionError("it listens at no port")

    def get(self, path: str, **options) -> requests.Response:
        session = requests.Session()
        session.trust_env = False
        with session:
            return session.get(self.url + path, timeout=60, allow_redirects=False, **options)

    def send(self, method: str, path: str, **options) -> requests.Response:
        session = requests.Session()
        session.trust_env = False
        with session:
            return session.request(method, self.url + path, timeout=60, **options)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=30)

    def raw(self, data: bytes) -> bytes:
        """Send bytes and return all bytes until the server closes the connection."""
        with self.connect() as connection:
            connection.sendall(data)
            found = b""
            with contextlib.suppress(ConnectionError):
                while chunk := connection.recv(1 << 16):
                    found += chunk
            return found


@contextlib.contextmanager
def serving(folder: Path, *arguments: object, **environ: str) -> Iterator[Served]:
    """Run ``minicon channel serve`` on a free port."""
    workspace = Workspace(folder, environ)
    process = subprocess.Popen(
        [sys.executable, "-m", "minicon", "channel", "serve", *map(str, arguments), "--port", "0"],
        env=workspace.variables,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if not line:
            _, errors = process.communicate(timeout=10)
            raise AssertionError(errors)
        yield Served(line.rpartition("/")[0], process)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


def wait_until(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
