"""The files of an environment that are copied to another machine, and those that are left out."""

from __future__ import annotations

import fnmatch
import os
import re
from typing import NamedTuple

from minicon.constants import CONDA_META, HISTORY
from minicon.errors import PrefixError
from minicon.lean_dataclasses import dataclass
from minicon.prefix.environment.prefix_location import is_environment, unmovable_entries
from minicon.prefix.generations.store_entries import GENERATION_FILE
from minicon.travel.destination import DESTINATION_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What ``--slim`` can leave out: regular expressions for paths.
_SLIM = {
    "headers": r"include/.*",
    "static": r".*\.(a|la)",
    "bytecode": r"(.*/)?__pycache__/.*",
    "tests": (
        r"lib/python[\d.]+t?/(test|idlelib/idle_test|(?!site-packages/tests?/)([^/]+/)+tests?)/.*"
    ),
    "records": r"conda-meta/(?!history$).*",
}
#: What ``--slim`` leaves out without further words: nothing that a program or minicon needs.
SLIM_KINDS = ("headers", "static", "bytecode", "tests")
ALL_SLIM_KINDS = tuple(_SLIM)
#: Files of this environment on this machine: its revision, and copies that activation can rewrite.
_OWN = (GENERATION_FILE, f"{CONDA_META}/minicon", DESTINATION_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which files are packed.

    Attributes:
        slim: Kinds of files to leave out, keys of :data:`ALL_SLIM_KINDS`.
        filters: Patterns in the order they apply: whether they add again what an earlier one
            left out, and the pattern for paths, in which ``*`` also stands for a ``/``.
    """

    slim: tuple[str, ...] = ()
    filters: tuple[tuple[bool, str], ...] = ()

    def includes(self, path: str) -> bool:
        """Whether a path is packed."""
        kept = not any(re.fullmatch(_SLIM[kind], path) for kind in self.slim)
        for adds, pattern in self.filters:
            if adds != kept and fnmatch.fnmatchcase(path, pattern):
                kept = adds
        return kept or path == HISTORY


class Item(NamedTuple):
    """One file, link or empty directory of an environment; small, since there are 100,000.

    Attributes:
        path: Relative to the prefix, with forward slashes.
        mode: Kind and permissions, as ``st_mode``.
        size: In bytes.
        modified: Seconds since 1970.
        inode: Identifies a file that has several names; None for others.
    """

    path: str
    mode: int
    size: int
    modified: int
    inode: tuple[int, int] | None

    @classmethod
    def of(cls, path: str, status: os.stat_result) -> Item:
        """Describe what is at a path."""
        inode = (status.st_dev, status.st_ino) if status.st_nlink > 1 else None
        return cls(path, status.st_mode, status.st_size, int(status.st_mtime), inode)


@dataclass(frozen=True, slots=True)
class Contents:
    """The items of an environment, sorted by path; and the paths of those that are left out."""

    items: tuple[Item, ...]
    left_out: frozenset[str]


def read_contents(prefix: Path, selection: Selection) -> Contents:
    """List an environment. Costs about ten microseconds per file.

    Raises:
        PrefixError: ``holds-environments``: another environment is inside.
        OSError: A directory cannot be read.
    """
    found = sorted(_walk(str(prefix)))
    if not (selection.slim or selection.filters):
        return Contents(tuple(found), frozenset())
    kept = tuple(item for item in found if selection.includes(item.path))
    paths = {item.path for item in kept}
    return Contents(kept, frozenset(item.path for item in found if item.path not in paths))


def _walk(prefix: str) -> Iterator[Item]:
    excluded = unmovable_entries(prefix)
    waiting = [""]
    for folder in waiting:  # grows while it is walked
        is_empty = True
        with os.scandir(f"{prefix}/{folder}") as entries:
            for entry in entries:
                path = folder + entry.name
                is_empty = False
                if (not folder and entry.name in excluded) or path in _OWN:
                    continue
                if not entry.is_dir(follow_symlinks=False):
                    yield Item.of(path, entry.stat(follow_symlinks=False))
                    continue
                if folder and entry.name == CONDA_META:
                    _refuse_environment(prefix, f"{prefix}/{folder}")
                waiting.append(f"{path}/")
        if is_empty and folder:
            yield Item.of(folder[:-1], os.lstat(f"{prefix}/{folder}"))


def _refuse_environment(prefix: str, inner: str) -> None:
    if is_environment(inner):
        raise PrefixError(
            "holds-environments",
            f"{prefix} cannot be packed: it contains another environment, {inner.rstrip('/')}",
            hint="move the inner environment elsewhere (minicon rename)",
        )
