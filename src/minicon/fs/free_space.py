"""Is there room? Asked before work begins that would fill a disk and then fail."""

from __future__ import annotations

import os
import shutil

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
        usage = shutil.disk_usage(place)
    except OSError:  # some network file systems do not tell
        return
    if needed <= usage.free or not usage.total:
        return
    missing = needed - usage.free
    raise FileError(
        "disk-full",
        f"there is no room for {purpose}: {_text(missing)} are missing on the disk of {place}"
        f" (at least {_text(needed)} are needed, {_text(usage.free)} are free)",
        hint="free some space there ('minicon gc' lists what can go), or use another disk",
    )


def _text(size: int) -> str:
    return f"{size / _MEBIBYTE:,.1f} MiB"
