"""``~/.conda/environments.txt``: the list of environments that conda and its relatives share.

Reading it is light, for commands that run often.
"""

from __future__ import annotations

import os

from minicon.prefix.environment.prefix_location import is_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from os import PathLike
    from pathlib import Path

#: Parts of paths that are not registered: working directories of conda-build (conda's rule).
_NOT_REGISTERED = ("placehold_pl", "skeleton_")
_LOCK_TIMEOUT = 10.0


def registered_paths(file: str | PathLike[str]) -> list[str]:
    """The paths that the file lists, in order, without duplicates; empty if it cannot be read."""
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as reader:
            lines = reader.read().split("\n")
    except OSError:
        return []
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


def registered_environments(file: Path) -> tuple[Path, ...]:
    """The listed paths that are environments, in order."""
    from pathlib import Path

    return tuple(Path(line) for line in registered_paths(file) if _is_registered(line))


def register_environment(file: Path, prefix: Path) -> None:
    """Add an environment unless it is listed.

    Args:
        file: ``~/.conda/environments.txt``, or another.
        prefix: Absolute path.

    Raises:
        FileError: The file cannot be written.
    """
    text = str(prefix)
    if any(part in text for part in _NOT_REGISTERED) or "\n" in text:
        return
    if text not in registered_paths(file):
        _change(file, lambda lines: lines if text in lines else [*lines, text])


def unregister_environment(file: Path, prefix: Path) -> None:
    """Remove an environment from the list, and with it paths that no longer are environments.

    Raises:
        FileError: The file cannot be written.
    """
    text = str(prefix)
    if file.exists():
        _change(file, lambda lines: [n for n in lines if n != text and _is_registered(n)])


def _change(file: Path, edit: Callable[[list[str]], list[str]]) -> None:
    from minicon.fs import operations
    from minicon.fs.lock import locked

    lock = file.with_name(f".{file.name}.lock")
    with operations.describing("write", file), locked(lock, timeout=_LOCK_TIMEOUT):
        before = registered_paths(file)
        after = edit(before)
        if after != before:
            text = "".join(f"{line}\n" for line in after)
            operations.replace_file(file, text.encode(errors="surrogateescape"))


def _is_registered(line: str) -> bool:
    return os.path.isabs(line) and is_environment(line)


def known_environments(
    envs_dirs: Iterable[str], environments_txt: str, root: str
) -> dict[str, str]:
    """Return the known environments, each once: path to the name that ``-n`` accepts for it.

    An environment that no name reaches has an empty name: it is in no directory of ``envs_dirs``,
    or an earlier one has an environment of the same name. Several paths that lead to one directory
    are one environment, with the first path.

    Args:
        envs_dirs: Directories of named environments, sorted by name, links last.
        environments_txt: Path of ``~/.conda/environments.txt``, which lists the others.
        root: The root directory; if it is an environment, it is ``base``, and comes first.
    """
    paths = [(root, "base")]
    paths += [(os.path.join(folder, name), name) for folder in envs_dirs for name in _names(folder)]
    paths += [(os.path.normpath(line), "") for line in registered_paths(environments_txt)]
    found: dict[str, str] = {}
    identities: set[tuple[int, int]] = set()
    for path, name in paths:
        if not (os.path.isabs(path) and is_environment(path)):
            continue
        status = os.stat(path)
        identity = (status.st_dev, status.st_ino)
        if identity not in identities:
            identities.add(identity)
            found[path] = "" if name in found.values() else name
    return found


def is_active_environment(path: str, environ: Mapping[str, str]) -> bool:
    """Whether ``CONDA_PREFIX`` is an environment, in whatever spelling."""
    try:
        return os.path.samefile(path, environ["CONDA_PREFIX"])
    except (KeyError, OSError):
        return False


def _names(folder: str) -> list[str]:
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return []
    return sorted(names, key=lambda name: os.path.islink(os.path.join(folder, name)))
