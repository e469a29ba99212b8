"""Stamps: whether a file or a directory is the one that was read before.

A stamp changes when a file is written or replaced, as ``make`` and Python's bytecode assume too.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    #: Time of the last change in ns, size and inode.
    Stamp = tuple[int, int, int]


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file by its status."""
    return status.st_mtime_ns, status.st_size, status.st_ino


def file_stamp(path: Path | str) -> Stamp | None:
    """Return the stamp of a file; None if it does not exist.

    Raises:
        OSError: It cannot be looked at.
    """
    try:
        return stamp_of(os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
