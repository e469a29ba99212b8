"""The shell that runs: the nearest ancestor of this process that is a shell.

``$SHELL`` is the user's login shell, which may be another one.
"""

from __future__ import annotations

import os

from minicon.shell.shells import SHELLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

#: How many ancestors are examined.
_MOST = 32


def running_shell(environ: Mapping[str, str], known: Container[str] = SHELLS) -> str:
    """Return the name of the shell that runs, as in ``shell.<name>``.

    Without one among the ancestors it is ``$SHELL``, and without that bash. A script that names its
    interpreter in its first line has its own name, and is no shell here.

    Args:
        environ: Environment variables of this process.
        known: Names of shells to look for.
    """
    for name in parent_programs():
        if name in known:
            return name
    return os.path.basename(environ.get("SHELL", "")) or ("cmd.exe" if os.name == "nt" else "bash")


def parent_programs() -> Iterator[str]:
    """Names of the programs of this process's ancestors, the nearest first."""
    process = os.getppid()
    for _ in range(_MOST):
        if process < 1:
            return
        found = _from_proc(process) if os.path.isdir("/proc/self") else _from_ps(process)
        if found is None:
            return
        name, process = found
        yield os.path.basename(name).removeprefix("-")  # a login shell has a hyphen first


def _from_proc(process: int) -> tuple[str, int] | None:
    """The name and the parent of a process; see proc(5)."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as reader:
            start, _, rest = reader.read().rpartition(")")
        return start.partition("(")[2], int(rest.split()[1])
    except (OSError, ValueError, IndexError):
        return None


def _from_ps(process: int) -> tuple[str, int] | None:
    import subprocess

    words = ["ps", "-o", "ppid=,comm=", "-p", str(process)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=5, check=False)
        parent, name = done.stdout.split(maxsplit=1)
        return name.strip(), int(parent)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
