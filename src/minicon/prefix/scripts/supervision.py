"""Runs a process and ends with it whatever it started, daemons included (Linux)."""

from __future__ import annotations

import os

from minicon.prefix.scripts import system_calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

# Numbers, since importing the module ``signal`` costs more than all that is done here.
SIGKILL, SIGTERM = 9, 15
_PROCESSES = "/proc"
_CANNOT_RUN = 127
#: Added to the number of the signal that ended a process, as shells do.
_BY_SIGNAL = 128


def supervise(begin: Callable[[], object]) -> int:
    """Run a function in a child process, and end what is left of its processes after it.

    A process that leaves its session, and whose parents are dead, becomes a child of this one,
    so that it is found. They end as well when this process gets SIGTERM or SIGINT.

    Args:
        begin: Becomes the program; what it returns or raises ends the child.

    Returns:
        The child's exit status as shells have it.
    """
    import signal

    system_calls.prctl(system_calls.PR_SET_CHILD_SUBREAPER, 1)
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGINT)}

    def begin_undisturbed() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        begin()

    status = wait_for(start(begin_undisturbed))
    _end_children()
    return status


def start(begin: Callable[[], object]) -> int:
    """Run a function in a child process; returns its number."""
    child = os.fork()
    if child:
        return child
    try:
        begin()
    except OSError as error:
        os.write(2, f"{error}\n".encode())
    finally:
        os._exit(_CANNOT_RUN)


def wait_for(child: int) -> int:
    """Wait for one child, burying others that end meanwhile; returns its exit status."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else _BY_SIGNAL - code


def end_with_parent(number: int) -> None:
    """Let the kernel send a signal to this process when its parent ends."""
    system_calls.prctl(system_calls.PR_SET_PDEATHSIG, number)


def _end(number: int, _frame: FrameType | None) -> None:
    _end_children()
    os._exit(_BY_SIGNAL + number)


def _end_children() -> None:
    """End the children of this process, then those that became its children by that."""
    try:
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                for child in _children():
                    os.kill(child, SIGKILL)
                os.waitpid(-1, 0)
    except ChildProcessError:  # none is left
        return


def _children() -> list[int]:
    """Processes whose parent this one is, ended ones that wait to be buried among them."""
    own = str(os.getpid())
    found = []
    for name in filter(str.isdigit, os.listdir(_PROCESSES)):
        try:
            with open(f"{_PROCESSES}/{name}/stat", encoding="utf-8", errors="replace") as file:
                parent = file.read().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if parent == own:
            found.append(int(name))
    return found
