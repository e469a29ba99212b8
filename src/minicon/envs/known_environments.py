"""Which environments there are, and whether one is being changed: light, for what runs often."""

from __future__ import annotations

import os

from minicon.prefix.environment.registered_paths import registered_paths
from minicon.shell.locate import is_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def known_environments(envs_dirs: Iterable[str], environments_txt: str) -> dict[str, str]:
    """Path to name: those in envs/ folders by name, then those that are registered elsewhere.

    Args:
        envs_dirs: Folders of named environments.
        environments_txt: ``~/.conda/environments.txt``.
    """
    found: dict[str, str] = {}
    for folder in envs_dirs:
        for name in _names(folder):
            path = os.path.join(folder, name)
            if is_environment(path):
                found.setdefault(path, name)
    for line in registered_paths(environments_txt):
        path = os.path.normpath(line)
        if os.path.isabs(path) and is_environment(path):
            folder, name = os.path.split(path)
            found.setdefault(path, name if os.path.basename(folder) == "envs" else "")
    return found


def needs_recovery(path: str | os.PathLike[str]) -> bool:
    """Whether a change is under way or was killed, or a store cannot be believed.

    Costs one listing, and some five system calls.
    """
    from minicon.prefix.environment.prefix_location import (
        generations_folder,
        is_of_its_owner,
        store_problem,
    )

    place = os.path.realpath(path)
    problem = store_problem(place)
    if problem is not None:
        return not is_of_its_owner(place, problem[0])
    try:
        names = os.listdir(generations_folder(place))
    except OSError:
        return False
    return not all(name.isdigit() or name.startswith(("lock", ".gitignore")) for name in names)


def _names(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return []
