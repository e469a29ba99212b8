"""StoreFolder: the directory of an environment's other generations, opened without links."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from minicon.constants import GENERATIONS_INSIDE
from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.fs.ownership import is_real_folder
from minicon.prefix.environment.prefix_location import generations_folder
from minicon.prefix.generations.store_entries import IGNORE_FILE


class StoreFolder:
    """The directory beside an environment, or inside it, that holds its other generations.

    It is opened from the environment, or from the directory that holds the environment; no link
    below that is followed. So neither an entry of the environment nor another user's link in a
    shared directory can redirect what minicon writes.

    Args:
        prefix: The environment, links resolved.

    Attributes:
        path: The store.
        is_inside: Whether it is inside the environment.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self.path = Path(generations_folder(str(prefix)))
        self.is_inside = self.path.name == GENERATIONS_INSIDE
        self._border = prefix if self.is_inside else prefix.parent
        self._relative = self.path.relative_to(self._border).as_posix()

    def made(self) -> Folder:
        """Create the store if it is missing, with its parents, and open it."""
        operations.make_directory(self._border)
        with Folder.open(self._border) as border:
            return border.folder(self._relative, make=True)

    def opened(self, name: str = "") -> Folder:
        """Open the store, or one of its trees. Raises OSError."""
        with Folder.open(self._border) as border:
            return border.folder(f"{self._relative}/{name}" if name else self._relative)

    def opened_parent(self) -> Folder:
        """Open the directory that holds the store. Raises OSError."""
        with Folder.open(self._border) as border:
            return border.folder(self._relative.rpartition("/")[0])

    def rename(self, name: str, new_name: str) -> None:
        """Rename a tree of the store."""
        with self.opened() as folder:
            folder.rename(name, folder, new_name)

    def remove_tree(self, name: str) -> None:
        """Remove a tree of the store with all its content; it may be missing."""
        with self.opened() as folder:
            folder.remove_tree(name)

    def move_in(self, name: str) -> None:
        """Make a tree the environment, where there is none or an empty directory."""
        with self.opened() as folder, Folder.open(self.prefix.parent) as parent:
            folder.rename(name, parent, self.prefix.name)

    def move_out(self, name: str) -> None:
        """Move the environment into the store."""
        with self.opened() as folder, Folder.open(self.prefix.parent) as parent:
            parent.rename(self.prefix.name, folder, name)

    def exchange(self, name: str) -> bool:
        """Swap a tree and the environment in one step; False if that is not supported."""
        with self.opened() as folder, Folder.open(self.prefix.parent) as parent:
            return folder.exchange(name, parent, self.prefix.name)


def remove_if_unused(stores: Path) -> None:
    """Remove the directory of all stores if it holds none."""
    names = os.listdir(stores) if is_real_folder(stores) else [""]
    if set(names) <= {IGNORE_FILE}:
        # Another process may be creating a store right now.
        with contextlib.suppress(OSError), Folder.open(stores.parent) as parent:
            with parent.child(stores.name) as folder:
                folder.remove_tree(IGNORE_FILE)
            parent.remove_directory(stores.name)
