"""A channel on the loopback, served by a process of its own.

Of its own, so that it does not share an interpreter with what is measured, and because a child's
peak memory begins with that of its parent: the process that starts measurements stays small.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent

_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.support.channel_server import ChannelServer
with ChannelServer(sys.argv[2]) as server:
    server.cache_control = "max-age=3600"
    server.latency = float(sys.argv[3])
    print(server.url, flush=True)
    for _ in sys.stdin:
        print(len(server.requests), flush=True)
"""


class ChannelProcess:
    def __init__(self, directory: Path, latency: float = 0.0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(ROOT), str(directory), str(latency)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._process.stdout.readline().strip()

    def requests(self) -> int:
        """How many there were so far."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def run_process(command: list[str], environment: dict[str, str] | None = None):
    """Run a process: seconds, peak memory in MB, what it printed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    text = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = 0
    assert status == 0, f"{command[:3]} failed"
    return seconds, usage.ru_maxrss / 1024, text.strip()
