"""PreviewStore: what plans show of packages that are not in the package cache, read only once.

One JSON file per package, named after its URL and hash, so that the server need not be
requested again. It is as unverified as what it was read from, and may be lost at any time.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

from minicon.errors import FileError
from minicon.fs import operations
from minicon.fs.remove import remove_oldest
from minicon.lean_dataclasses import dataclass
from minicon.models.strict_json import check_shape, read_object
from minicon.short_hash import short_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.models.package_files import PackageFiles
    from minicon.models.records import RepodataRecord

FOLDER = "previews-v1"
#: Packages that are kept, and the seconds for which they are.
_MOST = 4096
_LONGEST = 30 * 86_400.0
_SHAPE = {"noarch": (str, None), "paths": [str]}
#: Directories of link scripts, whose names begin with a dot; those of noarch packages too (CEP 20).
_SCRIPT_FOLDERS = ("bin", "Scripts", "python-scripts")


@dataclass(frozen=True, slots=True)
class PackagePreview:
    """What plans show of a package.

    Attributes:
        paths: Its link scripts and its entries for the desktop's menu.
        noarch: ``python``, ``generic`` or None.
    """

    paths: frozenset[str]
    noarch: str | None

    @classmethod
    def of(cls, files: PackageFiles) -> PackagePreview:
        """Return the preview of a package by its list of files."""
        return cls(frozenset(filter(_is_shown, (e.path for e in files.paths))), files.noarch)

    @property
    def has_menu(self) -> bool:
        """Whether it has entries for the desktop's menu."""
        return any(path.startswith("Menu/") for path in self.paths)


def _is_shown(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    is_menu = folder == "Menu" and name.endswith(".json")
    return is_menu or (folder in _SCRIPT_FOLDERS and name.startswith("."))


class PreviewStore:
    """Previews in one directory. Safe for several processes.

    Args:
        cache_dir: ``MINICON_ROOT/cache``; created when something is written.
    """

    def __init__(self, cache_dir: Path | str) -> None:
        self._folder = Path(cache_dir, FOLDER)

    def load(self, record: RepodataRecord) -> PackagePreview | None:
        """Return the preview of a package; None if there is no valid one."""
        path = self._path(record)
        if path is None:
            return None
        try:
            with open(path, "rb") as file:
                data = read_object(file.read())
            check_shape(data, _SHAPE)
        except (OSError, ValueError):
            return None
        return PackagePreview(frozenset(data["paths"]), data["noarch"])

    def save(self, previews: Mapping[RepodataRecord, PackagePreview]) -> None:
        """Keep previews; those of packages without a hash, or that cannot be written, are not."""
        with suppress(OSError, FileError):
            operations.make_directory(self._folder, 0o700)
            for record, preview in previews.items():
                path = self._path(record)
                if path is not None:
                    data = {"noarch": preview.noarch, "paths": sorted(preview.paths)}
                    operations.replace_file(path, json.dumps(data).encode(), durable=False)
            remove_oldest(self._folder, most=_MOST, seconds=_LONGEST, now=time.time())

    def _path(self, record: RepodataRecord) -> str | None:
        digest = record.sha256 or record.md5
        if not digest:
            return None
        return os.path.join(self._folder, f"{short_hash(f'{record.url} {digest}')[:32]}.json")
