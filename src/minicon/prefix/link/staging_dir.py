"""StagedTree: the next generation of an environment while it is being built."""

from __future__ import annotations

import errno
import os

from minicon.errors import Clobbered
from minicon.fs.folder_tree import FolderTree
from minicon.fs.safe_path import is_reserved_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.fs.folder import Folder
    from minicon.fs.operations import PathText

#: Links that a path may lead through; Linux stops at 40 as well.
_LINKS_LIMIT = 40


class StagingDirectory(FolderTree):
    """Makes folders one component at a time, never through a link that leads out.

    Links to folders are followed as long as they stay below the root, and not in a place of
    minicon's own. What else stands in the place of a folder raises Clobbered.

    Args:
        root: The folder; it must exist.
    """

    def __init__(self, root: PathText) -> None:
        super().__init__(root, through_links=True)

    def _walk(self, relative: str) -> Folder:
        """Open a folder for the first time; what is in the way is told in words (Clobbered)."""
        try:
            return super()._walk(relative)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            is_link = error.errno == errno.ELOOP
            what = "a link out of the environment" if is_link else "a file"
            message = f"{relative} must be a folder, and {what} stands there"
            hint = "move it away and try again"
            raise Clobbered("not-a-folder", message, hint=hint) from error

    def _follow(self, parent: Folder, name: str, refused: OSError) -> Folder:
        folder = super()._follow(parent, name, refused)
        place = self._relative(folder)
        if is_reserved_path(place):
            folder.close()
            message = f"{name} must be a folder, and a link to {place} stands there"
            raise Clobbered("not-a-folder", message, hint="move it away and try again")
        return folder

    def create_file(self, relative: str, data: bytes, mode: int = 0o644) -> None:
        """Write a new file; its folder is made. Raises FileExistsError."""
        folder, name = self.place(relative)
        folder.create_file(name, data, mode)

    def place_of_link(self, path: str) -> str | None:
        """Where a link in the tree leads, relative to the root; None if that is outside of it.

        Every link on the way is followed as the kernel would: ``b/..`` is not here where ``b`` is
        a link. What is not there yet counts as a folder.

        Args:
            path: Absolute path of the link; its folder is not reached through links.
        """
        here = [part for part in os.path.relpath(path, self.root.path).split(os.sep) if part != "."]
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
            text = _link_text(os.path.join(self.root.path, *here))
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


def _link_text(path: str) -> str | None:
    """What a link reads; None for all that is no link, or not there."""
    try:
        return os.readlink(path)
    except OSError:
        return None
