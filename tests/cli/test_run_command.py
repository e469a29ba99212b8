"""``run`` is its command: input, output, exit code and signals. A process each: kept few."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from tests.support.commands import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with an empty environment ``data`` that has one command."""
    workspace = Workspace(tmp_path)
    prefix = workspace.environment("data")
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "history").write_text("")
    command = prefix / "bin" / "say"
    command.parent.mkdir()
    command.write_text('#!/bin/sh\necho "$CONDA_DEFAULT_ENV: $*"\n')
    command.chmod(0o755)
    return workspace


def test_by_name_and_by_path(workspace: Workspace) -> None:
    assert workspace.run("run", "-n", "data", "say", "-n", "x").ok().out == "data: -n x\n"
    path = str(workspace.environment("data"))
    said = workspace.run("run", "-p", path, "--cwd", "/", "--", "sh", "-c", "pwd").ok()
    assert said.out == "/\n"


def test_exit_code_and_input_are_those_of_the_command(workspace: Workspace) -> None:
    assert workspace.run("run", "-n", "data", "sh", "-c", "exit 7").code == 7
    read = workspace.run("run", "-n", "data", "cat", typed="through\n").ok()
    assert read.out == "through\n"


def test_commands_that_cannot_be_run(workspace: Workspace) -> None:
    missing = workspace.run("run", "-n", "data", "no-such-command")
    assert missing.code == 127
    assert "command not found" in missing.err
    assert workspace.run("run", "-n", "data").code == 2
    assert workspace.run("run", "-n", "data", "--cwd", "/nowhere", "say").code == 1
    (workspace.environment("data") / "bin" / "broken").write_text("#!/no/such/program\n")
    (workspace.environment("data") / "bin" / "broken").chmod(0o755)
    assert workspace.run("run", "-n", "data", "broken").code in (126, 127)


def test_signals_reach_the_command(workspace: Workspace) -> None:
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\n"
        "time.sleep(30)\n"
    )
    process = workspace.start("run", "-n", "data", sys.executable, "-c", program)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 42
