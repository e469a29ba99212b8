"""Read a lock file of any kind from disk; write ``conda-lock.yml``."""

from __future__ import annotations

import re

from minicon.envs.input_text import read_input_text
from minicon.envs.locks.conda_lock import format_conda_lock, parse_conda_lock
from minicon.envs.locks.pixi_lock import parse_pixi_lock
from minicon.envs.locks.pylock import is_pylock_name, parse_pylock
from minicon.errors import SpecError
from minicon.fs import operations
from minicon.fs.output_file import write_output
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from pathlib import Path

    from minicon.envs.input_text import InputText
    from minicon.models.environment_files.lockfile import Lockfile

_EXTENSIONS = (".yml", ".yaml", ".lock")
_CONDA_LOCK = lazy_pattern(r"^package:", re.MULTILINE)
_METADATA = lazy_pattern(r"^metadata:", re.MULTILINE)
_PIXI = lazy_pattern(r"^environments:", re.MULTILINE)
_VERSION = lazy_pattern(r"^version:", re.MULTILINE)


def read_lock_file(path: str | os.PathLike[str], *, platform: str) -> Lockfile | None:
    """Read a lock file, as :func:`parse_lock`, all of whose packages are needed."""
    return parse_lock(read_input_text(path), platform=platform, whole=True)


def parse_lock(
    file: InputText, *, platform: str, environment: str | None = None, whole: bool = False
) -> Lockfile | None:
    """Parse a lock file; None if the file is not a lock file.

    Args:
        file: The file.
        platform: Subdir whose packages are needed. Packages of other platforms may be left out
            of a ``pixi.lock`` or ``pylock.toml``.
        environment: Name of the environment in a ``pixi.lock``; other kinds have only one.
        whole: Whether all packages of the platform are needed, those of all groups included.

    Raises:
        SpecError: It is a lock file and cannot be parsed.
    """
    text, source = file.text, file.source
    if is_pylock_name(file.name):
        return parse_pylock(text, source=source, folder=file.folder, platform=platform, whole=whole)
    name = file.name.lower()
    if not name.endswith(_EXTENSIONS):
        return None
    if name == "pixi.lock" and not _VERSION.search(text):
        message = f"{source} has no 'version:', so it is no lock of pixi"
        raise SpecError("invalid-lock-file", message, hint="create it again with 'pixi lock'")
    if _CONDA_LOCK.search(text) and (_METADATA.search(text) or _VERSION.search(text)):
        return parse_conda_lock(text, source=source, whole=whole)
    if name == "pixi.lock" or (_PIXI.search(text) and _VERSION.search(text)):
        return parse_pixi_lock(text, source=source, environment=environment, platform=platform)
    return None


def write_lock_file(path: Path, lock: Lockfile) -> bool:
    """Write ``conda-lock.yml`` atomically, if its content changes.

    Returns:
        Whether it was written.

    Raises:
        FileError: It cannot be written.
    """
    data = format_conda_lock(lock).encode()
    with operations.describing("write", path):
        if path.is_file() and path.read_bytes() == data:
            return False
        write_output(path, data)
    return True
