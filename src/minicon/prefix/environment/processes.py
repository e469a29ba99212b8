"""Find processes that run from an environment: after a change they keep using its old files."""

from __future__ import annotations

import os
from pathlib import Path

from minicon.constants import LABEL_VARIABLE
from minicon.lean_dataclasses import dataclass

_PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A process and its command line.

    Attributes:
        label: The name that it was started with.
        prefix: The environment that it was started in.
    """

    pid: int
    command: str
    label: str = ""
    prefix: str = ""


def processes_in(
    prefix: str | os.PathLike[str], proc: Path = _PROCESSES
) -> tuple[RunningProcess, ...]:
    """Processes whose program is in an environment, without this one, by process ID.

    Only processes that this user may inspect (Linux; empty elsewhere). About 5 µs per process.

    Args:
        prefix: The environment.
        proc: The ``/proc`` file system.
    """
    root = os.path.realpath(prefix) + os.sep
    names = os.listdir(proc) if proc.is_dir() else []
    found = [
        RunningProcess(int(name), _command_line(proc / name))
        for name in names
        if name.isdigit() and int(name) != os.getpid() and _runs_from(proc / name, root)
    ]
    return tuple(sorted(found, key=lambda process: process.pid))


def labelled_processes(proc: Path = _PROCESSES) -> tuple[RunningProcess, ...]:
    """Return the processes that ``run --label`` started, by process ID (Linux; empty elsewhere)."""
    names = os.listdir(proc) if proc.is_dir() else []
    found = (_labelled(proc / name) for name in sorted(filter(str.isdigit, names), key=int))
    return tuple(filter(None, found))


def _labelled(process: Path) -> RunningProcess | None:
    try:
        pairs = os.fsdecode((process / "environ").read_bytes()).split("\0")
    except OSError:
        return None
    variables = dict(pair.partition("=")[::2] for pair in pairs)
    # Programs that it started have the variable too, and other process IDs.
    number, _, label = variables.get(LABEL_VARIABLE, "").partition(":")
    if number != process.name:
        return None
    prefix = variables.get("CONDA_PREFIX", "")
    return RunningProcess(int(number), _command_line(process), label, prefix)


def _runs_from(process: Path, root: str) -> bool:
    try:
        if os.readlink(process / "exe").startswith(root):
            return True
        # The python of an environment made from the system's python is outside of it.
        first = (process / "cmdline").read_bytes().split(b"\0", 1)[0]
    except OSError:
        return False
    return os.fsdecode(first).startswith(root)


def _command_line(process: Path) -> str:
    try:
        return os.fsdecode((process / "cmdline").read_bytes().replace(b"\0", b" ")).strip()
    except OSError:
        return ""
