"""FolderTree: a cache of open folders below a root, for operations on thousands of files.

Opening a folder takes two system calls once; files in it need no further ones. See
:mod:`minicon.fs.folder`.
"""

from __future__ import annotations

import contextlib
import errno

from minicon.closing import Closing
from minicon.fs import operations
from minicon.fs.folder import Folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from minicon.fs.operations import PathText

#: Most folders open at once; files are mostly processed in the order of folders.
_OPEN_LIMIT = 64
_IGNORE_EXISTING = contextlib.suppress(FileExistsError)
#: Most links to follow before they count as a loop (the limit of Linux).
_LINK_LIMIT = 40


class FolderTree(Closing):
    """Opens folders below a root, and keeps them open. A context manager.

    Args:
        root: Root directory; links in its path are followed.
        make: Whether to create missing folders.
        through_links: Whether to follow links to folders below the root (some packages contain
            ``lib64 -> lib``, others files in ``lib64/``).
    """

    def __init__(self, root: PathText, *, make: bool = True, through_links: bool = False) -> None:
        self.root = Folder.open(root)
        self._make = make
        self._through_links = through_links
        self._open = {"": self.root}
        self._made = {""}
        self._links = 0

    def folder(self, relative: str) -> Folder:
        """Open a folder by its path relative to the root.

        The tree closes it after many other folders were opened; callers must not close it.

        Raises:
            OSError: ``ELOOP`` for a link that leaves the root or is part of a loop;
                FileNotFoundError without ``make``; NotADirectoryError.
        """
        known = self._open.get(relative)
        return self._walk(relative) if known is None else known

    def parent_of(self, relative: str) -> tuple[Folder, str]:
        """The open parent folder of a path, and the last component of the path."""
        parent, _, name = relative.rpartition("/")
        return self.folder(parent), name

    def status(self, relative: str) -> os.stat_result | None:
        """``os.lstat`` of an entry; None if it does not exist."""
        folder, name = self.parent_of(relative)
        return folder.status(name)

    def make_folder(self, relative: str, mode: int) -> None:
        """Create a folder. Raises FileExistsError."""
        parent, name = self.parent_of(relative)
        parent.make_directory(name, mode)
        self._made.add(relative)

    def remove_folder(self, relative: str) -> None:
        """Remove an empty folder. Raises OSError."""
        parent, name = self.parent_of(relative)
        parent.remove_directory(name)
        self._made.discard(relative)
        if relative in self._open:
            self._open.pop(relative).close()

    def close(self) -> None:
        """Close all folders. May be called more than once."""
        while self._open:
            self._open.popitem()[1].close()

    def _walk(self, relative: str) -> Folder:
        parent, _, name = relative.rpartition("/")
        folder = self._open.get(parent)
        if folder is None:
            for end in [*_slashes(parent), len(parent)]:
                folder = self.folder(parent[:end])
            assert folder is not None
        opened = self._enter(folder, relative, name)
        if len(self._open) > _OPEN_LIMIT:
            for oldest in list(self._open)[1 : _OPEN_LIMIT // 2]:  # the first one is the root
                self._open.pop(oldest).close()
        self._open[relative] = opened
        return opened

    def _enter(self, parent: Folder, path: str, name: str) -> Folder:
        if self._make and path not in self._made:
            with _IGNORE_EXISTING:
                operations.make_directory_at(parent.descriptor, parent.at(name))
            self._made.add(path)
        try:
            return parent.child(name)
        except OSError as error:
            if error.errno != errno.ELOOP or not self._through_links:
                raise
            return self._follow(parent, name, error)

    def _follow(self, parent: Folder, name: str, refused: OSError) -> Folder:
        """Open the target of a link, resolved as the system does, but never outside the root."""
        text = parent.link_text(name)
        if text is None or text.startswith("/") or self._links >= _LINK_LIMIT:
            raise refused
        self._links += 1
        try:
            real = self._relative(parent)
            for part in text.split("/"):
                if part == ".." and not real:
                    raise refused
                if part == "..":
                    real = real.rpartition("/")[0]
                elif part not in ("", "."):
                    real = self._relative(self.folder(f"{real}/{part}" if real else part))
            return Folder.open(self.folder(real))
        finally:
            self._links -= 1

    def _relative(self, folder: Folder) -> str:
        """Path of a folder relative to the root."""
        return folder.path[len(self.root.path) :].strip("/")


def _slashes(path: str) -> list[int]:
    return [index for index, character in enumerate(path) if character == "/"]
