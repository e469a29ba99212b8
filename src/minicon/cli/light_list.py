"""``minicon list`` said again: what it printed last time, if nothing has changed since.

The first plain ``list`` of an environment is remembered below the cache folder, with inode and
time of the folders that decide it: a record comes or goes by a change of ``conda-meta``, and what
pip does by hand changes ``site-packages``. Repeating it needs no parser, settings or records.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FOLDER = "lists-v1"
#: A folder that changed less than this long ago (seconds) may change again within one tick.
_SETTLED = 1.0
_LONGEST_NAME = 200


def list_lightly(arguments: list[str], environ: Mapping[str, str]) -> int | None:
    """Print the remembered list of ``list -n NAME`` or ``list -p PATH``.

    Args:
        arguments: What follows ``list`` on the command line.
        environ: The process's variables.

    Returns:
        The exit code, or None when the whole command has to look at it.
    """
    from minicon.config import dirs

    home = os.path.expanduser("~")
    prefix = _prefix(arguments, environ, home)
    if prefix is None or _wants_json(environ, home):
        return None
    cache = os.path.join(dirs.default_root(environ, home), "cache")
    text = _remembered(prefix, cache)
    if text is None:
        return None
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def remember_list(prefix: Path, site_packages: Path | None, text: str, cache: Path) -> None:
    """Keep what a plain ``list`` printed. A cache that cannot be written changes nothing."""
    import contextlib
    import time

    from minicon.errors import MiniconError
    from minicon.fs import operations

    folders = [f"{prefix}/conda-meta", *([str(site_packages)] if site_packages else [])]
    with contextlib.suppress(MiniconError, OSError):
        newest = max(os.stat(folder).st_mtime for folder in folders)
        place = _place(str(prefix), str(cache))
        if place is None or not 0 < newest < time.time() - _SETTLED:
            return
        lines = "".join(_line(folder) for folder in folders)
        with operations.describing("write", place):
            operations.make_directory(os.path.dirname(place))
            operations.replace_file(place, f"{lines}\n{text}\n".encode(), durable=False)


def _remembered(prefix: str, cache: str) -> str | None:
    """The text, if the folders that decide it are as they were."""
    place = _place(prefix, cache)
    try:
        with open(place or "", encoding="utf-8", newline="") as reader:
            lines, _, text = reader.read().partition("\n\n")
        folders = [line.partition("\t")[0] for line in lines.splitlines()]
        current = "".join(map(_line, folders))
    except (OSError, ValueError):
        return None
    is_same = current == f"{lines}\n" and folders[:1] == [f"{prefix}/conda-meta"]
    return text if is_same and text else None


def _line(folder: str) -> str:
    """A folder with what changes when something in it comes or goes."""
    status = os.stat(folder)
    return f"{folder}\t{status.st_dev}:{status.st_ino}:{status.st_mtime_ns}\n"


def _place(prefix: str, cache: str) -> str | None:
    name = prefix.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C").replace(":", "%3A")
    if len(name) > _LONGEST_NAME or not name.isprintable():
        return None
    return os.path.join(cache, _FOLDER, name)


def _prefix(arguments: list[str], environ: Mapping[str, str], home: str) -> str | None:
    """The environment that a plain command line means."""
    if len(arguments) != 2 or arguments[0] not in ("-n", "--name", "-p", "--prefix"):
        return None
    option, value = arguments
    if option in ("-p", "--prefix"):
        return os.path.abspath(os.path.expanduser(value))
    from minicon.errors import MiniconError
    from minicon.shell.commands import shell_context

    if {"/", os.sep, "~"} & set(value) or value in ("", "base", "root", ".", ".."):
        return None
    try:
        return shell_context(environ, home=home, cwd=os.getcwd()).locate(value)
    except MiniconError:
        return None  # the whole command words it


def _wants_json(environ: Mapping[str, str], home: str) -> bool:
    """Whether a setting may ask for another form of output."""
    from minicon.config import dirs

    if "MINICON_JSON" in environ or "CONDA_JSON" in environ:
        return True
    return any(_speaks_of_json(path) for path in dirs.config_files(environ, home))


def _speaks_of_json(path: str) -> bool:
    try:
        with open(path, "rb") as reader:
            return b"json" in reader.read()
    except OSError:
        return True  # loading it says what is wrong
