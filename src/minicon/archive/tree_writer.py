"""TreeWriter: creates files below one folder, and can do nothing outside it.

Each parent folder is opened component by component, without following links, and files are
made relative to that descriptor; they must be new. So neither a link in the archive nor one
that somebody plants meanwhile can redirect a write.
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
    """Writes below ROOT, which exists. Use as a context manager.

    Paths are relative, checked (:mod:`minicon.fs.safe_path`), with forward slashes. Modes are
    0755 or 0644 less the umask; nothing else is ever set.
    """

    def __init__(self, root: Path) -> None:
        self._tree = FolderTree(root)

    def make_folder(self, path: str) -> None:
        """Make a folder and its parents; fine if they are there."""
        self._tree.folder(path)

    def write(
        self,
        path: str,
        chunks: Iterable[bytes | memoryview],
        *,
        executable: bool = False,
        modified_ns: int | None = None,
    ) -> None:
        """Write a new file. Raises OSError, FileExistsError if the name is taken."""
        name, folder = self._place(path)
        mode = 0o755 if executable else 0o644
        operations.create_file_from(chunks, name, mode, directory=folder, modified_ns=modified_ns)

    def write_whole(
        self, path: str, data: bytes | memoryview, executable: bool, modified_ns: int
    ) -> None:
        """Write a new file whose content is at hand, as :meth:`write` does. Raises OSError."""
        name, folder = self._place(path)
        mode = 0o755 if executable else 0o644
        operations.create_file(name, data, mode, directory=folder, modified_ns=modified_ns)

    def hard_link(self, path: str, target: str) -> None:
        """Make PATH another name of TARGET, a file written before. Raises OSError."""
        source, source_folder = self._place(target)
        if source_folder is not None:
            source_folder = os.dup(source_folder)  # placing PATH may close the first
        try:
            name, folder = self._place(path)
            operations.hard_link(
                source, name, source_directory=source_folder, target_directory=folder
            )
        finally:
            if source_folder is not None:
                os.close(source_folder)

    def symbolic_link(self, path: str, text: str) -> None:
        """Make a link; call this after all else, so that nothing is written through one."""
        name, folder = self._place(path)
        operations.symbolic_link(text, name, directory=folder)

    def _place(self, path: str) -> tuple[str, int | None]:
        """Name and open parent folder of a path, for functions that take ``dir_fd``."""
        folder, name = self._tree.place(path)
        return folder.at(name), folder.descriptor

    def close(self) -> None:
        """Close all folders. May be called more than once."""
        self._tree.close()
