"""`minicon run` and `minicon shell` leave terminal, signals, input and exit code to the command."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.shells import SOURCE, ShellHome

MINICON = [
    sys.executable,
    "-ISc",
    (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); sys.argv[0] = 'minicon'\n"
        "from minicon.__main__ import main; sys.exit(main())"
    ),
]
#: With package scripts one sh comes first; without, the command follows at once.
SCRIPTS = [{}, {"activate.d/a.sh": "export FROM_SCRIPT=yes\n"}]
both_ways = pytest.mark.parametrize("scripts", SCRIPTS, ids=["direct", "scripts"])


@pytest.fixture
def shell_home(tmp_path: Path) -> ShellHome:
    return ShellHome(tmp_path / "here")


def run(
    shell_home: ShellHome, *words: str, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*MINICON, "run", "-n", "data", *words],
        input=stdin,
        capture_output=True,
        env=shell_home.variables(),
        timeout=30,
        check=False,
    )


def at_terminal(
    shell_home: ShellHome, words: list[str], typed: bytes, **more: str
) -> tuple[bytes, int]:
    """Run a command at a terminal, type when it prints ``ready``; return output and status."""
    child, descriptor = pty.fork()
    if child == 0:
        os.execve(words[0], words, {**shell_home.variables(), "TERM": "dumb", **more})
    seen = b""
    while b"ready" not in seen:
        seen += os.read(descriptor, 4096)
    os.write(descriptor, typed)
    try:
        while piece := os.read(descriptor, 4096):
            seen += piece
    except OSError:  # Linux: the other end is closed
        pass
    _, status = os.waitpid(child, 0)
    os.close(descriptor)
    return seen, status


@both_ways
def test_every_byte_of_the_input_arrives(shell_home: ShellHome, scripts: dict[str, str]) -> None:
    shell_home.environment("data", scripts=scripts)
    data = bytes(range(256)) * 2000
    done = run(shell_home, "cat", stdin=data)
    assert (done.returncode, done.stdout, done.stderr) == (0, data, b"")


@both_ways
def test_a_signal_that_ends_the_command_is_reported_as_by_a_shell(
    shell_home: ShellHome, scripts: dict[str, str]
) -> None:
    shell_home.environment("data", scripts=scripts)
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGPIPE, signal.SIGINT):
        assert run(shell_home, "sh", "-c", f"kill -{int(number)} $$").returncode == -number
    done = subprocess.run(
        ["sh", "-c", '"$@"; echo $?', "sh", *MINICON, "run", "-n", "data", "sh", "-c", "kill $$"],
        capture_output=True,
        env=shell_home.variables(),
        check=False,
    )
    assert done.stdout.split() == [b"143"]  # 128 + SIGTERM


@both_ways
def test_signals_reach_the_command(shell_home: ShellHome, scripts: dict[str, str]) -> None:
    shell_home.environment("data", scripts=scripts)
    loop = "trap 'echo got; exit 9' TERM HUP; echo ready; while :; do sleep 0.02; done"
    for number in (signal.SIGTERM, signal.SIGHUP):
        child = subprocess.Popen(
            [*MINICON, "run", "-n", "data", "sh", "-c", loop],
            stdout=subprocess.PIPE,
            env=shell_home.variables(),
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(number)
        rest, _ = child.communicate(timeout=20)
        assert (rest, child.returncode) == (b"got\n", 9)


@both_ways
def test_a_closed_pipe_ends_the_command(shell_home: ShellHome, scripts: dict[str, str]) -> None:
    """As without minicon: Python's ignoring of SIGPIPE is not passed on."""
    shell_home.environment("data", scripts=scripts)
    line = '{ "$@"; echo $? >&2; } | head -n 1'
    done = subprocess.run(
        ["sh", "-c", line, "sh", *MINICON, "run", "-n", "data", "yes"],
        capture_output=True,
        env=shell_home.variables(),
        timeout=20,
        check=False,
    )
    assert (done.stdout, done.stderr.split()) == (b"y\n", [b"141"])  # 128 + SIGPIPE


@both_ways
def test_the_command_owns_the_terminal(shell_home: ShellHome, scripts: dict[str, str]) -> None:
    shell_home.environment("data", scripts=scripts)
    script = "test -t 0 && test -t 1 && test -t 2 && stty size && echo ready && read x && echo $x!"
    words = [*MINICON, "run", "-n", "data", "sh", "-c", script]
    seen, status = at_terminal(shell_home, words, b"typed\n")
    assert b"typed!" in seen
    assert os.waitstatus_to_exitcode(status) == 0
    waiting = [*MINICON, "run", "-n", "data", "sh", "-c", "echo ready; exec sleep 20"]
    _, status = at_terminal(shell_home, waiting, b"\x03")
    assert os.waitstatus_to_exitcode(status) == -signal.SIGINT


@both_ways
def test_a_read_only_environment_is_not_changed(
    shell_home: ShellHome, scripts: dict[str, str]
) -> None:
    prefix = shell_home.environment("data", state={"V": "1"}, scripts=scripts, texts=False)
    for each in [prefix, *prefix.rglob("*")]:
        each.chmod(0o555 if each.is_dir() else 0o444)
    before = {each: each.stat().st_mtime_ns for each in [prefix, *prefix.rglob("*")]}
    try:
        done = run(shell_home, "sh", "-c", "echo $V")
        after = {each: each.stat().st_mtime_ns for each in [prefix, *prefix.rglob("*")]}
    finally:
        for each in [prefix, *prefix.rglob("*")]:
            each.chmod(0o755)
    assert (done.returncode, done.stdout) == (0, b"1\n")
    assert after == before


def test_a_new_shell_owns_the_terminal(shell_home: ShellHome) -> None:
    prefix = shell_home.environment("data", state={"V": "it's"})
    profile = shell_home.home / ".bashrc"
    profile.write_text("PS1=''; echo ready\n")
    seen, status = at_terminal(
        shell_home,
        [*MINICON, "shell", "-n", "data"],
        b'echo "in <$CONDA_PREFIX> <$V>"; exit 7\n',
        SHELL="/bin/bash",
    )
    assert f"in <{prefix}> <it's>".encode() in seen
    assert os.waitstatus_to_exitcode(status) == 7
