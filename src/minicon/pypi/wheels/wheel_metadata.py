"""WheelMetadata: read a wheel's METADATA without downloading the wheel.

The cheapest way is tried first: the separate metadata file (PEP 658), one to three HTTP range
requests at the wheel's end, or the whole wheel if the server does not support ranges. Metadata is
cached without a time limit, since a published wheel never changes.
"""

from __future__ import annotations

import hashlib

from minicon.archive.streams import ByteRange
from minicon.archive.wheel_archive import open_wheel_zip
from minicon.errors import ChannelError, PackageError
from minicon.models.reporter import SilentReporter
from minicon.net.range_reader import RangeReader, RangesUnsupported
from minicon.pypi.urls import is_remote, local_path
from minicon.pypi.wheels.core_metadata import CoreMetadata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.archive.streams import ReadAt
    from minicon.models.indexes.wheel_index import DistributionFile
    from minicon.models.reporter import Reporter
    from minicon.net.client.fetcher import Fetcher
    from minicon.pypi.wheels.metadata_cache import MetadataCache
    from minicon.pypi.wheels.whole_files import WholeFiles

#: Bytes. A METADATA file is mostly a README; a zip directory has some 100 bytes per file.
_LARGEST_METADATA = 1 << 24
_LARGEST_DIRECTORY = 1 << 26
#: Length of the first range (bytes): it contains the directory and METADATA of most wheels.
_FIRST_REQUEST = 1 << 17
_NAME_ENDS = ".dist-info/METADATA"


class WheelMetadata:
    """Reads the metadata of wheels, and stores it in the cache. Safe to use from several threads.

    Args:
        fetcher: Opens URLs.
        files: Downloads files whole.
        cache: Of metadata.
        reporter: Receives warnings.
    """

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        files: WholeFiles,
        cache: MetadataCache,
        reporter: Reporter | None = None,
    ) -> None:
        self._fetcher = fetcher
        self._files = files
        self._cache = cache
        self._reporter = reporter or SilentReporter()

    def read(self, file: DistributionFile) -> CoreMetadata:
        """Return the metadata of a wheel that is not cached. Costs one to four requests.

        Raises:
            PackageError: The wheel or its METADATA is broken.
            ChannelError: It could not be fetched (OfflineError while offline).
        """
        try:
            metadata = CoreMetadata.from_text(self._fetch(file).decode("utf-8", "replace"))
            metadata.check_belongs_to(file.filename)
            metadata.requirements()
        except PackageError as error:
            raise PackageError(
                "broken-metadata", f"cannot use {file.url}: {error.message}", hint=error.hint
            ) from error
        self._cache.store(file, metadata)
        return metadata

    def _fetch(self, file: DistributionFile) -> bytes:
        if not is_remote(file.url):
            return _from_local(file)
        separate = separate_metadata(file, self._fetcher, self._reporter)
        if separate is not None:
            return separate
        try:
            return _metadata_in(
                RangeReader(self._fetcher, file.url, first=_FIRST_REQUEST, refuse=file_refused)
            )
        except RangesUnsupported:
            return _from_path(self._files.get(file))


def separate_metadata(file: DistributionFile, fetcher: Fetcher, reporter: Reporter) -> bytes | None:
    """Fetch the metadata file of PEP 658; None if there is none, or its hash is wrong."""
    if file.metadata_sha256 is None or not is_remote(file.url):
        return None
    url = f"{file.url}.metadata"
    with fetcher.open(url) as response:
        if response.status != 200:
            return None
        body = response.read(_LARGEST_METADATA)
    if file.metadata_sha256 and hashlib.sha256(body).hexdigest() != file.metadata_sha256:
        reporter.warn(f"{url} does not match the hash in the index; reading the file itself")
        return None
    return body


def file_refused(url: str, status: int) -> ChannelError:
    """Return the error for a server that refuses to send a file."""
    return ChannelError(
        "wheel-refused",
        f"{url} answered with HTTP status {status}",
        hint="try again later; if its index is out of date, `minicon clean --index-cache` helps",
    )


def _from_local(file: DistributionFile) -> bytes:
    path = local_path(file.url)
    if path is None:
        raise ChannelError("wheel-url", f"{file.url} is neither http, https nor file")
    return _from_path(path)


def _from_path(path: Path) -> bytes:
    try:
        with open(path, "rb") as stream:
            return _metadata_in(ByteRange(stream.fileno(), 0, stream.seek(0, 2)))
    except OSError as error:
        raise ChannelError("wheel-unreadable", f"cannot read {path}: {error.strerror}") from error


def _metadata_in(file: ReadAt) -> bytes:
    """Read the only METADATA file of a wheel. Raises PackageError."""
    strict, extent = open_wheel_zip(file)
    if extent.size > _LARGEST_DIRECTORY:
        raise PackageError("broken-metadata", "its zip directory is too large")
    entries = list(strict.entries(extent))
    found = [
        entry for entry in entries if entry.name.endswith(_NAME_ENDS) and entry.name.count("/") == 1
    ]
    if len(found) != 1:
        raise PackageError("broken-metadata", f"it has {len(found)} METADATA files instead of one")
    span = strict.span_of(found[0], entries, extent)
    if max(found[0].size, span) > _LARGEST_METADATA:
        raise PackageError("broken-metadata", "its METADATA is too large")
    return strict.content_of(found[0], file.read_at(found[0].offset, span))
