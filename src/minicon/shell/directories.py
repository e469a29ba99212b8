"""Folders that choose an environment: which file names it, and whether the user allowed that.

A folder that one enters may come from anyone, so its word counts only after ``minicon allow``,
and only as long as the file is the same: the list holds a hash of path and content (as direnv's).
"""

from __future__ import annotations

import hashlib
import os

from minicon.errors import ShellError

#: The files that name an environment, the first one found in a folder counts.
CHOOSING_FILES = (".minicon", "environment.yml")
_SIZE_LIMIT = 1 << 20


def choosing_file(directory: str) -> str | None:
    """The file of DIRECTORY itself that names an environment; None where there is none."""
    for name in CHOOSING_FILES:
        path = os.path.join(os.path.abspath(directory), name)
        if os.path.isfile(path):
            return path
    return None


def chosen_environment(path: str) -> str | None:
    """The name or absolute path of the environment that a file names; None: it names none.

    ``.minicon`` holds a name or a path and nothing else; ``environment.yml`` has ``name:`` or
    ``prefix:`` at the start of a line (what YAML would make of stranger forms is not asked).

    Raises:
        ShellError: It cannot be read, or holds no text.
    """
    lines = _read(path).decode("utf-8", "surrogateescape").splitlines()
    if os.path.basename(path) == CHOOSING_FILES[0]:
        plain = (line.strip() for line in lines)
        target = next((line for line in plain if line and not line.startswith("#")), "")
    else:
        target = _field(lines, "prefix:") or _field(lines, "name:")
    if target in (".", "..") or "/" in target:
        target = os.path.join(os.path.dirname(path), os.path.expanduser(target))
    return target or None


class AllowedFiles:
    """The list of files that may choose an environment: lines of hash and path.

    Args:
        path: The list; it need not exist.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def allows(self, path: str) -> bool:
        """Whether this file, as it is now, was allowed."""
        return f"{_hash(path)} {path}" in self._lines()

    def paths(self) -> list[str]:
        """Every file that was allowed, whatever it holds now."""
        return [line.partition(" ")[2] for line in self._lines()]

    def allow(self, path: str) -> None:
        """Let this file, as it is now, choose an environment.

        Raises:
            FileError: The list cannot be written.
            ShellError: The file cannot be read, or its path cannot be written in one line.
        """
        if "\n" in path:
            raise ShellError("odd-path", f"a line break in a path cannot be listed: {path!r}")
        self._write([*self._others(path), f"{_hash(path)} {path}"])

    def forget(self, path: str) -> bool:
        """Take the word back; False where it was not given."""
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
