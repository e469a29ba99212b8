"""StagedTree: the next generation of an environment while it is being built."""

from __future__ import annotations

import os
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
#: Links that a path may lead through; Linux stops at 40 as well.
_LINKS_LIMIT = 40


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
            inside = self.place_of_link(path)
            if inside is not None and not is_own_place(inside):
                return self.directory(inside)
            what = "a link out of the environment" if inside is None else f"a link to {inside}"
        else:
            what = "a file"
        message = f"{relative} must be a folder, and {what} stands there"
        raise Clobbered("not-a-folder", message, hint="move it away and try again")

    def place_of_link(self, path: str) -> str | None:
        """Where a link in the tree leads, relative to the root; None if that is outside of it.

        Every link on the way is followed as the kernel would: ``b/..`` is not here where ``b`` is
        a link. What is not there yet counts as a folder.

        Args:
            path: Absolute path of the link; its folder is not reached through links.
        """
        here = [part for part in os.path.relpath(path, self.root).split(os.sep) if part != "."]
        ahead = [here.pop()]
        links = 0
        while ahead:
            component = ahead.pop()
            if component in ("", "."):
                continue
            if component == "..":
                if not here:
                    return None
                here.pop()
                continue
            here.append(component)
            text = _link_text(os.path.join(self.root, *here))
            if text is None:
                continue
            links += 1
            if links > _LINKS_LIMIT:
                return None
            if text.startswith("/"):  # a file linked into the cache, or a link of the user's
                leaves = links == 1 or ".." in ahead
                return None if leaves else "/".join([*here, *ahead[::-1]])
            here.pop()
            ahead.extend(text.split("/")[::-1])
        return "/".join(here)

    def path(self, relative: str) -> str:
        """Absolute path of a file below the root; its folder is made."""
        folder, _, name = relative.rpartition("/")
        return f"{self.directory(folder)}/{name}"


def _link_text(path: str) -> str | None:
    """What a link reads; None for all that is no link, or not there."""
    try:
        return os.readlink(path)
    except OSError:
        return None
