"""List the environments of this user; light, for commands that run often."""

from __future__ import annotations

import os

from minicon.prefix.environment.environments_txt import registered_paths
from minicon.prefix.environment.prefix_location import is_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def known_environments(envs_dirs: Iterable[str], environments_txt: str) -> dict[str, str]:
    """Return the known environments: path to name, or to an empty string without a name.

    Args:
        envs_dirs: Directories of named environments, which come first, sorted by name.
        environments_txt: Path of ``~/.conda/environments.txt``, which lists the others.
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
