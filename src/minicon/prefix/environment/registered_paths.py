"""The lines of ``environments.txt``; light, since listing environments should cost nothing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike


def registered_paths(file: str | PathLike[str]) -> list[str]:
    """Paths that the file lists, each once, in its order; none if it cannot be read."""
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as reader:
            lines = reader.read().splitlines()
    except OSError:
        return []
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))
