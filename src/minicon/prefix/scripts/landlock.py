"""Landlock: limits below which folders this process can write (Linux 5.13 and later)."""

from __future__ import annotations

import ctypes
import os
import sys

from minicon.prefix.scripts import system_calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_RULE_PATH_BENEATH = 1

_WRITE_FILE = 1 << 1
#: Making, removing and renaming anything; by the version of the interface that knows it.
_CHANGES = sum(1 << bit for bit in range(4, 13))
_BY_VERSION = {2: 1 << 13, 3: 1 << 14}
#: Abstract sockets and signals reach no process that is not limited by the same rules.
_SCOPES_SINCE, _SCOPES = 6, 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def interface_version() -> int:
    """Version of the kernel's Landlock interface; 0 where it cannot be used."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(system_calls.call(system_calls.LANDLOCK_CREATE_RULESET, None, 0, 1), 0)


def restrict_writing(writable: Sequence[str]) -> None:
    """Limit this process and its children for good. Raises OSError where that is impossible."""
    version = interface_version()
    handled = _WRITE_FILE | _CHANGES
    for since, right in _BY_VERSION.items():
        handled |= right if version >= since else 0
    scoped = version >= _SCOPES_SINCE
    rules = _Ruleset(handled, 0, _SCOPES if scoped else 0)
    size = ctypes.sizeof(rules) if scoped else _Ruleset.handled_access_net.offset
    ruleset = system_calls.checked(
        system_calls.call(system_calls.LANDLOCK_CREATE_RULESET, ctypes.byref(rules), size, 0)
    )
    for path in writable:
        if os.path.exists(path):
            is_folder = os.path.isdir(path)
            allowed = handled if is_folder else handled & (_WRITE_FILE | _BY_VERSION[3])
            _allow(ruleset, path, allowed)
    system_calls.prctl(system_calls.PR_SET_NO_NEW_PRIVS, 1)
    system_calls.checked(system_calls.call(system_calls.LANDLOCK_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = ctypes.byref(_PathBeneath(rights, descriptor))
    number = system_calls.LANDLOCK_ADD_RULE
    system_calls.checked(system_calls.call(number, ruleset, _RULE_PATH_BENEATH, rule, 0))
    os.close(descriptor)
