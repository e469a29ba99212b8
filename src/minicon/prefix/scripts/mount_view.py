"""A view of the file system in which all but some folders is mounted read-only (Linux 5.12).

What Landlock does not know of — modes, owners, times and extended attributes of files — is
changed through a mount like everything else, so a read-only mount stops it. The view is a mount
namespace of its own: root makes one as it is, other users within a user namespace, where the
system lets them. Processes in the view are the only ones they see, and end with its first one.
"""

from __future__ import annotations

import ctypes
import os

from minicon.prefix.scripts import system_calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MOUNT_ATTR_RDONLY = 1
_MS_PRIVATE = 1 << 18
#: MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC
_PROC_FLAGS = 0b1111

# What a script that root runs may still do as root: change owners and modes of its own files,
# and become another user. Without the others it can neither mount nor make devices nor trace.
_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_FOWNER, _CAP_FSETID, _CAP_SETGID, _CAP_SETUID = 0, 1, 3, 4, 6, 7
_KEPT = {_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_FOWNER, _CAP_FSETID, _CAP_SETGID, _CAP_SETUID}

_CAPABILITY_VERSION_3 = 0x20080522


class _MountAttributes(ctypes.Structure):
    _fields_ = [
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


def enter_view(writable: Sequence[str], guarded: Sequence[str]) -> None:
    """Move this process into a view; its next child is the first process in there.

    Args:
        writable: Folders that stay as they are. Devices can be written to in any case.
        guarded: Folders within these that are read-only nevertheless.

    Raises:
        OSError: The system does not allow it; this process is in no state to go on.
    """
    user, group = os.geteuid(), os.getegid()
    namespaces = _CLONE_NEWNS | _CLONE_NEWPID | (_CLONE_NEWUSER if user else 0)
    system_calls.call_library("unshare", namespaces)
    if user:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    _set_attributes("/", _MountAttributes(propagation=_MS_PRIVATE))
    # Taken before all is made read-only: mounts below that are so already stay so.
    folders = [os.path.realpath(path) for path in writable if os.path.isdir(path)]
    trees = [_cloned(path) for path in folders]
    _set_attributes("/", _MountAttributes(attr_set=_MOUNT_ATTR_RDONLY))
    for tree, path in zip(trees, folders, strict=True):
        _attach(tree, path)
    for path in filter(os.path.isdir, map(os.path.realpath, guarded)):
        _attach(_cloned(path), path)
        _set_attributes(path, _MountAttributes(attr_set=_MOUNT_ATTR_RDONLY))


def show_own_processes() -> None:
    """Let ``/proc`` show the processes of the view, where the system allows it."""
    _ = ctypes.CDLL(None).mount(b"proc", b"/proc", b"proc", _PROC_FLAGS, None)


def give_up_capabilities() -> None:
    """Let no program that this process becomes have more of root's powers than it needs.

    Raises:
        OSError: The system does not allow it.
    """
    library = ctypes.CDLL(None)
    for capability in range(64):
        if capability not in _KEPT:
            library.prctl(system_calls.PR_CAPBSET_DROP, capability, 0, 0, 0)
    # What is inherited, as some containers and services have it, is not limited by that.
    header, sets = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    system_calls.call_library("capget", header, sets)
    kept = sum(1 << capability for capability in _KEPT)
    sets[:] = [sets[0] & kept, sets[1] & kept, 0, 0, 0, 0]  # effective, permitted, inheritable
    system_calls.call_library("capset", header, sets)


def _cloned(path: str) -> int:
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | _AT_RECURSIVE
    return system_calls.checked(
        system_calls.call(system_calls.OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags)
    )


def _attach(tree: int, path: str) -> None:
    target = os.fsencode(path)
    flags = _MOVE_MOUNT_F_EMPTY_PATH
    number = system_calls.MOVE_MOUNT
    system_calls.checked(system_calls.call(number, tree, b"", _AT_FDCWD, target, flags))
    os.close(tree)


def _set_attributes(path: str, attributes: _MountAttributes) -> None:
    size = ctypes.sizeof(attributes)
    number = system_calls.MOUNT_SETATTR
    arguments = (_AT_FDCWD, os.fsencode(path), _AT_RECURSIVE, ctypes.byref(attributes))
    system_calls.checked(system_calls.call(number, *arguments, size))


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
