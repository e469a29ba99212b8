"""Ctrl-C at a terminal while package scripts run: the shell is left where it was."""

from __future__ import annotations

import os
import pty
import select
import signal
import time
from pathlib import Path

import pytest
from tests.support.shells import RUNNERS, ShellHome, shells


class Terminal:
    """An interactive shell at a pseudo terminal."""

    def __init__(self, shell: str, place: ShellHome) -> None:
        environ = {**place.variables(), "TERM": "dumb", "PS1": "$ "}
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvpe(RUNNERS[shell][0], [*RUNNERS[shell], "-i"], environ)
        self.seen = b""
        self.type(f". {place.hook(shell)}")

    def type(self, line: str) -> None:
        os.write(self.descriptor, line.encode() + b"\n")

    def press(self, key: bytes) -> None:
        os.write(self.descriptor, key)

    def wait_for(self, path: Path) -> None:
        """Until PATH is there; what the shell prints is read meanwhile."""
        stop = time.monotonic() + 10
        while not path.exists():
            assert time.monotonic() < stop, self.seen.decode(errors="replace")
            if select.select([self.descriptor], [], [], 0.02)[0]:
                self.seen += os.read(self.descriptor, 65536)
        time.sleep(0.2)  # let the command after it start

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.descriptor)


def suffix(shell: str) -> str:
    return "fish" if shell == "fish" else "sh"


SLOW = 'echo x > "$HOME/{0}-started"; sleep 20\n'


@shells("bash", "dash", "fish", "zsh")
@pytest.mark.parametrize("level", [0, 1])
def test_interrupted_activation_goes_back(shell: str, level: int, tmp_path: Path) -> None:
    place = ShellHome(tmp_path / "here")
    place.environment("calm", state={"CALM": "1"})
    place.environment(
        "slow", state={"SLOW": "1"}, scripts={f"activate.d/a.{suffix(shell)}": SLOW.format("in")}
    )
    terminal = Terminal(shell, place)
    mine = {"bash": "PROMPT_COMMAND='true mine'"}
    try:
        terminal.type(mine.get(shell, ""))
        if level:
            terminal.type("minicon activate calm")
        terminal.type(f"env -0 > {place.base}/dump-0")
        terminal.type("minicon activate slow")
        terminal.wait_for(place.home / "in-started")
        terminal.press(b"\x03")
        terminal.type(f"env -0 > {place.base}/dump-1; set > '{place.base}/variables'")
        terminal.type(f"trap >> '{place.base}/variables'")
        terminal.type(f"touch {place.base}/done")
        terminal.wait_for(place.base / "done")
    finally:
        terminal.close()
    assert place.dumped("1") == place.dumped("0")
    variables = (place.base / "variables").read_text(errors="replace").splitlines()
    assert shell != "bash" or mine["bash"] in variables
    assert not [line for line in variables if line.startswith("trap ")]
    assert not [line for line in variables if line.startswith("__mc_")]


@shells("bash", "dash", "fish", "zsh")
def test_interrupted_deactivation_stays(shell: str, tmp_path: Path) -> None:
    place = ShellHome(tmp_path / "here")
    place.environment(
        "slow", state={"V": "1"}, scripts={f"deactivate.d/a.{suffix(shell)}": SLOW.format("out")}
    )
    terminal = Terminal(shell, place)
    try:
        terminal.type("minicon activate slow")
        terminal.type(f"env -0 > {place.base}/dump-0")
        terminal.type("minicon deactivate")
        terminal.wait_for(place.home / "out-started")
        terminal.press(b"\x03")
        terminal.type(f"env -0 > {place.base}/dump-1")
        terminal.type(f"touch {place.base}/done")
        terminal.wait_for(place.base / "done")
    finally:
        terminal.close()
    assert place.dumped("1") == place.dumped("0")
    assert place.dumped("1")["CONDA_DEFAULT_ENV"] == "slow"
