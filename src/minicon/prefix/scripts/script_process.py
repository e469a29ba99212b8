"""Run one script's process with a time limit, keep the end of its output, end its children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import IO

_KEPT_BYTES = 1 << 16
_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class FinishedScript:
    """The exit status of a script, and the end of its output."""

    status: int
    output: str


def run_script(
    words: Sequence[str],
    *,
    variables: Mapping[str, str],
    folder: Path,
    timeout: float,
    is_supervised: bool,
) -> FinishedScript:
    """Run a program without a terminal, and end processes that it leaves behind.

    With the user's terminal, it could type commands for the user's shell (TIOCSTI).

    Args:
        words: Program and arguments.
        variables: All of its environment variables.
        folder: Its working directory.
        timeout: Seconds it may take.
        is_supervised: Whether the program is the supervisor of :mod:`.confinement`, which ends
            all its children. Otherwise only processes of its session are ended, and none on
            Windows.

    Raises:
        OSError: It cannot be started.
        subprocess.TimeoutExpired: It took too long and was killed.
    """
    process = subprocess.Popen(
        words,
        env=dict(variables),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=os.name == "posix",
    )
    assert process.stdout is not None
    output = _Output(process.stdout)
    try:
        if is_supervised and not output.ends_within(timeout):  # the supervisor ends last
            raise subprocess.TimeoutExpired(words, timeout)
        process.wait(timeout)
    finally:
        _end(process, is_supervised=is_supervised)
        output.ends_within(_GRACE if is_supervised else 0.1)
    return FinishedScript(process.returncode, output.text)


class _Output:
    """The end of a process's output, read while it runs."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._kept = b""
        # A process that keeps the pipe open must not block minicon, not even its exit.
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        return self._kept.decode(errors="replace")

    def ends_within(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _read(self) -> None:
        with self._pipe:
            while data := os.read(self._pipe.fileno(), _KEPT_BYTES):
                self._kept = (self._kept + data)[-_KEPT_BYTES:]


def _end(process: subprocess.Popen[bytes], *, is_supervised: bool) -> None:
    if is_supervised and process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    if not is_supervised and os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
        process.wait()
