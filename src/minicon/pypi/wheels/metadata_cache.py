"""MetadataCache: metadata of distributions on disk, kept without a time limit.

A published file never changes. The folder's name contains the version of the format.
"""

from __future__ import annotations

import json
import os

from minicon.errors import FileError
from minicon.fs import operations
from minicon.lazy_pattern import lazy_pattern
from minicon.models.strict_json import read_json
from minicon.pypi.urls import local_path
from minicon.pypi.wheels.core_metadata import CoreMetadata
from minicon.short_hash import short_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.models.indexes.wheel_index import DistributionFile

FOLDER = "pypi-metadata-v2"
_HEXADECIMAL = lazy_pattern(r"[0-9a-f]{64}")


class MetadataCache:
    """Metadata by the hash of the distribution.

    Args:
        cache_dir: minicon's cache folder.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._folder = cache_dir / FOLDER

    def load(self, file: DistributionFile, python: str = "") -> CoreMetadata | None:
        """Return the stored metadata of a file, or None.

        Args:
            file: A wheel or a source distribution.
            python: The minor version that built it, where it does not apply to all of them.
        """
        try:
            return CoreMetadata.from_json(read_json(self._path(file, python).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def store(self, file: DistributionFile, metadata: CoreMetadata, python: str = "") -> None:
        """Store metadata; what cannot be stored is read again next time."""
        try:
            path = self._path(file, python)
            operations.make_directory(path.parent, 0o700)
            operations.replace_file(path, json.dumps(metadata.to_json()).encode(), durable=False)
        except (OSError, FileError):
            return

    def _path(self, file: DistributionFile, python: str) -> Path:
        key = file.sha256 or ""
        if python or not _HEXADECIMAL.fullmatch(key):
            local = None if key else local_path(file.url)
            changed = os.stat(local).st_mtime_ns if local else ""  # the file may be replaced
            text = f"{key or file.url} {file.size} {python} {changed}".strip()
            key = short_hash(text)
        return self._folder / key[:2] / f"{key[2:]}.json"
