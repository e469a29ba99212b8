"""List the environments of this user; light, for commands that run often."""

from __future__ import annotations

import os

from minicon.prefix.environment.environments_txt import registered_paths
from minicon.prefix.environment.prefix_location import is_environment

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


def _names(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return []
