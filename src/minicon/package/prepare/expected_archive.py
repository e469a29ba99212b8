"""What is known of an archive before it is opened, and how much it may unpack to."""

from __future__ import annotations

from typing import Any

from minicon.archive.problems import mismatch, unsafe
from minicon.errors import PackageError
from minicon.fs.hashing import ListedContent
from minicon.fs.operations import describing
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from minicon.models.records import RepodataRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedArchive:
    """What a channel promised of a package file. None is no promise.

    Attributes:
        sha256: Of the archive, hexadecimal.
        md5: Of the archive; looked at only where there is no sha256.
        size: Bytes of the archive.
        name: Package name, as ``info/index.json`` must have it; likewise version and build.
    """

    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    name: str | None = None
    version: str | None = None
    build: str | None = None

    @classmethod
    def of_record(cls, record: RepodataRecord) -> ExpectedArchive:
        """What the channel's record promises."""
        return cls(
            sha256=record.sha256,
            md5=record.md5,
            size=record.size,
            name=record.name,
            version=record.version,
            build=record.build,
        )

    def check_bytes(self, path: Path, archive: str) -> None:
        """Compare size and hash of the file; reads all of it unless nothing is promised.

        Raises:
            HashMismatch: They differ.
            FileError: The file cannot be read.
        """
        with describing("read", path):
            listed = ListedContent(self.size, self.sha256, self.md5)
            difference = listed.difference_of_file(path)
        if difference is not None:
            raise mismatch(archive, difference)

    def check_identity(self, index: Mapping[str, Any], archive: str) -> None:
        """Compare name, version and build with the package's own ``index.json``.

        Raises:
            PackageError: It is another package than the one that was asked for.
        """
        for key in ("name", "version", "build"):
            expected = getattr(self, key)
            if expected is not None and str(index.get(key)) != expected:
                message = (
                    f"{archive} is another package than its record says: "
                    f"{key} {str(index.get(key))[:120]!r}, expected {expected!r}"
                )
                raise PackageError("other-package", message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionLimits:
    """How much an archive may unpack to, so that a small file cannot fill a disk.

    Attributes:
        members: Members in all.
        floor: Bytes that any archive may unpack to.
        ratio: Beyond the floor, bytes unpacked per byte of the archive.
    """

    members: int = 500_000
    floor: int = 256 << 20
    ratio: int = 250

    def bytes_of(self, archive_size: int) -> int:
        """Bytes that an archive of this size may unpack to."""
        return max(self.floor, self.ratio * archive_size)

    def check(self, archive: str, archive_size: int, members: int, size: int) -> None:
        """Judge what was announced so far, before it is written. Raises UnsafeArchive."""
        if members > self.members:
            raise unsafe(archive, f"has more than {self.members} members")
        if size > self.bytes_of(archive_size):
            raise unsafe(archive, f"unpacks to more than {self.ratio} times its size")
