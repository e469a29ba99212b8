"""Check after every test: no write outside of the test's directory, and bounded memory."""

from __future__ import annotations

import os
import resource
import sys

import pytest

#: Bytes that one test may add to the maximum memory of this process.
_MOST_MEMORY = 1 << 29
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
#: Audit events of Python that change the file system, and their number of path arguments.
_CHANGES = {
    "os.chmod": 1,
    "os.link": 2,
    "os.mkdir": 1,
    "os.remove": 1,
    "os.rename": 2,
    "os.rmdir": 1,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.utime": 1,
    "shutil.rmtree": 1,
}


class Watch:
    """Records every change of the file system while it is on."""

    def __init__(self) -> None:
        self.allowed: str | None = None
        self.outside: list[str] = []

    def __call__(self, event: str, arguments: tuple) -> None:
        if self.allowed is None:
            return
        if event == "open":
            paths = arguments[:1] if (arguments[2] or 0) & _WRITING else ()
        else:
            paths = arguments[: _CHANGES.get(event, 0)]
        # The text of a symbolic link is not a path to write.
        for path in paths[1:] if event == "os.symlink" else paths:
            if isinstance(path, str | bytes | os.PathLike) and not self._is_fine(os.fsdecode(path)):
                self.outside.append(f"{event} {path!r}")

    def _is_fine(self, path: str) -> bool:
        if not os.path.isabs(path):  # below a descriptor, or in the working directory
            return ".." not in path.split("/")
        real = os.path.realpath(os.path.dirname(path))
        own = "__pycache__" in path or "/.hypothesis" in path  # of python and of the tests
        own = own or path.startswith("/proc/self/fd/")  # a file without a name gets one
        return own or f"{real}/".startswith((f"{self.allowed}/", "/dev/"))


_watch = Watch()
sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def contained(tmp_path_factory):
    """Assert the module's rules."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _watch.allowed = os.path.realpath(tmp_path_factory.getbasetemp())
    yield
    _watch.allowed = None
    outside, _watch.outside = _watch.outside, []
    assert not outside
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < _MOST_MEMORY
