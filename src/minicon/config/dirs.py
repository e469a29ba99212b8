"""Directories and files: MINICON_ROOT, environments, package caches, configuration files.

Imports ``os`` only, because the shell hook and ``run`` use this module.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAMES = (".condarc", "condarc", "condarc.d")


def default_root(environ: Mapping[str, str], home: str) -> str:
    """MINICON_ROOT, or the user's data directory for minicon.

    On macOS, too, that is in ``~/.local/share``: ``Application Support`` contains a space, which
    shebang lines and many packages do not support.
    """
    if root := environ.get("MINICON_ROOT"):
        return os.path.abspath(expand(root, environ, home))
    if os.name == "nt":
        base = environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    else:
        base = environ.get("XDG_DATA_HOME", "")
        if not os.path.isabs(base):  # the XDG specification requires to ignore relative paths
            base = os.path.join(home, ".local", "share")
    return os.path.join(base, "minicon")


def default_envs_dirs(root: str, home: str) -> tuple[str, ...]:
    """Directories of named environments; new ones are created in the first. conda's is last."""
    return (os.path.join(root, "envs"), os.path.join(home, ".conda", "envs"))


def default_pkgs_dirs(root: str) -> tuple[str, ...]:
    """Package caches; new packages are saved in the first writable one."""
    return (os.path.join(root, "pkgs"),)


def user_config_file(environ: Mapping[str, str], home: str) -> str:
    """The file that ``minicon config --set`` edits: MINICONRC, or minicon's own."""
    named = environ.get("MINICONRC")
    if named:
        return expand(named, environ, home)
    return os.path.join(_config_home(environ, home), "config.yml")


def conda_user_file(environ: Mapping[str, str], home: str) -> str:
    """The file that ``conda config --set`` edits: CONDARC, or ``~/.condarc``."""
    return expand(environ.get("CONDARC") or "~/.condarc", environ, home)


def allowed_files_list(environ: Mapping[str, str], home: str) -> str:
    """The list of directories that may select an environment (``minicon allow``)."""
    return os.path.join(_config_home(environ, home), "allowed")


def config_files(environ: Mapping[str, str], home: str) -> list[str]:
    """Existing configuration files, lowest priority first (conda's order, then minicon's).

    Files of :func:`files_of_packages` are excluded; with MINICON_NO_RC there are none. Cost: some
    ``stat`` calls; no file is read.
    """
    if environ.get("MINICON_NO_RC"):
        return []
    ours = files_of_packages(environ)
    return [
        path
        for path in _config_search_path(environ, home)
        if os.path.exists(path) and path not in ours
    ]


def files_of_packages(environ: Mapping[str, str]) -> dict[str, str]:
    """Configuration files that packages installed into environments, with the package's name.

    Cost: a few ``stat`` calls if the environments contain no configuration, as nearly always.
    """
    found: dict[str, str] = {}
    for prefix in (environ.get("CONDA_ROOT"), environ.get("CONDA_PREFIX")):
        for path in _files_at(prefix) if prefix else ():
            if os.path.exists(path):
                from minicon.config.package_files import package_of

                package = package_of(path, prefix or "")
                if package is not None:
                    found[path] = package
    return found


def _config_search_path(environ: Mapping[str, str], home: str) -> list[str]:
    """All paths at which a configuration file would be read, lowest priority first."""
    return [path for location in _locations(environ, home) for path in _files_at(location)]


def _locations(environ: Mapping[str, str], home: str) -> Iterator[str]:
    """Directories, and files with ``/.`` appended."""
    if os.name == "nt":
        yield from (r"C:\ProgramData\conda",)
    else:
        yield from ("/etc/conda", "/var/lib/conda")
    if root := environ.get("CONDA_ROOT"):
        yield root
    xdg = environ.get("XDG_CONFIG_HOME", "")
    default = os.path.join(home, ".config")
    if os.path.isabs(xdg) and xdg != default:
        yield os.path.join(xdg, "conda")
    yield os.path.join(default, "conda")
    yield os.path.join(home, ".conda")
    yield os.path.join(home, ".condarc") + os.sep + "."
    if prefix := environ.get("CONDA_PREFIX"):
        yield prefix
    if named := environ.get("CONDARC"):
        yield expand(named, environ, home) + os.sep + "."
    yield os.path.join(_config_home(environ, home), "config.yml") + os.sep + "."
    if named := environ.get("MINICONRC"):
        yield expand(named, environ, home) + os.sep + "."


def _files_at(location: str) -> Iterator[str]:
    """Paths of configuration files at a location of :func:`_locations`."""
    if location.endswith(os.sep + "."):
        yield location[:-2]
        return
    for name in _NAMES:
        path = os.path.join(location, name)
        if name != "condarc.d":
            yield path
        elif os.path.isdir(path):
            names = sorted(n for n in os.listdir(path) if n.endswith((".yml", ".yaml")))
            yield from (os.path.join(path, n) for n in names)


def _config_home(environ: Mapping[str, str], home: str) -> str:
    if os.name == "nt":
        return os.path.join(environ.get("APPDATA") or os.path.join(home, "AppData"), "minicon")
    base = environ.get("XDG_CONFIG_HOME", "")
    return os.path.join(base if os.path.isabs(base) else os.path.join(home, ".config"), "minicon")


def expand(path: str, environ: Mapping[str, str], home: str) -> str:
    """Expand a leading ``~``, and ``$NAME`` or ``${NAME}``, in a path; unknown names stay."""
    if path == "~" or path.startswith(("~/", "~" + os.sep)):
        path = home + path[1:]
    if "$" not in path:
        return path
    import string

    return string.Template(path).safe_substitute(environ)
