"""Read the outer zip of a ``.conda`` file: exactly three stored members, and nothing else."""

from __future__ import annotations

import functools
import zlib
from typing import NamedTuple

from minicon.archive.problems import damaged, unsafe
from minicon.archive.streams import ByteRange
from minicon.archive.strict_zip import StrictZip
from minicon.lazy_pattern import lazy_pattern
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.archive.streams import ReadAt
    from minicon.archive.strict_zip import Extent

METADATA = "metadata.json"
_COMPONENT = lazy_pattern(r"(info|pkg)-[^/\\\0]{1,240}\.tar\.zst")
_DIRECTORY_LIMIT = 1 << 16
_METADATA_LIMIT = 1 << 16


class CondaMember(NamedTuple):
    """One stored member: its content is ``size`` bytes from ``offset`` of the file."""

    name: str
    offset: int
    size: int
    crc: int


def read_conda_zip(descriptor: int, size: int, archive: str) -> dict[str, CondaMember]:
    """Read the members of a ``.conda`` file, with the keys ``metadata``, ``info`` and ``pkg``.

    Costs a few small reads; content is not read, see :func:`check_crc`.

    Args:
        descriptor: The open file.
        size: Its length in bytes.
        archive: Its name, for errors.

    Raises:
        UnsafeArchive: The zip does not follow the ``.conda`` format strictly.
        PackageError: It is not a zip, is truncated, or has an unknown format version.
    """
    strict, extent = _open(ByteRange(descriptor, 0, size), archive)
    found: dict[str, CondaMember] = {}
    for entry, start in strict.starts(strict.entries(extent), extent):
        name = entry.name
        component = "metadata" if name == METADATA else name.partition("-")[0]
        if name != METADATA and not _COMPONENT.fullmatch(name):
            raise unsafe(archive, "does not belong in a .conda file", member=name)
        if component in found:
            raise unsafe(archive, "is contained twice", member=name)
        found[component] = CondaMember(name, start, entry.size, entry.crc)
    if len(found) != 3:
        missing = sorted({"metadata", "info", "pkg"} - found.keys())
        raise unsafe(archive, f"has no {' and no '.join(missing)} member")
    _check_metadata(descriptor, found["metadata"], archive)
    return found


def read_info_component(file: ReadAt, archive: str, limit: int) -> bytes | None:
    """Read the info component of a ``.conda`` file that is only partly downloaded.

    Only the end of the file and the component are read. This serves plans: packages to install
    are read by :func:`read_conda_zip`, which checks every header.

    Returns:
        The compressed component; None if it has more than ``limit`` bytes.

    Raises:
        PackageError: As :func:`read_conda_zip` does.
    """
    strict, extent = _open(file, archive)
    entries = list(strict.entries(extent))
    for entry in entries:
        if entry.name.startswith("info-"):
            span = strict.span_of(entry, entries, extent)
            if span > limit:
                return None
            return strict.content_of(entry, file.read_at(entry.offset, span))
    raise unsafe(archive, "has no info member")


def check_crc(descriptor: int, member: CondaMember, archive: str) -> None:
    """Compare the CRC-32 of a member's stored bytes. Raises PackageError."""
    source = ByteRange(descriptor, member.offset, member.size)
    crc = 0
    while data := source.read(1 << 18):
        crc = zlib.crc32(data, crc)
    if crc != member.crc:
        raise damaged(archive, "has a wrong checksum (CRC-32)", member=member.name)


def _open(file: ReadAt, archive: str) -> tuple[StrictZip, Extent]:
    strict = StrictZip(file, functools.partial(unsafe, archive), stored_only=True)
    extent = strict.directory()
    if extent is None:
        raise damaged(archive, "is not a .conda file, is truncated, or has bytes after its end")
    if extent.entries != 3:
        raise unsafe(archive, f"has {extent.entries} members, not 3")
    if extent.size > _DIRECTORY_LIMIT:
        raise unsafe(archive, f"has a central directory of {extent.size} bytes")
    return strict, extent


def _check_metadata(descriptor: int, member: CondaMember, archive: str) -> None:
    """Check ``metadata.json``. Some real packages have an empty one, which means version 2."""
    if member.size > _METADATA_LIMIT:
        raise unsafe(archive, f"is {member.size} bytes long", member=METADATA)
    check_crc(descriptor, member, archive)
    data = ByteRange(descriptor, member.offset, member.size).read(member.size)
    if not data:
        return
    try:
        version = read_json(data)["conda_pkg_format_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise damaged(archive, "names no format version", member=METADATA) from None
    if version != 2 or isinstance(version, bool):
        raise damaged(archive, f"has format version {version!r:.20}, not 2", member=METADATA)
