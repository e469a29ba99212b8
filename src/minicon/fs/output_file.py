"""Write to a path that the user names: through links, and into devices and pipes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from minicon.fs import operations
from minicon.fs.safe_path import typed_path
from minicon.fs.unfinished import new_file

STDOUT = "/dev/stdout"
#: Paths that stand for open files, whatever their type.
_OPEN_FILES = ("/dev/fd/", "/dev/std", "/proc/")


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a device or a pipe, or stands for an open file as ``/dev/stdout`` does."""
    text = os.path.abspath(path)
    return text.startswith(_OPEN_FILES) or (os.path.exists(text) and not os.path.isfile(text))


def typed_output(text: str) -> Path:
    """Return the path that a user typed as a command's output; ``-`` is stdout.

    Raises:
        UsageError: ``invalid-path``.
    """
    return typed_path(STDOUT if text == "-" else text)


def write_output(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file for the user.

    A regular file is replaced atomically and keeps its mode; a link to it stays a link. Devices,
    pipes and ``/dev/stdout`` receive the data.

    Raises:
        OSError: The file system refuses, or the reader of a pipe is gone.
    """
    text = os.path.abspath(path)
    if not is_stream(text):
        mode = stat.S_IMODE(os.stat(text).st_mode) if os.path.exists(text) else None
        with new_file(Path(os.path.realpath(text)), mode) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return
    operations.checkpoint("append_file", text, None)
    with open(text, "ab", buffering=0) as stream:
        view = memoryview(data)
        while view:
            view = view[stream.write(view) :]
