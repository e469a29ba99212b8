"""Is there room? Asked before work begins that would fill a disk and then fail."""

from __future__ import annotations

import os

from minicon.errors import FileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike

_MEBIBYTE = 1 << 20


def require_space(path: str | PathLike[str], needed: int, purpose: str) -> None:
    """Refuse to begin what surely does not fit.

    Quotas and reserved blocks are not seen: whoever writes must still expect a full disk.

    Args:
        path: Where will be written; it need not exist yet.
        needed: Bytes at the very least.
        purpose: What for, as the end of "there is no room for …".

    Raises:
        FileError: ``disk-full``; says how much is missing and where.
    """
    place = os.path.abspath(path)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    try:
        total, free = _disk(place)
    except OSError:  # some network file systems do not tell
        return
    if needed <= free or not total:
        return
    missing = needed - free
    raise FileError(
        "disk-full",
        f"there is no room for {purpose}: {_text(missing)} are missing on the disk of {place}"
        f" (at least {_text(needed)} are needed, {_text(free)} are free)",
        hint="free some space there ('minicon gc' lists what can go), or use another disk",
    )


def _disk(place: str) -> tuple[int, int]:
    """Bytes that a disk has, and those of them that are free for this user."""
    if os.name == "posix":
        facts = os.statvfs(place)
        return facts.f_blocks * facts.f_frsize, facts.f_bavail * facts.f_frsize
    import shutil

    usage = shutil.disk_usage(place)
    return usage.total, usage.free


def _text(size: int) -> str:
    return f"{size / _MEBIBYTE:,.1f} MiB"
