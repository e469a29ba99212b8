"""Locate environments by name or path."""

from __future__ import annotations

import os

from minicon.errors import NotAnEnvironment
from minicon.prefix.environment.prefix_location import is_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def locate_environment(
    target: str, *, root: str, envs_dirs: Iterable[str], cwd: str, home: str
) -> str:
    """Return the absolute path of an environment, without resolving links.

    Args:
        target: A name, or a path (contains a slash, or is ``.``, ``..`` or ``~``). An empty string,
            ``base`` and ``root`` mean the root directory itself.
        root: The root directory (MINICON_ROOT).
        envs_dirs: Directories to search for names, in order.
        cwd: The directory that relative paths start from.
        home: The user's home directory.

    Raises:
        NotAnEnvironment: Reference ``no-such-environment`` or ``no-base-environment``.
    """
    directories = tuple(envs_dirs)
    if target in ("", "base", "root"):
        if is_environment(root):
            return root
        raise NotAnEnvironment(
            "no-base-environment",
            f"{root} is not an environment: nothing is installed into base",
            hint=_known(directories, "minicon activate"),
        ).with_facts(location=root)
    if target.startswith("~"):
        target = home + target[1:] if target[1:2] in ("", "/") else os.path.expanduser(target)
    if "/" in target or os.sep in target or target in (".", ".."):
        path = os.path.normpath(os.path.join(cwd, target))
        if is_environment(path):
            return path
        import shlex

        raise NotAnEnvironment(
            "no-such-environment",
            f"{path} is not an environment (it has no conda-meta/history)",
            hint=f"create it: minicon create -p {shlex.quote(path)} PACKAGE...",
        ).with_facts(location=path)
    found = find_named(target, directories)
    if found is not None:
        return found
    is_here = is_environment(os.path.join(cwd, target))
    raise NotAnEnvironment(
        "no-such-environment",
        f"no environment named {target!r}",
        context="searched in " + ", ".join(directories),
        hint=f"for the environment in this directory, write ./{target}"
        if is_here
        else _known(directories, "", target),
    ).with_facts(location=os.path.join(directories[0], target) if directories else target)


def find_named(name: str, envs_dirs: Iterable[str]) -> str | None:
    """Return the path of the environment with a name; None if there is none."""
    paths = (os.path.join(directory, name) for directory in envs_dirs)
    return next(filter(is_environment, paths), None)


def _known(directories: Iterable[str], command: str, wanted: str = "") -> str:
    """Return a hint with the names of known environments."""
    names = sorted({name for directory in directories for name in _names_in(directory)})
    if not names:
        return f"create one with 'minicon create -n {wanted or 'NAME'} PACKAGE...'"
    if wanted:
        from minicon.models.near_names import near_names

        if near := near_names(wanted, names):
            return f"did you mean {near[0]!r}?"
    shown = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
    known = f"known environments: {shown}"
    return f"{command} NAME; {known}" if command else known


def _names_in(directory: str) -> list[str]:
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    return [
        n for n in names if not n.startswith(".") and is_environment(os.path.join(directory, n))
    ]
