"""Write to a path that the user names: through links, and into devices and pipes."""

from __future__ import annotations

import os
import stat

from minicon.fs import operations

#: Directories whose entries stand for devices and open files, whatever their type.
_DEVICES = ("/dev/", "/proc/")


def write_output(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file for the user.

    A regular file is replaced atomically and keeps its mode; a link to it stays a link. Devices,
    pipes and ``/dev/stdout`` receive the data.

    Raises:
        OSError: The file system refuses, or the reader of a pipe is gone.
    """
    text = os.path.abspath(path)
    try:
        facts = os.stat(text)
    except FileNotFoundError:
        operations.replace_file(os.path.realpath(text), data)
        return
    if stat.S_ISREG(facts.st_mode) and not text.startswith(_DEVICES):
        operations.replace_file(os.path.realpath(text), data, stat.S_IMODE(facts.st_mode))
        return
    operations.checkpoint("append_file", text, None)
    with open(text, "ab", buffering=0) as stream:
        view = memoryview(data)
        while view:
            view = view[stream.write(view) :]
