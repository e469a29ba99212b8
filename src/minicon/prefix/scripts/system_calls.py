"""System calls of Linux that Python has no functions for, through ctypes."""

from __future__ import annotations

import ctypes
import os

#: Since Linux 5.2 new calls have the same number on every architecture that minicon runs on.
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446

PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38


def call(number: int, *arguments: object) -> int:
    """Make a system call; -1 if it failed."""
    return int(ctypes.CDLL(None, use_errno=True).syscall(number, *arguments))


def call_library(function: str, *arguments: object) -> int:
    """Call a function of the C library and return its result.

    Raises:
        OSError: It failed.
    """
    return checked(int(ctypes.CDLL(None, use_errno=True)[function](*arguments)))


def checked(result: int) -> int:
    """Return the result of a call.

    Raises:
        OSError: The call failed.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def prctl(option: int, value: int) -> None:
    """Set a property of this process. Raises OSError."""
    call_library("prctl", option, value, 0, 0, 0)
