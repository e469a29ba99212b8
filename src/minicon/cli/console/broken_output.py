"""When the answer cannot be written: told plainly, for it is nobody's bug."""

from __future__ import annotations

import errno
import os
import sys

#: What a device says that takes no more; files that minicon itself writes are named in errors.
_TAKES_NO_MORE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def is_of_output(error: BaseException) -> bool:
    """Whether an error comes from writing to stdout: its reader is gone, or its disk full."""
    if isinstance(error, BrokenPipeError):
        return True
    is_unnamed = isinstance(error, OSError) and error.filename is None
    return is_unnamed and getattr(error, "errno", None) in _TAKES_NO_MORE


def give_up_output(error: OSError) -> int:
    """Say why the rest of the answer is missing; returns the exit code.

    A reader that went away knows; it is not told.
    """
    if not isinstance(error, BrokenPipeError):
        sys.stderr.write(f"error: cannot write the output: {error.strerror}\n")
    # What is still buffered must go nowhere, or python complains of it when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
