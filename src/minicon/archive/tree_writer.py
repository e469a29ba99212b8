"""TreeWriter: creates files below one folder, and nothing outside it.

Each parent folder is opened component by component, without following links, and files are
created relative to that descriptor; they must be new. So neither a link in the archive nor one
that another process creates meanwhile can redirect a write.
"""

from __future__ import annotations

import os

from minicon.closing import Closing
from minicon.fs import operations
from minicon.fs.folder_tree import FolderTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class TreeWriter(Closing):
    """Writes below an existing folder. Use as a context manager.

    Paths are relative, checked (:mod:`minicon.fs.safe_path`), with forward slashes. Modes
    are those of :func:`minicon.archive.members.file_mode`, less the umask.
    """

    def __init__(self, root: Path) -> None:
        self._tree = FolderTree(root)
        #: The folder of the last file. Files mostly come folder by folder.
        self._path: str | None = None
        self._folder = self._tree.root

    def make_folder(self, path: str) -> None:
        """Create a folder and its parents, unless they exist."""
        self._tree.folder(path)
        self._path = None  # it may be closed now

    def write(
        self,
        path: str,
        chunks: Iterable[bytes | memoryview],
        *,
        mode: int = 0o644,
        modified_ns: int | None = None,
    ) -> None:
        """Write a new file. Raises OSError; FileExistsError if the name exists."""
        name, folder = self._parent_of(path)
        operations.create_file_from(chunks, name, mode, directory=folder, modified_ns=modified_ns)

    def write_whole(self, path: str, data: bytes | memoryview, mode: int, modified_ns: int) -> None:
        """Write a new file from content in memory, as :meth:`write` does. Raises OSError."""
        name, folder = self._parent_of(path)
        operations.create_file(name, data, mode, directory=folder, modified_ns=modified_ns)

    def hard_link(self, path: str, target: str) -> None:
        """Create ``path`` as a hard link to ``target``, written before. Raises OSError."""
        source, source_folder = self._parent_of(target)
        if source_folder is not None:
            source_folder = os.dup(source_folder)  # opening the parent of ``path`` may close it
        try:
            name, folder = self._parent_of(path)
            operations.hard_link(
                source, name, source_directory=source_folder, target_directory=folder
            )
        finally:
            if source_folder is not None:
                os.close(source_folder)

    def symbolic_link(self, path: str, text: str) -> None:
        """Create a symbolic link; call this last, so that nothing is written through one."""
        name, folder = self._parent_of(path)
        operations.symbolic_link(text, name, directory=folder)

    def _parent_of(self, path: str) -> tuple[str, int | None]:
        """Return name and open parent folder of a path, for functions that take ``dir_fd``."""
        parent, _, name = path.rpartition("/")
        if parent != self._path:
            self._folder = self._tree.folder(parent)
            self._path = parent
        folder = self._folder
        return (name if folder.descriptor is not None else folder.at(name)), folder.descriptor

    def close(self) -> None:
        """Close all folders. May be called more than once."""
        self._tree.close()
