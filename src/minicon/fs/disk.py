"""Whole file systems: check the free space before an operation, and sync them for many threads."""

from __future__ import annotations

import os
import threading

from minicon.errors import FileError
from minicon.fs import operations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

_MEBIBYTE = 1 << 20


def require_space(path: str | PathLike[str], needed: int, purpose: str) -> None:
    """Refuse an operation for which the disk has too little free space.

    Quotas and reserved blocks are not taken into account: writing can still fail with a full disk.

    Args:
        path: Path that will be written; it need not exist yet.
        needed: Minimum number of bytes.
        purpose: What the space is for, as the end of "not enough disk space for …".

    Raises:
        FileError: ``disk-full``, with the missing size and the path.
    """
    existing = os.path.abspath(path)
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    try:
        total, free = _disk(existing)
    except OSError:  # some network file systems do not report it
        return
    if needed <= free or not total:
        return
    missing = needed - free
    raise FileError(
        "disk-full",
        f"not enough disk space for {purpose}: {_text(missing)} are missing on the disk of"
        f" {existing} (at least {_text(needed)} are needed, {_text(free)} are free)",
        hint="free some space (see 'minicon gc'), or use another disk",
    )


def _disk(path: str) -> tuple[int, int]:
    """Total size of a disk, and the free space for this user, in bytes."""
    if os.name == "posix":
        facts = os.statvfs(path)
        return facts.f_blocks * facts.f_frsize, facts.f_bavail * facts.f_frsize
    import shutil

    usage = shutil.disk_usage(path)
    return usage.total, usage.free


def _text(size: int) -> str:
    return f"{size / _MEBIBYTE:,.1f} MiB"


class GroupSync:
    """Makes files durable that several threads write to the file system of one folder.

    ``syncfs`` writes a whole file system to disk, and so the files of all threads that wrote
    before it started. A thread that calls :meth:`sync` while a sync is running waits for the next
    one, which it shares with all threads that are waiting then. Thread-safe.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._begun = 0
        self._done = 0

    def sync(self) -> None:
        """Wait until everything that the caller has written is on disk. Raises OSError."""
        with self._guard:
            needed = self._begun + 1  # a running sync may have started before our writes
        with self._turn:
            if self._done >= needed:
                return
            with self._guard:
                self._begun += 1
                current = self._begun
            operations.sync_file_system(self._folder)
            self._done = current
