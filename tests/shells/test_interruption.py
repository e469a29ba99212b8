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

    def __init__(self, shell: str, shell_home: ShellHome) -> None:
        environ = {**shell_home.variables(), "TERM": "dumb", "PS1": "$ "}
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvpe(RUNNERS[shell][0], [*RUNNERS[shell], "-i"], environ)
        self.seen = b""
        self.type(f". {shell_home.hook(shell)}")

    def type(self, line: str) -> None:
        os.write(self.descriptor, line.encode() + b"\n")

    def press(self, key: bytes) -> None:
        os.write(self.descriptor, key)

    def wait_for(self, path: Path) -> None:
        """Wait until a path exists, and read what the shell prints meanwhile."""
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
def test_interrupted_activation_is_undone(shell: str, level: int, tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    shell_home.environment("calm", state={"CALM": "1"})
    shell_home.environment(
        "slow", state={"SLOW": "1"}, scripts={f"activate.d/a.{suffix(shell)}": SLOW.format("in")}
    )
    terminal = Terminal(shell, shell_home)
    mine = {"bash": "PROMPT_COMMAND='true mine'"}
    try:
        terminal.type(mine.get(shell, ""))
        if level:
            terminal.type("minicon activate calm")
        terminal.type(f"env -0 > {shell_home.base}/dump-0")
        terminal.type("minicon activate slow")
        terminal.wait_for(shell_home.home / "in-started")
        terminal.press(b"\x03")
        terminal.type(f"env -0 > {shell_home.base}/dump-1; set > '{shell_home.base}/variables'")
        terminal.type(f"trap >> '{shell_home.base}/variables'")
        terminal.type(f"touch {shell_home.base}/done")
        terminal.wait_for(shell_home.base / "done")
    finally:
        terminal.close()
    assert shell_home.dumped("1") == shell_home.dumped("0")
    variables = (shell_home.base / "variables").read_text(errors="replace").splitlines()
    assert shell != "bash" or mine["bash"] in variables
    assert not [line for line in variables if line.startswith("trap ")]
    assert not [line for line in variables if line.startswith("__mc_")]


@shells("bash", "dash", "fish", "zsh")
def test_interrupted_deactivation_changes_nothing(shell: str, tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    shell_home.environment(
        "slow", state={"V": "1"}, scripts={f"deactivate.d/a.{suffix(shell)}": SLOW.format("out")}
    )
    terminal = Terminal(shell, shell_home)
    try:
        terminal.type("minicon activate slow")
        terminal.type(f"env -0 > {shell_home.base}/dump-0")
        terminal.type("minicon deactivate")
        terminal.wait_for(shell_home.home / "out-started")
        terminal.press(b"\x03")
        terminal.type(f"env -0 > {shell_home.base}/dump-1")
        terminal.type(f"touch {shell_home.base}/done")
        terminal.wait_for(shell_home.base / "done")
    finally:
        terminal.close()
    assert shell_home.dumped("1") == shell_home.dumped("0")
    assert shell_home.dumped("1")["CONDA_DEFAULT_ENV"] == "slow"
