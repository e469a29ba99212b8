"""Directories that choose an environment, and the list of those that the user allowed.

A directory may come from anyone, so its file is used only after ``minicon allow``, and only while
it is unchanged: the list contains a hash of path and content, as that of direnv.
"""

from __future__ import annotations

import hashlib
import os

from minicon.errors import ShellError
from minicon.fs.plain_file import decode_text

#: Files that name an environment; the first that exists is used.
CHOOSING_FILES = (".minicon", "environment.yml")
_SIZE_LIMIT = 1 << 20


def choosing_file(directory: str) -> str | None:
    """Return the file in a directory that names an environment; None if it has none."""
    for name in CHOOSING_FILES:
        path = os.path.join(os.path.abspath(directory), name)
        if os.path.isfile(path):
            return path
    return None


def chosen_environment(path: str) -> str | None:
    """Return the name or absolute path of the environment that a file names, or None.

    ``.minicon`` contains only a name or a path; ``environment.yml`` has ``name:`` or ``prefix:`` at
    the start of a line (other YAML forms are not supported).

    Raises:
        ShellError: The file cannot be read.
    """
    lines = decode_text(_read(path), "surrogateescape").splitlines()
    if os.path.basename(path) == CHOOSING_FILES[0]:
        plain = (line.strip() for line in lines)
        target = next((line for line in plain if line and not line.startswith("#")), "")
    else:
        target = _field(lines, "prefix:") or _field(lines, "name:")
    if target in (".", "..") or "/" in target:
        target = os.path.join(os.path.dirname(path), os.path.expanduser(target))
    return target or None


class AllowedFiles:
    """The list of files that may choose an environment; each line has a hash and a path.

    Args:
        path: Path of the list, which need not exist.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def allows(self, path: str) -> bool:
        """Whether a file is allowed with its current content."""
        return f"{_hash(path)} {path}" in self._lines()

    def paths(self) -> list[str]:
        """Return all allowed files, changed ones included."""
        return [line.partition(" ")[2] for line in self._lines()]

    def allow(self, path: str) -> None:
        """Allow a file with its current content.

        Raises:
            FileError: The list cannot be written.
            ShellError: The file cannot be read, or its path contains a line break.
        """
        if "\n" in path:
            raise ShellError("odd-path", f"a path with a line break cannot be allowed: {path!r}")
        self._write([*self._others(path), f"{_hash(path)} {path}"])

    def forget(self, path: str) -> bool:
        """Remove a file from the list; return False if it was not allowed."""
        others = self._others(path)
        if found := others != self._lines():
            self._write(others)
        return found

    def _lines(self) -> list[str]:
        try:
            with open(self._path, encoding="utf-8", errors="surrogateescape") as reader:
                return reader.read().split("\n")[:-1]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ShellError(
                "unreadable-list", f"cannot read {self._path}: {error.strerror}"
            ) from error

    def _others(self, path: str) -> list[str]:
        return [line for line in self._lines() if line.partition(" ")[2] != path]

    def _write(self, lines: list[str]) -> None:
        from minicon.fs import operations

        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        with operations.describing("write", self._path):
            operations.make_directory(os.path.dirname(self._path))
            operations.replace_file(self._path, data, 0o600)


def _field(lines: list[str], field: str) -> str:
    for line in lines:
        if line.startswith(field):
            value = line[len(field) :].strip()
            if value[:1] in ("'", '"'):
                return value[1:].partition(value[0])[0]
            return value.partition(" #")[0].strip()
    return ""


def _hash(path: str) -> str:
    return hashlib.sha256(os.fsencode(path) + b"\0" + _read(path)).hexdigest()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as reader:
            return reader.read(_SIZE_LIMIT)
    except OSError as error:
        raise ShellError("unreadable-file", f"cannot read {path}: {error.strerror}") from error
