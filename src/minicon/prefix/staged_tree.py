"""StagedTree: the next generation of an environment while it is being built."""

from __future__ import annotations

import os
import posixpath
import stat

from minicon.errors import Clobbered
from minicon.fs import operations
from minicon.fs.safe_path import is_own_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

OPEN_FOLDER = (
    getattr(os, "O_PATH", os.O_RDONLY)
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


class StagedTree:
    """A folder in which paths are made one component at a time, never through an outward link.

    Args:
        root: The folder; it must exist, and nobody else writes to it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._real = {"": str(root)}

    def directory(self, relative: str) -> str:
        """Absolute path of a folder below the root, made with its parents if missing.

        Links to folders are followed as long as they stay below the root (some packages ship
        ``lib64 -> lib``, others files in ``lib64/``), and not in a place of minicon's own.

        Raises:
            Clobbered: A file, or a link that leads out, stands in the way.
        """
        known = self._real.get(relative)
        if known is not None:
            return known
        parent, _, name = relative.rpartition("/")
        path = f"{self.directory(parent)}/{name}"
        try:
            operations.make_directory_at(None, path)
        except FileExistsError:
            path = self._existing(path, relative)
        self._real[relative] = path
        return path

    def _existing(self, path: str, relative: str) -> str:
        mode = os.lstat(path).st_mode
        if stat.S_ISDIR(mode):
            return path
        if stat.S_ISLNK(mode):
            text = os.readlink(path)
            folder = os.path.relpath(os.path.dirname(path), self.root)
            inside = posixpath.normpath(posixpath.join(folder, text))
            leads_out = text.startswith("/") or inside == ".." or inside.startswith("../")
            if not leads_out and not is_own_place(inside):
                return self.directory("" if inside == "." else inside)
            what = "a link out of the environment" if leads_out else f"a link to {inside}"
        else:
            what = "a file"
        message = f"{relative} must be a folder, and {what} stands there"
        raise Clobbered("not-a-folder", message, hint="move it away and try again")

    def path(self, relative: str) -> str:
        """Absolute path of a file below the root; its folder is made."""
        folder, _, name = relative.rpartition("/")
        return f"{self.directory(folder)}/{name}"
