"""Move an environment, and its kept generations, to another path by one rename each.

Files that contain the path are written before, for the new path, into a directory of the store::

    changed files ─> stage-…     journal ─> RENAME of the environment ─> of its generations
                                                   └─ then changed files replace those in the tree

Killed before the rename, nothing happened. Killed after it, the environment at the new path has
files with the old one until recovery, which the next command does, has replaced the rest. Each step
can be repeated: a file that was moved into the tree is no longer in the stage.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.lean_dataclasses import dataclass
from minicon.prefix.environment.prefix_location import is_environment, store_problem
from minicon.prefix.generations.metadata import (
    is_generation,
    is_generation_of,
    read_generation_metadata,
)
from minicon.prefix.generations.store_entries import is_environment_mark, is_number, is_stage
from minicon.prefix.generations.store_folder import StoreFolder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The environment itself among the trees that are moved.
ENVIRONMENT = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeMove:
    """A move under way, as the journal records it.

    Attributes:
        source: The environment's previous path.
        mark: Of the environment; empty for one that another tool made.
        changes: Per tree the stage that holds its changed files: :data:`ENVIRONMENT`, or the
            number of a kept generation.
    """

    source: str
    mark: str
    changes: tuple[tuple[str, str], ...]

    @classmethod
    def from_json(cls, data: object) -> TreeMove:
        """Validate the result of :meth:`to_json`.

        Raises:
            ValueError: Anything else; the text is a sentence about "it".
        """
        if not isinstance(data, dict) or data.keys() != set(cls.__slots__):
            raise ValueError("its move has unknown or missing keys")
        source, mark, changes = (data[name] for name in cls.__slots__)
        is_valid = (
            isinstance(source, str)
            and "\0" not in source
            and os.path.normpath(source) == source
            and os.path.isabs(source)
            and (mark == "" or is_environment_mark(mark))
            and isinstance(changes, list)
            and all(isinstance(pair, list) and len(pair) == 2 for pair in changes)
            and all(name == ENVIRONMENT or _is_number(name) for name, _ in changes)
            and all(is_stage(stage) for _, stage in changes)
        )
        if not is_valid:
            raise ValueError("its move names invalid trees or paths")
        return cls(source=source, mark=mark, changes=tuple(map(tuple, changes)))

    def to_json(self) -> dict[str, Any]:
        """Serialize for the journal."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def stages(self) -> tuple[str, ...]:
        """The directories of changed files."""
        return tuple(stage for _, stage in self.changes)


def _is_number(name: object) -> bool:
    return isinstance(name, str) and is_number(name)


def finish_move(move: TreeMove, store: StoreFolder, *, durable: bool = True) -> None:
    """Finish a move, if the environment was renamed; else nothing is done. Can be repeated.

    Args:
        move: As the journal of the new path has it.
        store: The store of the new path.
        durable: Whether to wait for the disk.

    Raises:
        OSError: From the file system; it can be called again.
    """
    if not _was_renamed(move, store.prefix):
        return
    for name, stage in move.changes:
        if name != ENVIRONMENT:
            _move_generation(name, move.source, store)
        # A generation may have been removed meanwhile, and a stage is once it was used.
        missing = contextlib.suppress(FileNotFoundError)
        with missing, _tree(store, name) as tree, store.opened(stage) as changed:
            _replace_files(changed, tree)
        store.remove_tree(stage)
    if durable:  # all renames must have reached the disk before the journal is gone
        operations.sync_file_system(store.path)


def _was_renamed(move: TreeMove, prefix: Path) -> bool:
    """Whether the environment is at its new path: inodes and devices may be others after a cut."""
    if not is_environment(prefix) or read_generation_metadata(prefix).environment != move.mark:
        return False
    return move.mark != "" or not is_environment(move.source)


def _tree(store: StoreFolder, name: str) -> Folder:
    return store.opened(name) if name else Folder.open(store.prefix)


def _move_generation(name: str, source: str, store: StoreFolder) -> None:
    """Move a kept generation from the store of the previous path, unless that was done."""
    before = StoreFolder(Path(source))
    tree = before.path / name
    is_ours = store_problem(source) is None and is_generation(tree)
    if is_ours and is_generation_of(store.prefix, tree):
        with before.opened() as old, store.opened() as new:
            if new.status(name) is None:
                old.rename(name, new, name)


def _replace_files(changed: Folder, tree: Folder) -> None:
    folders, names = changed.entries()
    for name in names:
        changed.rename(name, tree, name)
    for name in folders:
        with changed.child(name) as source, tree.child(name) as target:
            _replace_files(source, target)
