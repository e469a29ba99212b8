"""PackageWriter: write files in the form of an extracted conda package."""

from __future__ import annotations

import hashlib
import json
import os

from minicon.fs.operations import create_file, describing, make_directory, symbolic_link
from minicon.models.package_files import PackageFiles, PathsEntry, PathType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any


class PackageWriter:
    """Writes files below a directory and records them for ``info/paths.json``.

    Args:
        folder: An existing empty directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._entries: dict[str, PathsEntry] = {}
        self._directories: set[str] = set()

    def __contains__(self, path: str) -> bool:
        return path in self._entries

    def add_file(
        self, path: str, data: bytes, *, mode: int = 0o644, placeholder: str | None = None
    ) -> None:
        """Write a file.

        Args:
            path: Relative to the prefix, with forward slashes.
            data: Content.
            mode: Permission bits.
            placeholder: Text in the file that is replaced by the prefix on linking.

        Raises:
            FileError: The file cannot be written.
        """
        target = self._target(path)
        with describing("write", target):
            create_file(target, data, mode)
        self._entries[path] = PathsEntry(
            path,
            prefix_placeholder=placeholder,
            file_mode="text" if placeholder else None,
            sha256=hashlib.sha256(data).hexdigest(),
            size_in_bytes=len(data),
        )

    def add_link(self, path: str, text: str) -> None:
        """Create a symbolic link with the target ``text``. Raises FileError."""
        target = self._target(path)
        with describing("link", target):
            symbolic_link(text, target)
        self._entries[path] = PathsEntry(path, PathType.SOFTLINK)

    def finish(self, index: Mapping[str, Any], about: Mapping[str, Any]) -> PackageFiles:
        """Write ``info/``: paths.json (version 1), index.json and about.json."""
        entries = tuple(entry for _, entry in sorted(self._entries.items()))
        documents = {
            "paths.json": {"paths_version": 1, "paths": [entry.to_json() for entry in entries]},
            "index.json": index,
            "about.json": about,
        }
        for name, document in documents.items():
            target = self._target(f"info/{name}")
            with describing("write", target):
                create_file(target, json.dumps(document, indent=1).encode())
        return PackageFiles(paths=entries)

    def _target(self, path: str) -> str:
        directory = os.path.dirname(path)
        if directory not in self._directories:
            with describing("make", self.folder / directory):
                make_directory(self.folder / directory)
            self._directories.add(directory)
        return os.path.join(self.folder, path)
