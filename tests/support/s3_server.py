"""S3Server: a real S3 server (moto) in a process of its own, on loopback."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import botocore.session
import requests
from botocore.config import Config
from typing_extensions import Self

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "an-example-of-a-secret-key"


class S3Server:
    """Serves buckets on ``http://127.0.0.1:PORT``. Use as a context manager.

    Attributes:
        url: The endpoint.
        client: botocore's client, to fill buckets.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        wait_until_open(self.port, self._process)
        session = botocore.session.Session()
        session.set_credentials(KEY, SECRET)
        self.client = session.create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.url,
            config=Config(s3={"addressing_style": "path"}),
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self._process.kill()  # its data is not needed any more
        self._process.wait()

    def upload(self, folder: Path, bucket: str, path: str = "") -> None:
        """Upload all files of a directory into a new bucket."""
        with contextlib.suppress(self.client.exceptions.BucketAlreadyOwnedByYou):
            self.client.create_bucket(Bucket=bucket)
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                name = f"{path}/{file.relative_to(folder).as_posix()}".lstrip("/")
                self.client.put_object(Bucket=bucket, Key=name, Body=file.read_bytes())

    def options(self, bucket: str, **more: str) -> dict[str, dict[str, str]]:
        """Return ``s3_options`` for a bucket."""
        return {bucket: {"endpoint-url": self.url, "region": "us-east-1", **more}}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def wait_until_open(port: int, process: subprocess.Popen, seconds: float = 30.0) -> None:
    """Wait until a server listens. Raises if it ends."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        with contextlib.suppress(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{port}/", timeout=5)
            return
        time.sleep(0.05)
    raise AssertionError("the server did not start")
