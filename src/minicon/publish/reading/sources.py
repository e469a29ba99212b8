"""Where the archives of a channel are: in a directory, an S3 bucket or a container registry."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from typing import Protocol

from minicon.constants import PACKAGE_EXTENSIONS, WHEEL_EXTENSION
from minicon.errors import ChannelError
from minicon.fs import operations
from minicon.fs.hashing import sha256_of
from minicon.models.subdir import KNOWN_SUBDIRS
from minicon.publish.reading.shares import ListedArchive
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from minicon.net.routing import UrlFetcher
    from minicon.net.schemes.s3_listing import S3Object

_EXTENSIONS = (*PACKAGE_EXTENSIONS, WHEEL_EXTENSION)


class ArchiveSource(Protocol):
    """Lists archives. Shares name them by their location.

    Attributes:
        fetcher: Opens the URLs of archives; None if they are files.
        s3_options: Of buckets, for workers.
    """

    fetcher: UrlFetcher | None
    s3_options: Mapping[str, Mapping[str, str]]

    def subdirs(self) -> list[str]:
        """Return the subdirs of the channel."""

    def archives(self, subdir: str) -> list[ListedArchive]:
        """Return the archives of a subdir, sorted by name; of the channel's root for ``""``."""

    def location(self, subdir: str) -> str:
        """Return the directory or URL of a subdir."""


class FolderSource:
    """Archives in a directory."""

    fetcher: UrlFetcher | None = None
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
    """Archives in a bucket.

    Args:
        fetcher: Opens ``s3://`` URLs.
        url: Of the channel.
        s3_options: As in the settings.
    """

    def __init__(
        self, fetcher: UrlFetcher, url: str, s3_options: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.fetcher: UrlFetcher | None = fetcher
        self._fetcher = fetcher
        self._url = url.rstrip("/")
        self.s3_options: Mapping[str, Mapping[str, str]] = {
            bucket: dict(values) for bucket, values in s3_options.items()
        }

    def subdirs(self) -> list[str]:
        """See :meth:`ArchiveSource.subdirs`."""
        names = [each.name for each in self._list(f"{self._url}/")]
        found = [name.rstrip("/") for name in names if name.endswith("/")]
        return [name for name in found if name in KNOWN_SUBDIRS]

    def archives(self, subdir: str) -> list[ListedArchive]:
        """See :meth:`ArchiveSource.archives`."""
        objects = self._list(f"{self.location(subdir).rstrip('/')}/")
        return sorted(
            ListedArchive(each.name, each.size, _mark(each.etag))
            for each in objects
            if each.name.endswith(_EXTENSIONS)
        )

    def location(self, subdir: str) -> str:
        """See :meth:`ArchiveSource.location`."""
        return f"{self._url}/{subdir}"

    def _list(self, url: str) -> Iterator[S3Object]:
        from minicon.net.schemes.s3_listing import list_objects

        return list_objects(self._fetcher, url)


class OciSource:
    """Archives in a registry: the tags of its repositories, or of those that an index lists.

    Args:
        fetcher: Opens ``oci://`` URLs.
        url: Of the channel.
        known: Returns names of packages by subdir, if the registry does not list its repositories.

    Raises:
        ChannelError: The registry lists nothing, and no name is known.
    """

    s3_options: Mapping[str, Mapping[str, str]] = {}

    def __init__(
        self,
        fetcher: UrlFetcher,
        url: str,
        known: Callable[[], Mapping[str, Iterable[str]]] = dict,
    ) -> None:
        from minicon.net.registry_listing import list_repositories

        self.fetcher: UrlFetcher | None = fetcher
        self._registries = fetcher.registries
        self._url = url.rstrip("/")
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        listed = list_repositories(self._registries, self._url)
        if listed is None:
            listed = [f"{subdir}/{name}" for subdir, names in known().items() for name in names]
            if not listed:
                message = f"{redact(url)} cannot be listed: the registry shows no catalog"
                hint = "upload its packages with 'minicon channel upload'"
                raise ChannelError("not-a-listing", message, hint=hint)
        for path in listed:
            subdir, _, name = path.partition("/")
            if subdir in KNOWN_SUBDIRS and "/" not in name:
                self._names[subdir].add(name)

    def subdirs(self) -> list[str]:
        """See :meth:`ArchiveSource.subdirs`."""
        return sorted(self._names)

    def archives(self, subdir: str) -> list[ListedArchive]:
        """See :meth:`ArchiveSource.archives`."""
        from minicon.net.registry_listing import list_packages

        names = sorted(self._names[subdir]) if subdir else []
        found = list_packages(self._registries, self.location(subdir), names)
        return [
            ListedArchive(each.file_name, each.layer.size or 0, _mark(each.layer.digest))
            for each in found
        ]

    def location(self, subdir: str) -> str:
        """See :meth:`ArchiveSource.location`."""
        return f"{self._url}/{subdir}"


def _mark(content: str) -> int:
    """A mark of seven bytes, since the state file has signed numbers of eight."""
    return int(sha256_of(content.encode())[:14], 16)
