"""RefusedWheels: wheels that could not be unpacked, so that later plans choose others.

Whether a wheel can be unpacked is known only once it is downloaded; indexes serve metadata alone.
A wheel is identified by its hash, or by its URL where its index lists none. Another version of
minicon may accept it.
"""

from __future__ import annotations

import json
import os

from minicon import __version__
from minicon.errors import FileError
from minicon.fs import operations
from minicon.lazy_pattern import lazy_pattern
from minicon.models.strict_json import read_json
from minicon.pypi.index_inputs import IndexInput
from minicon.pypi.urls import local_path
from minicon.short_hash import short_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "pypi-refused-v1"
_SHA256 = lazy_pattern(r"[0-9a-f]{64}")


class RefusedWheels:
    """The wheels that this version of minicon has refused.

    Args:
        cache_dir: minicon's cache folder.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._folder = cache_dir / FOLDER
        #: The directory as it was: another refusal changes it.
        self.source = IndexInput.of(self._folder)

    def reason(self, url: str, sha256: str | None) -> str | None:
        """Return why a wheel was refused; None if it was not.

        Args:
            url: Of the wheel.
            sha256: As its index lists it, or None.
        """
        try:
            found = read_json(self._path(url, sha256).read_bytes())
            return str(found["reason"]) if found["version"] == __version__ else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def add(self, url: str, sha256: str | None, reason: str) -> None:
        """Record that a wheel is refused. What cannot be written is not recorded."""
        text = json.dumps({"reason": reason, "version": __version__})
        try:
            operations.make_directory(self._folder, 0o700)
            for path in {self._path(url, sha256), self._path(url, None)}:
                operations.replace_file(path, text.encode(), durable=False)
        except (OSError, FileError):
            return

    def _path(self, url: str, sha256: str | None) -> Path:
        if sha256 is None or not _SHA256.fullmatch(sha256):
            local = local_path(url)
            changed = os.stat(local).st_mtime_ns if local else 0  # the file may be replaced
            sha256 = short_hash(f"{url} {changed}")
        return self._folder / f"{sha256}.json"
