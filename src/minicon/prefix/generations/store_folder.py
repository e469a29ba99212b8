"""StoreFolder: where the other generations of an environment lie, and how that is reached."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from minicon.constants import GENERATIONS_INSIDE
from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.fs.ownership import is_real_folder
from minicon.prefix.environment.prefix_location import generations_folder

IGNORE = ".gitignore"


class StoreFolder:
    """The folder beside an environment, or inside it, that holds its other generations.

    It is opened from the environment, or from the folder that holds the environment; no link
    below that is followed. So neither an entry of the environment nor a neighbour's link in a
    shared folder makes minicon write elsewhere.

    Args:
        place: The environment, links resolved.

    Attributes:
        path: The folder.
        is_inside: Whether it lies in the environment.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.path = Path(generations_folder(str(place)))
        self.is_inside = self.path.name == GENERATIONS_INSIDE
        self._border = place if self.is_inside else place.parent
        self._relative = self.path.relative_to(self._border).as_posix()

    def made(self) -> Folder:
        """The folder, open; made, with the one that holds the environment, where it is missing."""
        operations.make_directory(self._border)
        with Folder.open(self._border) as border:
            return border.folder(self._relative, make=True)

    def opened(self, name: str = "") -> Folder:
        """The folder, or one of those in it, open. Raises OSError."""
        with Folder.open(self._border) as border:
            return border.folder(f"{self._relative}/{name}" if name else self._relative)

    def opened_parent(self) -> Folder:
        """The folder that holds this one. Raises OSError."""
        with Folder.open(self._border) as border:
            return border.folder(self._relative.rpartition("/")[0])

    def rename(self, name: str, new_name: str) -> None:
        """Give one of the folders in it another name."""
        with self.opened() as folder:
            folder.rename(name, folder, new_name)

    def remove_tree(self, name: str) -> None:
        """Remove one of the folders in it with all that it holds; fine if there is nothing."""
        with self.opened() as folder:
            folder.remove_tree(name)

    def move_in(self, name: str) -> None:
        """Make one of the folders in it the environment; nothing, or an empty folder, is there."""
        with self.opened() as folder, Folder.open(self.place.parent) as parent:
            folder.rename(name, parent, self.place.name)

    def move_out(self, name: str) -> None:
        """Make the environment one of the folders in it."""
        with self.opened() as folder, Folder.open(self.place.parent) as parent:
            parent.rename(self.place.name, folder, name)

    def exchange(self, name: str) -> bool:
        """Let one of the folders in it and the environment change places; False if unsupported."""
        with self.opened() as folder, Folder.open(self.place.parent) as parent:
            return folder.exchange(name, parent, self.place.name)


def remove_if_unused(stores: Path) -> None:
    """Leave no trace in a folder that holds no environment any more."""
    names = os.listdir(stores) if is_real_folder(stores) else [""]
    if set(names) <= {IGNORE}:
        # It may be that somebody else begins right now.
        with contextlib.suppress(OSError), Folder.open(stores.parent) as parent:
            with parent.child(stores.name) as folder:
                folder.remove_tree(IGNORE)
            parent.remove_directory(stores.name)
