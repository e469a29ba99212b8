"""A name or a path typed by the user → the path of an environment."""

from __future__ import annotations

import os

from minicon.errors import NotAnEnvironment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def locate_environment(
    target: str, *, root: str, envs_dirs: Iterable[str], cwd: str, home: str
) -> str:
    """The absolute path of an environment; links in it are not resolved.

    Args:
        target: A name, or a path (anything with a slash, ``.``, ``..``, ``~``); empty, ``base``
            and ``root`` mean MINICON_ROOT itself.
        root: MINICON_ROOT.
        envs_dirs: Where names are looked up, in order.
        cwd: What relative paths start from.
        home: The user's home folder.

    Raises:
        NotAnEnvironment: Reference ``no-such-environment`` or ``no-base-environment``.
    """
    places = tuple(envs_dirs)
    if target in ("", "base", "root"):
        if is_environment(root):
            return root
        raise NotAnEnvironment(
            "no-base-environment",
            f"there is no base environment in {root}",
            hint=_known(places, "minicon activate"),
        )
    if target.startswith("~"):
        target = home + target[1:] if target[1:2] in ("", "/") else os.path.expanduser(target)
    if "/" in target or os.sep in target or target in (".", ".."):
        path = os.path.normpath(os.path.join(cwd, target))
        if is_environment(path):
            return path
        raise NotAnEnvironment(
            "no-such-environment",
            f"{path} is not an environment (it has no conda-meta/history)",
            hint=f"make it: minicon create -p {path} PACKAGE...",
        )
    for folder in places:
        path = os.path.join(folder, target)
        if is_environment(path):
            return path
    raise NotAnEnvironment(
        "no-such-environment",
        f"no environment is named {target!r}",
        context="looked in " + ", ".join(places),
        hint=_known(places, "", target),
    )


def is_environment(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is an environment: it has ``conda-meta/history`` (CEP 32)."""
    return os.path.isfile(os.path.join(path, "conda-meta", "history"))


def _known(places: Iterable[str], command: str, wanted: str = "") -> str:
    names = sorted({name for place in places for name in _listed(place)})
    if not names:
        return f"make one: minicon create -n {wanted or 'NAME'} PACKAGE..."
    if wanted:
        import difflib

        if close := difflib.get_close_matches(wanted, names, 1):
            return f"did you mean {close[0]!r}?"
    shown = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
    return f"{command} NAME; there are: {shown}" if command else f"there are: {shown}"


def _listed(place: str) -> list[str]:
    try:
        names = os.listdir(place)
    except OSError:
        return []
    return [n for n in names if not n.startswith(".") and is_environment(os.path.join(place, n))]
