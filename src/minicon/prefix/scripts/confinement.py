"""Run a command that can change only some directories, and end all that it starts (Linux).

The module is also a program: it restricts itself, then becomes the command, so that the
restriction is in force before any code of a package runs and nothing needs to be done between
fork and exec::

    supervisor ── first process of the view ── the command, limited by Landlock
    ends all      linux_sandbox.py             linux_sandbox.py

Where the system has only one of the two mechanisms, that one is used alone.
"""

from __future__ import annotations

import os
import sys

from minicon.prefix.scripts import linux_sandbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

_PROGRAM = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from minicon.prefix.scripts.confinement import main; main(sys.argv[1:])"
)
_PARENT, _WRITABLE, _GUARDED = "--parent", "--write", "--guard"
# Numbers, since importing the module ``signal`` costs more than all that is done here.
_SIGKILL, _SIGTERM = 9, 15
_PROCESSES = "/proc"
_CANNOT_RUN = 127
#: Added to the number of the signal that ended a process, as shells do.
_BY_SIGNAL = 128


def confined(
    command: Sequence[str], writable: Sequence[str] | None, guarded: Sequence[str] = ()
) -> list[str] | None:
    """Build the command line that runs a command confined and supervised.

    All processes that the command started end with it, and it ends with this process, which has
    to start it.

    Args:
        command: Program and arguments.
        writable: Directories below which it may write, and devices; None does not limit it.
        guarded: Directories below these that it may not change, where the system supports that.

    Returns:
        None where the system supports nothing of it.
    """
    if not sys.platform.startswith("linux"):
        return None
    home = os.path.dirname(
        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    )
    options = [_PARENT, str(os.getpid())]
    options += [argument for path in writable or () for argument in (_WRITABLE, path)]
    options += [argument for path in guarded for argument in (_GUARDED, path)]
    return [sys.executable, "-I", "-S", "-c", _PROGRAM, home, *options, "--", *command]


def main(arguments: Sequence[str]) -> None:
    """Run a command confined: ``--parent PID [--write PATH]… [--guard PATH]… -- COMMAND…``."""
    split = arguments.index("--")
    options = list(zip(arguments[:split:2], arguments[1:split:2], strict=True))
    writable = [path for option, path in options if option == _WRITABLE]
    guarded = [path for option, path in options if option == _GUARDED]
    parent = next(int(number) for option, number in options if option == _PARENT)
    command = arguments[split + 1 :]
    if writable and _can_enter_view(writable, guarded):
        linux_sandbox.enter_view(writable, guarded)
        _end_with_parent(_SIGTERM, parent)
        status = _wait_for(_start(lambda: _be_first_process(command, writable)))
    else:
        _end_with_parent(_SIGTERM, parent)
        status = _supervise(lambda: _become(command, writable))
    os._exit(status)


def _can_enter_view(writable: Sequence[str], guarded: Sequence[str]) -> bool:
    """Try it in a child process: a process that fails halfway cannot go back."""

    def attempt() -> None:
        try:
            linux_sandbox.enter_view(writable, guarded)
        except OSError:
            os._exit(1)
        os._exit(0)

    return _wait_for(_start(attempt)) == 0


def _be_first_process(command: Sequence[str], writable: Sequence[str]) -> None:
    """Reap the processes of the view; when this process ends, all others end."""
    _end_with_parent(_SIGKILL)
    linux_sandbox.show_own_processes()
    os._exit(_wait_for(_start(lambda: _become(command, writable))))


def _become(command: Sequence[str], writable: Sequence[str]) -> None:
    os.chdir(os.getcwd())  # by its path: the open directory belongs to the previous view
    if writable:
        linux_sandbox.drop_capabilities()
        if linux_sandbox.landlock_version() > 0:
            linux_sandbox.restrict_writing(writable)
    os.execvp(command[0], list(command))


def _supervise(begin: Callable[[], object]) -> int:
    """Run a function in a child process, and end all processes that are left of it.

    A process that leaves its session, and whose parents are dead, becomes a child of this one,
    so that it is found. They end as well when this process gets SIGTERM or SIGINT.

    Args:
        begin: Becomes the program; if it returns or raises, the child ends.

    Returns:
        The child's exit status as shells have it.
    """
    import signal

    linux_sandbox.set_process_option(linux_sandbox.PR_SET_CHILD_SUBREAPER, 1)
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGINT)}

    def begin_undisturbed() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        begin()

    status = _wait_for(_start(begin_undisturbed))
    _end_children()
    return status


def _start(begin: Callable[[], object]) -> int:
    """Run a function in a child process; returns its process ID."""
    child = os.fork()
    if child:
        return child
    try:
        begin()
    except OSError as error:
        os.write(2, f"{error}\n".encode())
    finally:
        os._exit(_CANNOT_RUN)


def _wait_for(child: int) -> int:
    """Wait for one child, reaping others that end meanwhile; returns its exit status."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else _BY_SIGNAL - code


def _end_with_parent(number: int, parent: int | None = None) -> None:
    """Have the kernel send a signal to this process when its parent ends.

    Args:
        number: The signal.
        parent: Process ID that the parent has if it is still running: the kernel says nothing of
            parents that ended before. None where its ID cannot be seen.
    """
    linux_sandbox.set_process_option(linux_sandbox.PR_SET_PDEATHSIG, number)
    if parent is not None and os.getppid() != parent:
        os._exit(_BY_SIGNAL + number)


def _end(number: int, _frame: FrameType | None) -> None:
    _end_children()
    os._exit(_BY_SIGNAL + number)


def _end_children() -> None:
    """End the children of this process, and processes that become its children by that."""
    try:
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                for child in _children():
                    os.kill(child, _SIGKILL)
                os.waitpid(-1, 0)
    except ChildProcessError:  # none is left
        return


def _children() -> list[int]:
    """Process IDs of the children of this process, zombies included."""
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
