"""Fail or kill minicon at its N-th change to the file system.

Every mutation calls :func:`minicon.fs.operations.checkpoint` first. The tests of transactions
repeat an action with ``at=1, 2, 3 …`` until it completes undisturbed, and check the files after
each one::

    for at in range(1, 10_000):
        try:
            with failing_at(at, OSError(errno.ENOSPC, "No space left on device")) as counter:
                action()
        except MiniconError:
            check_invariants()
        else:
            break            # the action has fewer steps

    for at in every_kill(action):      # in a child process, killed without clean-up
        check_invariants()
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from minicon.fs import operations

KILLED = 137
_FAILED = 99


@dataclass
class Counter:
    """The changes made: their number, and (operation, absolute path) in order."""

    count: int = 0
    calls: list[tuple[str, str]] = field(default_factory=list)


@contextlib.contextmanager
def intercepted(interceptor: Callable[[Counter], None]) -> Iterator[Counter]:
    """Call a function before every change within the block."""
    counter = Counter()
    original = operations.checkpoint

    def checkpoint(
        operation: str, path: operations.PathText | bytes, directory: int | None = None
    ) -> None:
        counter.count += 1
        folder = "" if directory is None else os.readlink(f"/proc/self/fd/{directory}")
        counter.calls.append((operation, os.path.join(folder, os.fsdecode(path))))
        interceptor(counter)

    operations.checkpoint = checkpoint
    try:
        yield counter
    finally:
        operations.checkpoint = original


def counting() -> contextlib.AbstractContextManager[Counter]:
    """Only count the changes."""
    return intercepted(lambda _: None)


def failing_at(
    at: int, error: OSError, *, lasting: bool = False
) -> contextlib.AbstractContextManager[Counter]:
    """Raise an error at a change, counted from 1; with ``lasting`` at every later one too."""

    def fail(counter: Counter) -> None:
        if counter.count == at or (lasting and counter.count > at):
            raise error

    return intercepted(fail)


def run_killed_at(at: int, action: Callable[[], object]) -> int:
    """Run an action in a child process that is killed just before change number ``at``.

    The child ends by ``os._exit``: no ``finally``, no ``atexit``, no flush, as after SIGKILL.

    Returns:
        ``KILLED``, or 0 if the action completed before.

    Raises:
        AssertionError: The action raised in the child; its traceback is on stderr.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _run_child(at, action)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED), f"the action failed in the child (exit {code}), see stderr"
    return code


def _run_child(at: int, action: Callable[[], object]) -> None:
    code = _FAILED
    gc.disable()  # what has threads in the parent cannot be freed here: it would wait for them
    try:
        with intercepted(lambda counter: os._exit(KILLED) if counter.count == at else None):
            action()
        code = 0
    except BaseException:  # noqa: BLE001  # whatever it was must be seen
        traceback.print_exc()
    finally:
        os._exit(code)


def every_kill(
    action: Callable[[], object], *, step: int = 1, limit: int = 100_000
) -> Iterator[int]:
    """Yield each change number after the action was killed there, until it completes.

    The body of the loop checks and restores the files.
    """
    for at in range(1, limit, step):
        if run_killed_at(at, action) == 0:
            return
        yield at
