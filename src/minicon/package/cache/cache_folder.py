"""CacheFolder: one directory of extracted packages; and how a package is named in it.

::

    pkgs/
      urls.txt, urls                       by which conda recognises a package cache
      numpy-1.26.4-py311_0-9f1e…/          complete: prepared in .work, then renamed
        info/repodata_record.json          the package's record
      numpy-1.26.4-py311_0/                conda's own layout, readable as well
      .locks/KEY.lock                      held while KEY is prepared or removed
      .locks/users.lock                    shared while packages are linked from this cache
      .work/KEY/, .work/KEY.*              in preparation; the holder of KEY's lock may remove them
      .trash/                              being removed
"""

from __future__ import annotations

import os
from pathlib import Path

from minicon.constants import PACKAGE_EXTENSIONS
from minicon.errors import FileError, PackageError, SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.models.record_checks import check_record_values
from minicon.models.records import RepodataRecord
from minicon.models.strict_json import read_json
from minicon.short_hash import short_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: Subdirectories without packages; files in them are created and removed by name.
_OWN_FOLDERS = (".locks", ".work", ".trash", ".bytecode")
RECORD_FILE = "info/repodata_record.json"
#: Suffix of a downloaded archive, beside the directory that it is extracted to.
ARCHIVE_SUFFIX = ".archive"

_HASH_DIGITS = 16
_FIELD = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.+!~]*(?:-+[A-Za-z0-9_.+!~]+)*")
_FIELD_LIMIT = 96
_WORK = lazy_pattern(rf"(.+-[0-9a-f]{{{_HASH_DIGITS}}})\..+")
_HEX = lazy_pattern(r"[0-9a-f]{32,64}")
#: A record may come from a channel, a lock file or a list of packages.
_REPORT = "report it to the owner of the channel or file that lists this package"


class CacheFolder:
    """One layer of a package cache.

    Attributes:
        path: The directory.
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
        """Directory of the lock files."""
        return self.path / ".locks"

    @property
    def users_lock(self) -> Path:
        """Lock file: shared while packages are linked from this cache, exclusive to clean it."""
        return self.locks / "users.lock"

    @property
    def work(self) -> Path:
        """Directory of packages that are being prepared."""
        return self.path / ".work"

    def left_by_processes(self, key: str) -> list[Path]:
        """Return directories in which processes unpacked a package; the caller holds its lock."""
        start = f"{key}."
        names = os.listdir(self.work)
        return [
            self.work / name
            for name in names
            if name.startswith(start) and name[len(start) :].isdigit()
        ]

    @property
    def trash(self) -> Path:
        """Directory of packages that are being removed."""
        return self.path / ".trash"

    def check_own_folders(self) -> None:
        """Refuse a cache whose own directories are links: their content is not its own.

        Raises:
            FileError: ``shared-cache``.
        """
        for folder in map(self.path.joinpath, _OWN_FOLDERS):
            if folder.is_symlink():
                raise FileError(
                    "shared-cache",
                    f"refusing to use the package cache {self.path}: {folder} is a link",
                    hint=f"remove that link (rm {folder}), or set MINICON_ROOT or pkgs_dirs",
                )

    def candidates(self, key: str, record: RepodataRecord) -> Iterator[Path]:
        """Yield the paths that a package may have: minicon's name for it, then conda's."""
        yield self.path / key
        conda_name = record.fn
        for extension in PACKAGE_EXTENSIONS:
            conda_name = conda_name.removesuffix(extension)
        if conda_name == record.dist_name:
            yield self.path / conda_name

    def names(self) -> frozenset[str]:
        """Return the names of all entries; none if the directory cannot be read."""
        try:
            return frozenset(os.listdir(self.path))
        except OSError:
            return frozenset()

    def packages(self) -> Iterator[tuple[Path, RepodataRecord]]:
        """Yield every extracted package with its record, by directory name."""
        if not self.path.is_dir():
            return
        for entry in sorted(os.scandir(self.path), key=lambda entry: entry.name):
            if entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False):
                continue
            record = read_record(Path(entry.path))
            if record is not None:
                yield Path(entry.path), record


def read_record(directory: Path) -> RepodataRecord | None:
    """Return the record of an extracted package; None if it is missing or invalid."""
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
    """Return the JSON object of :data:`RECORD_FILE`; None if it is missing or invalid."""
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
    """Whether the record of a cached package is of the archive that ``record`` lists."""
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


def cache_key(record: RepodataRecord) -> str:
    """Return the directory name of a package: ``NAME-VERSION-BUILD-HASH``.

    Records are untrusted, so their texts never become a path unchecked. The hash is that of the
    archive: SHA-256, else MD5, else one over the URL of a package from a list without hashes, or
    over the record's identity for packages that are made on this machine.

    Raises:
        PackageError: ``bad-record``: a field is invalid, for instance contains a slash.
    """
    for field in ("name", "version", "build"):
        text = getattr(record, field)
        if not _is_plain(text):
            message = (
                f"the record of {str(record.fn)[:120]!r} has an impossible {field}: {text!r:.120}"
            )
            raise PackageError("bad-record", message, hint=_REPORT)
    return f"{record.dist_name}-{_digest(record)[:_HASH_DIGITS]}"


def key_of_work(name: str) -> str:
    """Return the cache key that an entry of the work directory belongs to."""
    match = _WORK.fullmatch(name)
    return match[1] if match else name


def _is_plain(text: object) -> bool:
    return isinstance(text, str) and len(text) <= _FIELD_LIMIT and bool(_FIELD.fullmatch(text))


def _digest(record: RepodataRecord) -> str:
    for text in (record.sha256, record.md5):
        if text is None:
            continue
        if not _HEX.fullmatch(str(text).lower()):
            message = f"the record of {record.dist_name} has an invalid hash: {text!r:.80}"
            raise PackageError("bad-record", message, hint=_REPORT)
        return text.lower()
    # without an index, the subdir is read from the package itself
    identity = record.url if record.source == "conda" and record.url else repr(record.key)
    return short_hash(identity)
