"""Runs a command that can write below some folders only (Landlock, Linux 5.13 and later).

The module is also a program: it restricts itself, then becomes the command, so that the
restriction is in force before a single line of foreign code runs and nothing needs to be done
between fork and exec.
"""

from __future__ import annotations

import ctypes
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_WRITE_FILE = 1 << 1
#: Making, removing and renaming anything; by the version of the interface that knows it.
_CHANGES = sum(1 << bit for bit in range(4, 13))
_BY_VERSION = {2: 1 << 13, 3: 1 << 14}


class _Ruleset(ctypes.Structure):
    _fields_ = [("handled_access_fs", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def interface_version() -> int:
    """Version of the kernel's Landlock interface; 0 where it cannot be used."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(_call(_CREATE_RULESET, None, 0, 1), 0)


def confined(command: Sequence[str], writable: Sequence[str]) -> list[str] | None:
    """The command line that runs COMMAND with writing limited to some folders.

    Args:
        command: Program and arguments.
        writable: Folders below which it may write, and devices.

    Returns:
        None where the system cannot do it.
    """
    if interface_version() == 0:
        return None
    places = [argument for path in writable for argument in ("--write", path)]
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), *places, "--", *command]


def restrict_writing(writable: Sequence[str]) -> None:
    """Limit this process and its children for good. Raises OSError where that is impossible."""
    version = interface_version()
    handled = _WRITE_FILE | _CHANGES
    for since, right in _BY_VERSION.items():
        handled |= right if version >= since else 0
    rules = _Ruleset(handled)
    ruleset = _checked(_call(_CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0))
    for path in writable:
        if not os.path.exists(path):
            continue
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        allowed = handled if os.path.isdir(path) else handled & (_WRITE_FILE | _BY_VERSION[3])
        rule = _PathBeneath(allowed, descriptor)
        _checked(_call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0))
        os.close(descriptor)
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(_call(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _call(number: int, *arguments: object) -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(number, *arguments))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def main(arguments: Sequence[str]) -> None:
    """Restrict this process and become a command: ``[--write PATH]… -- COMMAND…``."""
    split = arguments.index("--")
    restrict_writing(arguments[1:split:2])
    command = list(arguments[split + 1 :])
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
