"""Serve one directory with minicon and with nginx to many clients at once: is anything lost?

    python bench/serve_load.py [--clients 200] [--requests 50] [--runs 3]

Clients keep their connections and take turns between shards (2 kB) and packages (200 kB); every
byte is compared. They share the machine with the server, so processor time is what to compare: that
of the server alone. ``slow`` adds as many clients that send their request one byte at a time, or do
not read the response.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SHARDS, SHARD_SIZE = 50, 2_000
PACKAGES, PACKAGE_SIZE = 20, 200_000
SUBDIR = "linux-64"
NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {root}; disable_symlinks on; etag on; }}
}}
"""


@dataclass
class Result:
    wall: float
    cpu: float
    lost: int
    slowest: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--attack", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.attack:
        port, clients, requests, slow = map(int, arguments.attack)
        print(*asyncio.run(attack(port, clients, requests, slow)))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "channels")
        make_channel(root / "team" / SUBDIR)
        servers = {"minicon": minicon_server, "nginx": nginx_server}
        if shutil.which("nginx") is None:
            print("nginx is not installed")
            del servers["nginx"]
        rows: dict[tuple[str, str], list[Result]] = {}
        for _ in range(arguments.runs):
            for kind in ("", "slow"):
                for name, start in servers.items():
                    found = measure(start, Path(folder), root, arguments, slow=bool(kind))
                    rows.setdefault((name, kind), []).append(found)
    total = arguments.clients * arguments.requests
    print(f"{'':16}{'requests/s':>12}{'server cpu':>12}{'slowest':>10}{'lost':>6}{'× cpu':>8}")
    for (name, kind), results in rows.items():
        wall, cpu, slowest = (
            statistics.median(getattr(each, field) for each in results)
            for field in ("wall", "cpu", "slowest")
        )
        peer = rows.get(("nginx", kind), results)
        ratio = cpu / statistics.median(each.cpu for each in peer)
        lost = sum(each.lost for each in results)
        label = f"{name}{', slow' if kind else ''}"
        print(f"{label:16}{total / wall:12.0f}{cpu:11.2f}s{slowest:9.2f}s{lost:6}{ratio:8.1f}")


def make_channel(folder: Path) -> None:
    (folder / "shards").mkdir(parents=True)
    for path, size in files():
        (folder / path).write_bytes(content(path, size))
    (folder / "repodata.json").write_text("{}")


def files() -> list[tuple[str, int]]:
    names = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(SHARDS)]
    shards = [(f"shards/{name}.msgpack.zst", SHARD_SIZE) for name in names]
    return shards + [(f"package-{n}-0.conda", PACKAGE_SIZE) for n in range(PACKAGES)]


def content(path: str, size: int) -> bytes:
    return hashlib.shake_128(path.encode()).digest(size)


def minicon_server(folder: Path, root: Path) -> tuple[subprocess.Popen, int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "minicon", "channel", "serve", str(root / "team"), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MINICON_ROOT": str(folder / "root"), "HOME": str(folder)},
    )
    assert process.stdout is not None
    url = process.stdout.readline()
    return process, int(url.rsplit(":", 1)[1].split("/")[0])


def nginx_server(folder: Path, root: Path) -> tuple[subprocess.Popen, int]:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port, root=root))
    process = subprocess.Popen(["nginx", "-c", str(configuration), "-p", str(folder)])
    time.sleep(0.5)
    return process, port


def measure(start, folder: Path, root: Path, arguments, *, slow: bool) -> Result:
    process, port = start(folder, root)
    try:
        before = processor_time(process.pid)
        many = str(arguments.clients if slow else 0)
        order = [str(port), str(arguments.clients), str(arguments.requests), many]
        answer = subprocess.run(
            [sys.executable, __file__, "--attack", *order],
            capture_output=True,
            text=True,
            check=True,
        )
        wall, lost, slowest = answer.stdout.split()
        cpu = processor_time(process.pid) - before
        return Result(float(wall), cpu, int(lost), float(slowest))
    finally:
        process.terminate()
        process.wait(30)


def processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


async def attack(port: int, clients: int, requests: int, slow: int) -> tuple[float, int, float]:
    """Return the seconds that all requests took, how many were lost, and the longest of them."""
    expected = {path: content(path, size) for path, size in files()}
    order = list(expected)
    idle = [asyncio.ensure_future(be_slow(port, number)) for number in range(slow)]
    if slow:
        await asyncio.sleep(0.5)
    begin = time.perf_counter()
    work = (client(port, number, requests, order, expected) for number in range(clients))
    results = await asyncio.gather(*work)
    wall = time.perf_counter() - begin
    for each in idle:
        each.cancel()
    return wall, sum(lost for lost, _ in results), max(slowest for _, slowest in results)


async def client(port: int, number: int, requests: int, order, expected) -> tuple[int, float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    lost, slowest = 0, 0.0
    for turn in range(requests):
        path = order[(number * 7 + turn) % len(order)]
        begin = time.perf_counter()
        try:
            line = f"GET /team/{SUBDIR}/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            writer.write(line.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(each.split(b":")[1])
                for each in head.split(b"\r\n")
                if each.lower().startswith(b"content-length")
            )
            body = await reader.readexactly(length)
            lost += body != expected[path] or not head.startswith(b"HTTP/1.1 200")
        except (OSError, EOFError, StopIteration):
            lost += 1
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        slowest = max(slowest, time.perf_counter() - begin)
    writer.close()
    return lost, slowest


async def be_slow(port: int, number: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    if number % 2:
        request = f"GET /team/{SUBDIR}/package-0-0.conda HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        writer.write(request * 100)
    for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"y" * 10_000:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    main()
