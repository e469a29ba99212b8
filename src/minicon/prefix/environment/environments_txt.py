"""``~/.conda/environments.txt``: where every tool of the family looks for environments."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from minicon.constants import CONDA_META
from minicon.fs import operations
from minicon.prefix.environment.registered_paths import registered_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Folders in which conda-build works are no environments (conda's rule).
_NOT_REGISTERED = ("placehold_pl", "skeleton_")
_LOCK_TIMEOUT = 10.0


def registered_environments(file: Path) -> tuple[Path, ...]:
    """Environments that the file lists and that are there, in its order."""
    return tuple(Path(line) for line in registered_paths(file) if _is_environment(Path(line)))


def register_environment(file: Path, prefix: Path) -> None:
    """Add an environment unless it is listed.

    Args:
        file: ``~/.conda/environments.txt``, or another.
        prefix: Absolute path.

    Raises:
        FileError: It cannot be written.
    """
    text = str(prefix)
    if any(part in text for part in _NOT_REGISTERED) or "\n" in text:
        return
    if text in registered_paths(file):
        return
    with _changing(file):
        lines = registered_paths(file)
        if text not in lines:
            _write(file, [*lines, text])


def unregister_environment(file: Path, prefix: Path) -> None:
    """Take an environment out, and with it those that are gone.

    Raises:
        FileError: It cannot be written.
    """
    text = str(prefix)
    if not file.exists():
        return
    with _changing(file):
        lines = registered_paths(file)
        kept = [line for line in lines if line != text and _is_environment(Path(line))]
        if kept != lines:
            _write(file, kept)


@contextlib.contextmanager
def _changing(file: Path) -> Iterator[None]:
    from minicon.fs.lock import locked

    lock = file.with_name(f".{file.name}.lock")
    with operations.describing("write", file), locked(lock, timeout=_LOCK_TIMEOUT):
        yield


def _write(file: Path, lines: Iterable[str]) -> None:
    operations.replace_file(
        file, "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")
    )


def _is_environment(path: Path) -> bool:
    return path.is_absolute() and os.path.isdir(path / CONDA_META)
