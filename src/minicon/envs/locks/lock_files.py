"""Lock files on disk: which kind a file is, and reading it."""

from __future__ import annotations

import re
from pathlib import Path

from minicon.envs.locks.conda_lock import format_conda_lock, parse_conda_lock
from minicon.envs.locks.lock_values import read_lock_text
from minicon.envs.locks.pixi_lock import parse_pixi_lock
from minicon.envs.locks.pylock import is_pylock_name, parse_pylock
from minicon.fs import operations
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from minicon.models.environment_files.lockfile import Lockfile

_ENDINGS = (".yml", ".yaml", ".lock")
_CONDA_LOCK = lazy_pattern(r"^package:", re.MULTILINE)
_METADATA = lazy_pattern(r"^metadata:", re.MULTILINE)
_PIXI = lazy_pattern(r"^environments:", re.MULTILINE)
_VERSION = lazy_pattern(r"^version:", re.MULTILINE)


def read_lock_file(
    path: str | os.PathLike[str], *, platform: str, environment: str | None = None
) -> Lockfile | None:
    """Read a lock file; None if the file is none.

    Args:
        path: The file.
        platform: Subdir that packages are wanted for. What ``pixi.lock`` and ``pylock.toml``
            hold for others may be left out.
        environment: Which one of a ``pixi.lock``; other files have but one.

    Raises:
        SpecError: It is one and cannot be read.
    """
    path = Path(path)
    if is_pylock_name(path.name):
        return parse_pylock(
            read_lock_text(path), source=str(path), folder=path.parent, platform=platform
        )
    if not path.name.lower().endswith(_ENDINGS) or not path.is_file():
        return None
    text = read_lock_text(path)
    if _CONDA_LOCK.search(text) and (_METADATA.search(text) or _VERSION.search(text)):
        return parse_conda_lock(text, source=str(path))
    if _PIXI.search(text) and _VERSION.search(text):
        return parse_pixi_lock(text, source=str(path), environment=environment, platform=platform)
    return None


def write_lock_file(path: Path, lock: Lockfile) -> bool:
    """Write ``conda-lock.yml``; readers see the old file or the new one.

    Returns:
        Whether anything changed.

    Raises:
        FileError: It cannot be written.
    """
    data = format_conda_lock(lock).encode()
    with operations.describing("write", path):
        if path.is_file() and path.read_bytes() == data:
            return False
        operations.replace_file(path, data)
    return True
