"""StagingDirectory: the next generation of an environment while it is being built."""

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

#: Links that a path may contain; Linux has the same limit.
_LINKS_LIMIT = 40


class StagingDirectory(FolderTree):
    """Creates directories one component at a time, never through a link that leaves the root.

    Links to directories are followed as long as they stay below the root, and outside of
    minicon's own directories. Anything else in place of a directory raises Clobbered.

    Args:
        root: The directory; it must exist.
    """

    def __init__(self, root: PathText) -> None:
        super().__init__(root, through_links=True)

    def _walk(self, relative: str) -> Folder:
        """Open a directory for the first time. Raises Clobbered if its path is blocked."""
        try:
            return super()._walk(relative)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            is_link = error.errno == errno.ELOOP
            what = "a link out of the environment" if is_link else "a file"
            raise _blocked(relative, what) from error

    def _follow(self, parent: Folder, name: str, refused: OSError) -> Folder:
        folder = super()._follow(parent, name, refused)
        target = self._relative(folder)
        if is_reserved_path(target):
            folder.close()
            raise _blocked(name, f"a link to {target}")
        return folder

    def create_file(self, relative: str, data: bytes, mode: int = 0o644) -> None:
        """Write a new file, and create its directory. Raises FileExistsError."""
        folder, name = self.parent_of(relative)
        folder.create_file(name, data, mode)

    def link_target(self, path: str) -> str | None:
        """The path a link resolves to, relative to the root; None if that is outside of it.

        Every link on the way is followed as the kernel does: where ``b`` is a link, ``b/..`` is
        the parent of its target. Missing components count as directories.

        Args:
            path: Absolute path of the link, without links in it.
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
            if text.startswith("/"):  # a file linked into the cache, or the user's own link
                leaves = links == 1 or ".." in ahead
                return None if leaves else "/".join([*here, *ahead[::-1]])
            here.pop()
            ahead.extend(text.split("/")[::-1])
        return "/".join(here)


def _link_text(path: str) -> str | None:
    """The text of a link; None for anything else."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def _blocked(path: str, what: str) -> Clobbered:
    message = f"{path} must be a directory, but it is {what}"
    return Clobbered("not-a-folder", message, hint="move it away and try again")
