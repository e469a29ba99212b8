"""Where things live: MINICON_ROOT, environments, packages, configuration files.

Light on purpose (no import but ``os``): the shell hook and ``run`` come through here.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAMES = (".condarc", "condarc", "condarc.d")


def default_root(environ: Mapping[str, str], home: str) -> str:
    """MINICON_ROOT, else the user's data folder for minicon.

    On macOS too that is ``~/.local/share``: ``Application Support`` holds a space, which shebang
    lines and many packages cannot carry.
    """
    if root := environ.get("MINICON_ROOT"):
        return os.path.abspath(expand(root, environ, home))
    if os.name == "nt":
        base = environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    else:
        base = environ.get("XDG_DATA_HOME", "")
        if not os.path.isabs(base):  # the XDG specification: relative paths are to be ignored
            base = os.path.join(home, ".local", "share")
    return os.path.join(base, "minicon")


def default_envs_dirs(root: str, home: str) -> tuple[str, ...]:
    """Where named environments are looked up; new ones go to the first. conda's come last."""
    return (os.path.join(root, "envs"), os.path.join(home, ".conda", "envs"))


def default_pkgs_dirs(root: str) -> tuple[str, ...]:
    """Package caches; the first that can be written takes new packages."""
    return (os.path.join(root, "pkgs"),)


def user_config_file(environ: Mapping[str, str], home: str) -> str:
    """The file that ``minicon config --set`` edits: MINICONRC, else minicon's own."""
    named = environ.get("MINICONRC")
    if named:
        return expand(named, environ, home)
    return os.path.join(_config_home(environ, home), "config.yml")


def allowed_files_list(environ: Mapping[str, str], home: str) -> str:
    """The file that tells which folders may choose an environment (``minicon allow``)."""
    return os.path.join(_config_home(environ, home), "allowed")


def config_files(environ: Mapping[str, str], home: str) -> list[str]:
    """The configuration files that exist, lowest priority first (conda's order, then minicon's).

    A handful of ``stat`` calls; nothing is read. Those of :func:`files_of_packages` are left out.
    """
    ours = files_of_packages(environ)
    return [
        path
        for path in _config_search_path(environ, home)
        if os.path.exists(path) and path not in ours
    ]


def files_of_packages(environ: Mapping[str, str]) -> dict[str, str]:
    """Configuration files that packages brought into environments, and whose each one is.

    Costs a few ``stat`` calls where environments hold no configuration, as nearly all do.
    """
    found: dict[str, str] = {}
    for prefix in (environ.get("CONDA_ROOT"), environ.get("CONDA_PREFIX")):
        for path in _in_place(prefix) if prefix else ():
            if os.path.exists(path):
                from minicon.config.package_files import package_of

                package = package_of(path, prefix or "")
                if package is not None:
                    found[path] = package
    return found


def _config_search_path(environ: Mapping[str, str], home: str) -> list[str]:
    """Every place where a configuration file would be read, lowest priority first."""
    return [path for place in _places(environ, home) for path in _in_place(place)]


def _places(environ: Mapping[str, str], home: str) -> Iterator[str]:
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


def _in_place(place: str) -> Iterator[str]:
    """The files of one place; a place that ends in ``/.`` is itself a file."""
    if place.endswith(os.sep + "."):
        yield place[:-2]
        return
    for name in _NAMES:
        path = os.path.join(place, name)
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
    """PATH with a leading ``~`` and ``$NAME`` or ``${NAME}`` filled in; unknown names stay."""
    if path == "~" or path.startswith(("~/", "~" + os.sep)):
        path = home + path[1:]
    if "$" not in path:
        return path
    import string

    return string.Template(path).safe_substitute(environ)
