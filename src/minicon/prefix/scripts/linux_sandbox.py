"""Limit which directories this process and its children can change (Linux).

Two mechanisms, which add up where the kernel has both:

* Landlock (Linux 5.13) refuses to make, write, rename and remove files elsewhere.
* A *view* (Linux 5.12): a mount namespace in which all else is mounted read-only. It also refuses
  what Landlock does not know: changing modes, owners, times and extended attributes. Root makes
  it as it is, other users in a user namespace, where the system allows that. Processes in the
  view see only each other, and end with its first process.
"""

from __future__ import annotations

import ctypes
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# System calls that Python has no functions for. Since Linux 5.2 new ones have the same number on
# every architecture that minicon runs on.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446

PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

# Landlock
_RULE_PATH_BENEATH = 1
_WRITE_FILE = 1 << 1
#: Making, removing and renaming anything; by the version of the interface that knows it.
_CHANGES = sum(1 << bit for bit in range(4, 13))
_BY_VERSION = {2: 1 << 13, 3: 1 << 14}
#: Abstract sockets and signals reach no process outside of the sandbox.
_SCOPES_SINCE, _SCOPES = 6, 0b11

# Mounts
_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MOUNT_ATTR_RDONLY = 1
_MS_PRIVATE = 1 << 18
#: MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC
_PROC_FLAGS = 0b1111

# What a script run by root may still do as root: change owners and modes of its own files, and
# become another user. Without the others it can neither mount nor make devices nor trace.
_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_FOWNER, _CAP_FSETID, _CAP_SETGID, _CAP_SETUID = 0, 1, 3, 4, 6, 7
_KEPT = {_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_FOWNER, _CAP_FSETID, _CAP_SETGID, _CAP_SETUID}
_CAPABILITY_VERSION_3 = 0x20080522


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


class _MountAttributes(ctypes.Structure):
    _fields_ = [
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


def landlock_version() -> int:
    """Version of the kernel's Landlock interface; 0 where it cannot be used."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(_call(_LANDLOCK_CREATE_RULESET, None, 0, 1), 0)


def restrict_writing(writable: Sequence[str]) -> None:
    """Limit this process and its children by Landlock, irrevocably.

    Args:
        writable: Directories below which they can write, and devices.

    Raises:
        OSError: Not supported.
    """
    version = landlock_version()
    handled = _WRITE_FILE | _CHANGES
    for since, right in _BY_VERSION.items():
        handled |= right if version >= since else 0
    scoped = version >= _SCOPES_SINCE
    rules = _Ruleset(handled, 0, _SCOPES if scoped else 0)
    size = ctypes.sizeof(rules) if scoped else _Ruleset.handled_access_net.offset
    ruleset = _checked(_call(_LANDLOCK_CREATE_RULESET, ctypes.byref(rules), size, 0))
    for path in writable:
        if os.path.exists(path):
            is_folder = os.path.isdir(path)
            allowed = handled if is_folder else handled & (_WRITE_FILE | _BY_VERSION[3])
            _allow(ruleset, path, allowed)
    set_process_option(_PR_SET_NO_NEW_PRIVS, 1)
    _checked(_call(_LANDLOCK_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = ctypes.byref(_PathBeneath(rights, descriptor))
    _checked(_call(_LANDLOCK_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0))
    os.close(descriptor)


def enter_view(writable: Sequence[str], guarded: Sequence[str]) -> None:
    """Move this process into a new view; its next child is the first process in it.

    Args:
        writable: Directories that stay writable. Devices can be written to in any case.
        guarded: Directories within these that become read-only.

    Raises:
        OSError: Not allowed by the system; this process must not continue.
    """
    user, group = os.geteuid(), os.getegid()
    namespaces = _CLONE_NEWNS | _CLONE_NEWPID | (_CLONE_NEWUSER if user else 0)
    _call_library("unshare", namespaces)
    if user:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    _set_attributes("/", _MountAttributes(propagation=_MS_PRIVATE))
    # Cloned before all is made read-only: mounts below that are read-only already stay so.
    folders = [os.path.realpath(path) for path in writable if os.path.isdir(path)]
    trees = [_cloned(path) for path in folders]
    _set_attributes("/", _MountAttributes(attr_set=_MOUNT_ATTR_RDONLY))
    for tree, path in zip(trees, folders, strict=True):
        _attach(tree, path)
    for path in filter(os.path.isdir, map(os.path.realpath, guarded)):
        _attach(_cloned(path), path)
        _set_attributes(path, _MountAttributes(attr_set=_MOUNT_ATTR_RDONLY))


def show_own_processes() -> None:
    """Mount a ``/proc`` of the view's processes, where the system allows it."""
    _ = ctypes.CDLL(None).mount(b"proc", b"/proc", b"proc", _PROC_FLAGS, None)


def drop_capabilities() -> None:
    """Limit root's capabilities to the few that link scripts need. Raises OSError."""
    library = ctypes.CDLL(None)
    for capability in range(64):
        if capability not in _KEPT:
            library.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    # That does not limit inheritable capabilities, which some containers and services have.
    header, sets = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    _call_library("capget", header, sets)
    kept = sum(1 << capability for capability in _KEPT)
    sets[:] = [sets[0] & kept, sets[1] & kept, 0, 0, 0, 0]  # effective, permitted, inheritable
    _call_library("capset", header, sets)


def set_process_option(option: int, value: int) -> None:
    """Call ``prctl`` for this process. Raises OSError."""
    _call_library("prctl", option, value, 0, 0, 0)


def _cloned(path: str) -> int:
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | _AT_RECURSIVE
    return _checked(_call(_OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags))


def _attach(tree: int, path: str) -> None:
    target = os.fsencode(path)
    _checked(_call(_MOVE_MOUNT, tree, b"", _AT_FDCWD, target, _MOVE_MOUNT_F_EMPTY_PATH))
    os.close(tree)


def _set_attributes(path: str, attributes: _MountAttributes) -> None:
    size = ctypes.sizeof(attributes)
    arguments = (_AT_FDCWD, os.fsencode(path), _AT_RECURSIVE, ctypes.byref(attributes))
    _checked(_call(_MOUNT_SETATTR, *arguments, size))


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    """Make a system call; -1 if it failed."""
    return int(ctypes.CDLL(None, use_errno=True).syscall(number, *arguments))


def _call_library(function: str, *arguments: object) -> int:
    """Call a function of the C library. Raises OSError."""
    return _checked(int(ctypes.CDLL(None, use_errno=True)[function](*arguments)))


def _checked(result: int) -> int:
    """Return the result of a call. Raises OSError if it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
