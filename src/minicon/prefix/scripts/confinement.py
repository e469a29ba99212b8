"""Runs a command that can change nothing but what lies below some folders (Linux).

The module is also a program: it restricts itself, then becomes the command, so that the
restriction is in force before a single line of foreign code runs and nothing needs to be done
between fork and exec::

    supervisor ── first process of the view ── the command, limited by Landlock
    ends all      mount_view.py                landlock.py

Where the system has one of the two only, that one has to do.
"""

from __future__ import annotations

import os
import sys

from minicon.prefix.scripts import landlock, mount_view
from minicon.prefix.scripts.supervision import (
    SIGKILL,
    SIGTERM,
    end_with_parent,
    start,
    supervise,
    wait_for,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAM = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from minicon.prefix.scripts.confinement import main; main(sys.argv[1:])"
)
_WRITABLE, _GUARDED = "--write", "--guard"


def confined(
    command: Sequence[str], writable: Sequence[str] | None, guarded: Sequence[str] = ()
) -> list[str] | None:
    """Return the command line that runs a command with writing limited to some folders.

    Whatever the command started ends with it.

    Args:
        command: Program and arguments.
        writable: Folders below which it may write, and devices; None does not limit it.
        guarded: Folders below these that it may not change, where the system can tell them apart.

    Returns:
        None where the system can do nothing of it.
    """
    if not sys.platform.startswith("linux"):
        return None
    home = os.path.dirname(
        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    )
    places = [argument for path in writable or () for argument in (_WRITABLE, path)]
    places += [argument for path in guarded for argument in (_GUARDED, path)]
    return [sys.executable, "-I", "-S", "-c", _PROGRAM, home, *places, "--", *command]


def main(arguments: Sequence[str]) -> None:
    """Run a command within limits: ``[--write PATH]… [--guard PATH]… -- COMMAND…``."""
    split = arguments.index("--")
    options = list(zip(arguments[:split:2], arguments[1:split:2], strict=True))
    writable = [path for option, path in options if option == _WRITABLE]
    guarded = [path for option, path in options if option == _GUARDED]
    command = arguments[split + 1 :]
    if writable and _can_enter_view(writable, guarded):
        mount_view.enter_view(writable, guarded)
        end_with_parent(SIGTERM)
        status = wait_for(start(lambda: _be_first_process(command, writable)))
    else:
        end_with_parent(SIGTERM)
        status = supervise(lambda: _become(command, writable))
    os._exit(status)


def _can_enter_view(writable: Sequence[str], guarded: Sequence[str]) -> bool:
    """Try it in a child: who fails halfway cannot go back."""

    def attempt() -> None:
        try:
            mount_view.enter_view(writable, guarded)
        except OSError:
            os._exit(1)
        os._exit(0)

    return wait_for(start(attempt)) == 0


def _be_first_process(command: Sequence[str], writable: Sequence[str]) -> None:
    """Bury the dead of the view, and end all that is left in it by ending."""
    end_with_parent(SIGKILL)
    mount_view.show_own_processes()
    os._exit(wait_for(start(lambda: _become(command, writable))))


def _become(command: Sequence[str], writable: Sequence[str]) -> None:
    os.chdir(os.getcwd())  # by its path: what was opened before is of the former view
    if writable:
        mount_view.give_up_capabilities()
        if landlock.interface_version() > 0:
            landlock.restrict_writing(writable)
    os.execvp(command[0], list(command))
