"""Where the archives of a channel are: in the directory that is indexed, or in an S3 bucket."""

from __future__ import annotations

import contextlib
import os
from typing import Protocol

from minicon.constants import PACKAGE_EXTENSIONS, WHEEL_EXTENSION
from minicon.fs import operations
from minicon.fs.hashing import sha256_of
from minicon.models.subdir import KNOWN_SUBDIRS
from minicon.net.schemes.s3_listing import list_objects
from minicon.publish.reading.shares import ListedArchive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from minicon.net.client.fetcher import Fetcher

_EXTENSIONS = (*PACKAGE_EXTENSIONS, WHEEL_EXTENSION)


class ArchiveSource(Protocol):
    """Lists archives. Shares name them by their location.

    Attributes:
        s3_options: Of buckets, for workers.
    """

    s3_options: Mapping[str, Mapping[str, str]]

    def subdirs(self) -> list[str]:
        """Return the subdirs of the channel."""

    def archives(self, subdir: str) -> list[ListedArchive]:
        """Return the archives of a subdir, sorted by name; of the channel's root for ``""``."""

    def location(self, subdir: str) -> str:
        """Return the directory or URL of a subdir."""


class FolderSource:
    """Archives beside their index."""

    s3_options: Mapping[str, Mapping[str, str]] = {}

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def subdirs(self) -> list[str]:
        """See :meth:`ArchiveSource.subdirs`."""
        names = [path.name for path in self._folder.iterdir() if path.is_dir()]
        return [name for name in names if name in KNOWN_SUBDIRS or self.archives(name)]

    def archives(self, subdir: str) -> list[ListedArchive]:
        """See :meth:`ArchiveSource.archives`."""
        folder = self._folder / subdir
        found = []
        with operations.describing("read", folder), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(_EXTENSIONS) and not entry.name.startswith("."):
                    with contextlib.suppress(FileNotFoundError):  # a link to nothing, or removed
                        facts = entry.stat()
                        if entry.is_file():
                            found.append(
                                ListedArchive(entry.name, facts.st_size, facts.st_mtime_ns)
                            )
        return sorted(found)

    def location(self, subdir: str) -> str:
        """See :meth:`ArchiveSource.location`."""
        return str(self._folder / subdir)


class S3Source:
    """Archives in a bucket, whose index is written to a directory.

    Args:
        fetcher: Opens ``s3://`` URLs.
        url: Of the channel.
        s3_options: As in the settings.
    """

    def __init__(
        self, fetcher: Fetcher, url: str, s3_options: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._fetcher = fetcher
        self._url = url.rstrip("/")
        self.s3_options: Mapping[str, Mapping[str, str]] = {
            bucket: dict(values) for bucket, values in s3_options.items()
        }

    def subdirs(self) -> list[str]:
        """See :meth:`ArchiveSource.subdirs`."""
        names = (each.name for each in list_objects(self._fetcher, f"{self._url}/"))
        found = [name.rstrip("/") for name in names if name.endswith("/")]
        return [name for name in found if name in KNOWN_SUBDIRS]

    def archives(self, subdir: str) -> list[ListedArchive]:
        """See :meth:`ArchiveSource.archives`."""
        objects = list_objects(self._fetcher, f"{self.location(subdir).rstrip('/')}/")
        return sorted(
            # The mark has seven bytes, since the state file has signed numbers of eight.
            ListedArchive(each.name, each.size, int(sha256_of(each.etag.encode())[:14], 16))
            for each in objects
            if each.name.endswith(_EXTENSIONS)
        )

    def location(self, subdir: str) -> str:
        """See :meth:`ArchiveSource.location`."""
        return f"{self._url}/{subdir}"
