"""FolderTree: the folders below one root, each opened by its name, and held open while in use.

For whoever works on thousands of files: a folder costs two system calls once, a file in it none
beyond its own. See :mod:`minicon.fs.folder`.
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

#: Folders held open; work is mostly in the order of folders.
_OPEN_LIMIT = 64
_FINE_IF_THERE = contextlib.suppress(FileExistsError)  # what is there is looked at then
#: Links to follow before they count as a circle (Linux has the same limit).
_LINK_LIMIT = 40


class FolderTree(Closing):
    """Opens folders below a root. Use as a context manager.

    Args:
        root: The folder; links on the way to it are followed.
        make: Whether missing folders are made.
        through_links: Whether links to folders are followed as long as they stay below the root
            (some packages ship ``lib64 -> lib``, others files in ``lib64/``).
    """

    def __init__(self, root: PathText, *, make: bool = True, through_links: bool = False) -> None:
        self.root = Folder.open(root)
        self._make = make
        self._through_links = through_links
        self._open = {"": self.root}
        self._made = {""}
        self._links = 0

    def folder(self, relative: str) -> Folder:
        """Open a folder by its path below the root.

        It stays open until other folders have been asked for; it is not the caller's to close.

        Raises:
            OSError: ``ELOOP``, where a link leads out of the root or in a circle; FileNotFoundError
                where nothing is made; NotADirectoryError.
        """
        known = self._open.get(relative)
        return self._walk(relative) if known is None else known

    def place(self, relative: str) -> tuple[Folder, str]:
        """The open folder that holds a path, and the last name of that path."""
        parent, _, name = relative.rpartition("/")
        return self.folder(parent), name

    def status(self, relative: str) -> os.stat_result | None:
        """What the system knows of an entry, which may be a link; None if there is none."""
        folder, name = self.place(relative)
        return folder.status(name)

    def make_folder(self, relative: str, mode: int) -> None:
        """Make a folder that is not there yet. Raises FileExistsError."""
        parent, name = self.place(relative)
        parent.make_directory(name, mode)
        self._made.add(relative)

    def remove_folder(self, relative: str) -> None:
        """Remove an empty folder. Raises OSError."""
        parent, name = self.place(relative)
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
            with _FINE_IF_THERE:
                operations.make_directory_at(parent.descriptor, parent.at(name))
            self._made.add(path)
        try:
            return parent.child(name)
        except OSError as error:
            if error.errno != errno.ELOOP or not self._through_links:
                raise
            return self._follow(parent, name, error)

    def _follow(self, parent: Folder, name: str, refused: OSError) -> Folder:
        """The folder that a link names, found as the system would, but never above the root."""
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
        """Where a folder really is."""
        return folder.path[len(self.root.path) :].strip("/")


def _slashes(path: str) -> list[int]:
    return [index for index, character in enumerate(path) if character == "/"]
