"""ExpectedArchive: what a channel lists of a package file."""

from __future__ import annotations

from typing import Any

from minicon.archive.problems import mismatch
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
    """What a channel lists of a package file; None where it lists nothing.

    Attributes:
        sha256: Of the archive, hexadecimal.
        md5: Of the archive; used only without a sha256.
        size: Bytes of the archive.
        name: Package name, which ``info/index.json`` must repeat; likewise version and build.
    """

    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    name: str | None = None
    version: str | None = None
    build: str | None = None

    @classmethod
    def of_record(cls, record: RepodataRecord) -> ExpectedArchive:
        """Take the values from the channel's record."""
        return cls(
            sha256=record.sha256,
            md5=record.md5,
            size=record.size,
            name=record.name,
            version=record.version,
            build=record.build,
        )

    def check_bytes(self, path: Path, archive: str) -> None:
        """Compare size and hash of the file, which is read only if a hash is listed.

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
            PackageError: It is another package than the requested one.
        """
        for key in ("name", "version", "build"):
            expected = getattr(self, key)
            if expected is not None and str(index.get(key)) != expected:
                message = (
                    f"{archive} is another package than its record lists: "
                    f"{key} {str(index.get(key))[:120]!r}, expected {expected!r}"
                )
                raise PackageError("other-package", message)
