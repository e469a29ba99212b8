"""PackageEntry: what the index files of a channel contain about one archive, read from it once.

An entry holds JSON texts rather than objects: they are made in the process that reads the archive,
kept in the state file, and copied into the index files without being parsed again.
"""

from __future__ import annotations

import contextlib
import json
from typing import NamedTuple

from minicon.archive.members import MemberKind
from minicon.archive.package_archive import INFO_FILE_LIMIT, open_archive
from minicon.archive.problems import damaged, unsafe
from minicon.constants import (
    CONDA_EXTENSION,
    PACKAGE_EXTENSIONS,
    TARBALL_EXTENSION,
    WHEEL_EXTENSION,
)
from minicon.errors import PackageError
from minicon.fs.hashing import hash_file
from minicon.models.record_checks import check_record_fields, check_record_values
from minicon.models.strict_json import read_json
from minicon.package.info_files import read_json_object
from minicon.publish.index.v3_records import bracketed, needs_v3
from minicon.publish.reading.channel_facts import FACT_FILES, channel_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from minicon.archive.members import ArchiveMember

_RUN_EXPORTS_KINDS = ("noarch", "strong", "strong_constrains", "weak", "weak_constrains")
_INFO_FILES = ("index.json", "run_exports.json", "run_exports.yaml", *FACT_FILES)
#: Keys of ``info/index.json`` that describe the build machine, and no repodata has.
_LEFT_OUT = (
    *("arch", "has_prefix", "mtime", "platform", "ucs", "requires_features", "binstar"),
    *("target-triplet", "machine", "operatingsystem", "indexed_timestamp"),
)
#: bzip2's mark of the end of a stream, in 48 bits, before a checksum of 32 bits and the padding.
_BZIP2_END = 0x177245385090
_BZIP2_END_BYTES = 11


class PackageEntry(NamedTuple):
    """One archive of a channel.

    Attributes:
        fn: File name.
        size: In bytes.
        modified: Time of the last change of the file, or another mark of its content.
        section: Of repodata: ``packages``, ``packages.conda``, ``v3.conda``, ``v3.tar.bz2`` or
            ``v3.whl``.
        key: Of the record in its section.
        name: Of the package.
        version: Of the package.
        timestamp: Of the build, in milliseconds; 0 if unknown.
        sha256: Hexadecimal.
        md5: Hexadecimal, or empty.
        record: Its record, as JSON.
        run_exports: Its object in ``run_exports.json`` (CEP 12), as JSON.
        facts: What ``channeldata.json`` (CEP 38) says of it, as JSON.
    """

    fn: str
    size: int
    modified: int
    section: str
    key: str
    name: str
    version: str
    timestamp: int
    sha256: str
    md5: str
    record: str
    run_exports: str
    facts: str


class Refusal(NamedTuple):
    """An archive that cannot be indexed, and why; it is read again once it changes."""

    fn: str
    size: int
    modified: int
    message: str


def dump(value: Any) -> str:
    """Write JSON as all index files have it: sorted and compact."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def read_entry(path: Path, subdir: str, modified: int, now: int) -> PackageEntry:
    """Read a package file: one pass for the hashes, and its ``info/`` part.

    Args:
        path: The file.
        subdir: The subdir that it is in.
        modified: As in the entry.
        now: Milliseconds since 1970, for the record's ``indexed_timestamp`` (CEP 47).

    Raises:
        PackageError: It is damaged, or belongs to another subdir or file name.
        SpecError: Its metadata is not valid for a record.
        FileError, OSError: It cannot be read.
    """
    with open_archive(path, reader="native" if path.suffix == CONDA_EXTENSION else None) as archive:
        size = archive.size
        info = dict(info_files(archive.members(("info", "all")), path.name))
    if path.name.endswith(TARBALL_EXTENSION):
        check_bzip2_end(_last_bytes(path), path.name)
    record = record_of(info, path.name, subdir)
    digest = hash_file(path, md5=True)
    if digest.size != size:
        raise _refused(path.name, "changed while it was read")
    record.update(md5=digest.md5, sha256=digest.sha256, size=size)
    return make_entry(path.name, modified, record, info, now)


def make_entry(
    fn: str, modified: int, record: dict[str, Any], info: Mapping[str, bytes], now: int
) -> PackageEntry:
    """Make the entry of an archive from its record and the files below its ``info/``.

    Raises:
        PackageError: One of the files cannot be parsed.
    """
    record["indexed_timestamp"] = now
    section, key, record = with_section(fn, record)
    return PackageEntry(
        fn=fn,
        size=record["size"],
        modified=modified,
        section=section,
        key=key,
        name=record["name"],
        version=record["version"],
        timestamp=int(record.get("timestamp") or 0),
        sha256=record["sha256"],
        md5=record.get("md5") or "",
        record=dump(record),
        run_exports=dump({"run_exports": _run_exports(info, fn)}),
        facts=dump(channel_facts(info, record)),
    )


def with_section(fn: str, record: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Return (section, key, record) of an archive in repodata; see :class:`PackageEntry`."""
    if not (needs_v3(record) or fn.endswith(WHEEL_EXTENSION)):
        return ("packages" if fn.endswith(TARBALL_EXTENSION) else "packages.conda"), fn, record
    extension = TARBALL_EXTENSION[1:] if fn.endswith(TARBALL_EXTENSION) else fn.rpartition(".")[2]
    key = f"{record['name']}-{record['version']}-{record.get('build', '')}"
    return f"v3.{extension}", key, bracketed(record)


def record_of(info: Mapping[str, bytes], fn: str, subdir: str) -> dict[str, Any]:
    """Return the record of an archive, without hashes and size.

    Raises:
        PackageError, SpecError: As :func:`read_entry` does.
    """
    record = read_json_object(info, "index.json", fn)
    if not record:
        raise damaged(fn, "has no info/index.json")
    for key in _LEFT_OUT:
        record.pop(key, None)
    if subdir != record.setdefault("subdir", subdir):
        raise _refused(fn, f"belongs to subdir {record['subdir']!r}, not {subdir!r}")
    check_record_fields(record, fn=fn, subdir=subdir)
    check_record_values(record, fn)
    dist = f"{record['name']}-{record['version']}-{record.get('build', '')}"
    if fn not in [dist + extension for extension in PACKAGE_EXTENSIONS]:
        raise _refused(fn, f"is {dist} by its own metadata")
    record.setdefault("depends", [])
    return record


def info_files(members: Iterable[ArchiveMember], name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files that entries are made from, of an archive's members.

    Builders write the directories of an archive one after the other: ``info/`` first, or all in
    the order of their names. Such an archive is not decompressed beyond its ``info/``.
    """
    directory, is_sorted = "", True
    names: set[str] = set()
    for member in members:
        before = directory
        directory, _, file = member.path.partition("/")
        if directory != "info" and is_sorted and "index.json" in names:
            return
        is_sorted = is_sorted and before <= directory
        if directory == "info" and file in _INFO_FILES and member.kind == MemberKind.FILE:
            if member.size > INFO_FILE_LIMIT:
                raise unsafe(name, f"is {member.size} bytes long", member=member.path)
            names.add(file)
            yield file, member.read()


def check_bzip2_end(data: bytes, name: str) -> None:
    """Refuse an archive whose last bytes are not the end of a bzip2 stream.

    Raises:
        PackageError: ``damaged-package``.
    """
    end = int.from_bytes(data[-_BZIP2_END_BYTES:], "big")
    if not any(end >> 32 + padding & (1 << 48) - 1 == _BZIP2_END for padding in range(8)):
        raise damaged(name, "is cut short")


def _last_bytes(path: Path) -> bytes:
    with open(path, "rb") as stream:
        with contextlib.suppress(OSError):  # shorter than that
            stream.seek(-_BZIP2_END_BYTES, 2)
        return stream.read()


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


def _refused(fn: str, why: str) -> PackageError:
    return PackageError("misplaced-package", f"{fn} {why}", hint="move or rename it")
