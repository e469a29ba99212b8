"""PackageEntry: a package file's record in the channel index, read from the file."""

from __future__ import annotations

from typing import Any

from minicon.archive.package_archive import read_info_files
from minicon.constants import PACKAGE_EXTENSIONS
from minicon.errors import PackageError
from minicon.fs.hashing import hash_file
from minicon.lean_dataclasses import dataclass
from minicon.models.record_checks import check_record_fields, check_record_values
from minicon.models.strict_json import read_json
from minicon.package.info_files import read_json_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_RUN_EXPORTS_KINDS = ("noarch", "strong", "strong_constrains", "weak", "weak_constrains")
_INFO_FILES = ("index.json", "run_exports.json", "run_exports.yaml")


@dataclass(frozen=True, slots=True)
class PackageEntry:
    """One package of a channel.

    Attributes:
        fn: File name.
        modified_ns: The file's modification time, to recognise changes.
        record: Its record in ``repodata.json``.
        run_exports: Its entry in ``run_exports.json`` (CEP 12).
    """

    fn: str
    modified_ns: int
    record: dict[str, Any]
    run_exports: dict[str, list[str]]

    def is_current(self, path: Path) -> bool:
        """Whether the file is unchanged since it was read, by size and time."""
        facts = path.stat()
        return facts.st_size == self.record["size"] and facts.st_mtime_ns == self.modified_ns

    def to_json(self) -> dict[str, Any]:
        """Return the entry in the form of the cache file."""
        return {
            "fn": self.fn,
            "modified_ns": self.modified_ns,
            "record": self.record,
            "run_exports": self.run_exports,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], subdir: str) -> PackageEntry:
        """Parse the result of :meth:`to_json`. Raises KeyError, TypeError or ValueError."""
        entry = cls(data["fn"], data["modified_ns"], data["record"], data["run_exports"])
        if entry.record["subdir"] != subdir or not isinstance(entry.record["size"], int):
            raise ValueError("not an entry of this subdir")
        return entry


def read_entry(path: Path, subdir: str) -> PackageEntry:
    """Read a package file: one pass for the hashes, and its ``info/`` part.

    Raises:
        PackageError: It is damaged, or belongs to another subdir or file name.
        SpecError: Its metadata is not valid for a record.
        FileError: It cannot be read.
    """
    facts = path.stat()
    info = read_info_files(path, _INFO_FILES)
    record = read_json_object(info, "index.json", path.name)
    if not record:
        raise PackageError("damaged-package", f"{path.name} has no info/index.json")
    if subdir != record.setdefault("subdir", subdir):
        raise _refused(path, f"belongs to subdir {record['subdir']!r}, not {subdir!r}")
    check_record_fields(record, fn=path.name, subdir=subdir)
    check_record_values(record, path.name)
    dist = f"{record['name']}-{record['version']}-{record.get('build', '')}"
    if path.name not in [dist + extension for extension in PACKAGE_EXTENSIONS]:
        raise _refused(path, f"is {dist} by its own metadata")
    digest = hash_file(path, md5=True)
    record.update(md5=digest.md5, sha256=digest.sha256, size=digest.size)
    record.setdefault("depends", [])
    if digest.size != facts.st_size:
        raise _refused(path, "changed while it was read")
    return PackageEntry(path.name, facts.st_mtime_ns, record, _run_exports(info, path.name))


def _run_exports(info: Mapping[str, bytes], package: str) -> dict[str, list[str]]:
    """Return the run exports as CEP 12 lists them; a plain list or text means ``weak``."""
    found: Any = {}
    if "run_exports.json" in info:
        try:
            found = read_json(info["run_exports.json"])
        except ValueError as error:
            raise _not_json(package, "run_exports.json") from error
    elif "run_exports.yaml" in info:
        import yaml

        try:
            found = yaml.safe_load(info["run_exports.yaml"]) or {}
        except yaml.YAMLError as error:
            raise _not_json(package, "run_exports.yaml") from error
    if not isinstance(found, dict):
        found = {"weak": found}
    return {kind: _texts(found[kind]) for kind in _RUN_EXPORTS_KINDS if found.get(kind)}


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _not_json(package: str, name: str) -> PackageError:
    return PackageError("damaged-package", f"info/{name} of {package} cannot be read")


def _refused(path: Path, why: str) -> PackageError:
    return PackageError("misplaced-package", f"{path.name} {why}", hint="move or rename it")
