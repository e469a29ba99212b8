"""What is done at most once a day, remembered by the times of empty files in the cache."""

from __future__ import annotations

import time

from minicon.errors import FileError
from minicon.fs import operations
from minicon.short_hash import short_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_DAY = 24 * 3600.0


def is_first_today(text: str, cache: Path, *, clock: Callable[[], float] = time.time) -> bool:
    """Whether a text was not asked about in the last 24 hours, in this cache.

    Args:
        text: What identifies the event.
        cache: minicon's cache folder; where it cannot be written, every time is the first.
        clock: Seconds since 1970.
    """
    path = cache / "daily" / short_hash(text)[:16]
    try:
        if 0 <= clock() - path.lstat().st_mtime < _DAY:
            return False
    except OSError:
        pass
    try:
        with operations.describing("write", path):
            operations.make_directory(path.parent)
            operations.replace_file(path, b"", durable=False)
    except FileError:
        pass  # only a note is repeated
    return True
