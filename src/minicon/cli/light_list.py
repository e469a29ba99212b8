"""``minicon list`` and ``minicon env list`` in their plain forms, with next to nothing imported.

A list is made from the beginnings of the records. It is also remembered below the cache folder,
with inode and time of the folders that decide it: a record comes or goes by a change of
``conda-meta``, and what pip does by hand changes ``site-packages``.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = "lists-v1"
#: A folder that changed less than this long ago (seconds) may change again within one tick.
_SETTLED = 1.0
_LONGEST_NAME = 200
#: Packages from which on reading a remembered list is sooner than making it.
_WORTH_REMEMBERING = 40


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
    text = _remembered(prefix, cache) or _listed(prefix, cache)
    return None if text is None else _print(text)


def list_environments_lightly(environ: Mapping[str, str]) -> int | None:
    """Print what a plain ``env list`` prints: names and paths, from folders and one file.

    Returns:
        As :func:`list_lightly`.
    """
    home = os.path.expanduser("~")
    if _wants_json(environ, home):
        return None
    from minicon.cli.render.listing import environment_table
    from minicon.envs.known_environments import known_environments
    from minicon.errors import MiniconError
    from minicon.shell.commands import shell_context

    try:
        context = shell_context(environ, home=home, cwd=os.getcwd())
    except MiniconError:
        return None  # the whole command words it
    active = environ.get("CONDA_PREFIX")
    known = known_environments(context.envs_dirs, os.path.join(home, ".conda", "environments.txt"))
    text = environment_table((name, path, path == active) for path, name in known.items())
    return _print(text + "\n") if _is_plain(text) else None


def _print(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _is_plain(text: str) -> bool:
    """Whether every terminal shows it as it is."""
    return text.isascii() and text.replace("\n", "").isprintable()


def _listed(prefix: str, cache: str) -> str | None:
    """The list, made now."""
    from minicon.cli.render.listing import package_table
    from minicon.envs.known_environments import needs_recovery
    from minicon.prefix.environment.record_headers import NotPlain, read_record_headers
    from minicon.shell.locate import is_environment

    if not is_environment(prefix) or needs_recovery(prefix):
        return None
    try:
        heads, site_packages = read_record_headers(prefix)
    except NotPlain:
        return None
    rows = ((head.name, head.version, head.build, head.channel) for head in heads)
    text = package_table(prefix, rows)
    if not _is_plain(text):
        return None
    if len(heads) >= _WORTH_REMEMBERING:
        remember_list(prefix, site_packages, text, cache)
    return f"{text}\n"


def remember_list(prefix: str, site_packages: str | None, text: str, cache: str) -> None:
    """Keep what a plain ``list`` printed. A cache that cannot be written changes nothing."""
    import contextlib
    import time

    from minicon.errors import MiniconError
    from minicon.fs import operations

    folders = [f"{prefix}/conda-meta", *([site_packages] if site_packages else [])]
    with contextlib.suppress(MiniconError, OSError):
        newest = max(os.stat(folder).st_mtime for folder in folders)
        place = _place(prefix, cache)
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
    return text if is_same and text and _is_plain(text) else None


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
    if not arguments:
        active = environ.get("CONDA_PREFIX", "")
        return active if os.path.isabs(active) else None
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
