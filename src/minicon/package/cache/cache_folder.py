"""CacheFolder: one folder of extracted packages, ours to write or somebody's to read.

::

    pkgs/
      urls.txt, urls                       conda's marks of a package cache
      numpy-1.26.4-py311_0-9f1e…/          whole, by construction: made elsewhere, then renamed
        info/repodata_record.json          which package it is
      numpy-1.26.4-py311_0/                conda's own layout, readable as well
      .locks/KEY.lock                      held while KEY is made or removed
      .locks/users.lock                    shared while packages are linked from here
      .work/KEY/, .work/KEY.archive        being made; whoever holds KEY's lock may remove them
      .trash/                              on its way out
"""

from __future__ import annotations

import os
from pathlib import Path

from minicon.constants import PACKAGE_EXTENSIONS
from minicon.errors import FileError, SpecError
from minicon.models.record_checks import check_record_values
from minicon.models.records import RepodataRecord
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: Where no package lies; files are made and removed in there by name.
_OWN_FOLDERS = (".locks", ".work", ".trash", ".bytecode")
RECORD_FILE = "info/repodata_record.json"
#: Of a downloaded archive, beside the folder it is extracted to.
ARCHIVE_SUFFIX = ".archive"


class CacheFolder:
    """One layer of a package cache.

    Attributes:
        path: The folder.
        is_writable: Whether packages may be added to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        existing = path
        while not existing.exists() and existing != existing.parent:
            existing = existing.parent
        self.is_writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)

    @property
    def locks(self) -> Path:
        """Folder of the lock files."""
        return self.path / ".locks"

    @property
    def users_lock(self) -> Path:
        """Lock file that is shared by whoever links from here, and held alone to clean."""
        return self.locks / "users.lock"

    @property
    def work(self) -> Path:
        """Folder of packages that are being made."""
        return self.path / ".work"

    @property
    def trash(self) -> Path:
        """Folder of what is being removed."""
        return self.path / ".trash"

    def check_own_folders(self) -> None:
        """Refuse a cache whose own folders are links: what is below them is not its own.

        Raises:
            FileError: ``shared-cache``.
        """
        for folder in map(self.path.joinpath, _OWN_FOLDERS):
            if folder.is_symlink():
                raise FileError(
                    "shared-cache",
                    f"refusing to use the package cache {self.path}: {folder} is a link",
                    hint=f"take that link away (rm {folder}), or set MINICON_ROOT or pkgs_dirs",
                )

    def candidates(self, key: str, record: RepodataRecord) -> Iterator[Path]:
        """Where a package would be: under our name, then under conda's."""
        yield self.path / key
        conda_name = record.fn
        for extension in PACKAGE_EXTENSIONS:
            conda_name = conda_name.removesuffix(extension)
        if conda_name == record.dist_name:
            yield self.path / conda_name

    def names(self) -> frozenset[str]:
        """The names of all that lies in it."""
        try:
            return frozenset(os.listdir(self.path))
        except OSError:
            return frozenset()

    def packages(self) -> Iterator[tuple[Path, RepodataRecord]]:
        """Every extracted package with its record, in no order."""
        if not self.path.is_dir():
            return
        for entry in sorted(os.scandir(self.path), key=lambda entry: entry.name):
            if entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False):
                continue
            record = read_record(Path(entry.path))
            if record is not None:
                yield Path(entry.path), record


def read_record(directory: Path) -> RepodataRecord | None:
    """What an extracted package says it is; None if it does not say so in due form."""
    data = read_record_data(directory)
    if data is None:
        return None
    subdir = str(data.get("subdir") or "noarch")
    channel = str(data.get("channel") or "").rstrip("/").removesuffix(f"/{subdir}")
    return RepodataRecord(
        data,
        channel=channel,
        subdir=subdir,
        fn=str(data.get("fn") or directory.name),
        url=str(data.get("url") or ""),
        source={"pypi": "pypi", "host": "interpreter"}.get(channel, "conda"),  # type: ignore[arg-type]
    )


def read_record_data(directory: Path) -> dict[str, Any] | None:
    """The JSON object of :data:`RECORD_FILE`, or None."""
    try:
        data = read_json((directory / RECORD_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    texts = (data.get("name"), data.get("version"), data.get("build"))
    if not all(isinstance(text, str) for text in texts):
        return None
    try:
        check_record_values(data, directory.name)
    except SpecError:
        return None
    return data


def is_same_package(data: dict[str, Any], record: RepodataRecord) -> bool:
    """Whether a folder's record is of the very archive that RECORD means."""
    if [data.get(key) for key in ("name", "version", "build")] != [
        record.name,
        record.version,
        record.build,
    ]:
        return False
    if record.sha256 and data.get("sha256"):
        return str(data["sha256"]).lower() == record.sha256.lower()
    if record.md5 and data.get("md5"):
        return str(data["md5"]).lower() == record.md5.lower()
    return not (record.sha256 or record.md5) and data.get("url") == record.url
