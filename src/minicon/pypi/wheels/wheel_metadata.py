"""WheelMetadata: read a wheel's METADATA without downloading the wheel.

The cheapest way is tried first: the separate metadata file (PEP 658), one to three HTTP range
requests at the wheel's end, or the whole wheel if the server does not support ranges. Metadata is
cached without a time limit, since a published wheel never changes.
"""

from __future__ import annotations

import hashlib
import json

from minicon.archive.streams import ByteRange
from minicon.archive.wheel_archive import open_wheel_zip
from minicon.errors import ChannelError, FileError, HashMismatch, PackageError
from minicon.fs import operations
from minicon.lazy_pattern import lazy_pattern
from minicon.models.reporter import SilentReporter
from minicon.models.strict_json import read_json
from minicon.net.range_reader import RangeReader, RangesUnsupported
from minicon.pypi.urls import is_remote, local_path
from minicon.pypi.wheels.core_metadata import CoreMetadata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from minicon.archive.streams import ReadAt
    from minicon.models.indexes import DistributionFile
    from minicon.models.reporter import Reporter
    from minicon.net.client.fetcher import Fetcher

FOLDER = "pypi-metadata-v1"
#: Bytes. A METADATA file is mostly a README; a zip directory has some 100 bytes per file.
_LARGEST_METADATA = 1 << 24
_LARGEST_DIRECTORY = 1 << 26
#: Length of the first range (bytes): it contains the directory and METADATA of most wheels.
_FIRST_REQUEST = 1 << 17
_NAME_ENDS = ".dist-info/METADATA"
_HEXADECIMAL = lazy_pattern(r"[0-9a-f]{64}")


class WheelMetadata:
    """Reads and caches the metadata of wheels. Safe to use from several threads.

    Args:
        fetcher: Opens URLs.
        cache_dir: minicon's cache folder.
        reporter: Receives warnings.
    """

    def __init__(
        self, *, fetcher: Fetcher, cache_dir: Path, reporter: Reporter | None = None
    ) -> None:
        self._fetcher = fetcher
        self._folder = cache_dir / FOLDER
        self._reporter = reporter or SilentReporter()

    def read(self, file: DistributionFile) -> CoreMetadata:
        """Return the metadata of a wheel.

        Costs reading a small file if it is cached, else one to four requests.

        Raises:
            PackageError: The wheel or its METADATA is broken.
            ChannelError: It could not be fetched (OfflineError while offline).
        """
        known = self.cached(file)
        if known is not None:
            return known
        try:
            metadata = CoreMetadata.from_text(self._fetch(file).decode("utf-8", "replace"))
            metadata.check_belongs_to(file.filename)
            metadata.requirements()
        except PackageError as error:
            raise PackageError(
                "broken-metadata", f"cannot use {file.url}: {error.message}", hint=error.hint
            ) from error
        self._store(file, metadata)
        return metadata

    def cached(self, file: DistributionFile) -> CoreMetadata | None:
        """Return the cached metadata of a wheel, or None."""
        try:
            return CoreMetadata.from_json(read_json(self._path(file).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _path(self, file: DistributionFile) -> Path:
        # A local file without a hash may be replaced: mostly its size changes then.
        key = file.sha256 or ""
        if not _HEXADECIMAL.fullmatch(key):
            key = hashlib.sha256(f"{file.url} {file.size}".encode()).hexdigest()
        return self._folder / key[:2] / f"{key[2:]}.json"

    def _store(self, file: DistributionFile, metadata: CoreMetadata) -> None:
        path = self._path(file)
        try:
            operations.make_directory(path.parent, 0o700)
            operations.replace_file(path, json.dumps(metadata.to_json()).encode(), durable=False)
        except (OSError, FileError):
            return

    def _fetch(self, file: DistributionFile) -> bytes:
        if not is_remote(file.url):
            return _from_local(file)
        separate = self._fetch_separate(file) if file.metadata_sha256 is not None else None
        if separate is not None:
            return separate
        try:
            return _metadata_in(
                RangeReader(self._fetcher, file.url, first=_FIRST_REQUEST, refuse=_refused)
            )
        except RangesUnsupported:
            return self._from_whole(file)

    def _fetch_separate(self, file: DistributionFile) -> bytes | None:
        """Fetch the PEP 658 file; None if it is missing or does not match the index's hash."""
        url = f"{file.url}.metadata"
        with self._fetcher.open(url) as response:
            if response.status != 200:
                return None
            body = response.read(_LARGEST_METADATA)
        if file.metadata_sha256 and hashlib.sha256(body).hexdigest() != file.metadata_sha256:
            self._reporter.warn(
                f"{url} does not match the hash in the index; reading the wheel instead"
            )
            return None
        return body

    def _from_whole(self, file: DistributionFile) -> bytes:
        import tempfile

        with tempfile.TemporaryFile() as stream:
            digest = hashlib.sha256()
            with self._fetcher.open(file.url) as response:
                if response.status != 200:
                    raise _refused(file.url, response.status)
                for chunk in response.chunks():
                    digest.update(chunk)
                    stream.write(chunk)
            if file.sha256 and digest.hexdigest() != file.sha256:
                raise HashMismatch("hash-mismatch", "it does not match the hash in the index")
            return _from_stream(stream)


def _refused(url: str, status: int) -> ChannelError:
    return ChannelError(
        "wheel-refused",
        f"{url} answered with HTTP status {status}",
        hint="try again later; if its index is out of date, `minicon clean --index-cache` helps",
    )


def _from_local(file: DistributionFile) -> bytes:
    path = local_path(file.url)
    if path is None:
        raise ChannelError("wheel-url", f"{file.url} is neither http, https nor file")
    try:
        with open(path, "rb") as stream:
            return _from_stream(stream)
    except OSError as error:
        raise ChannelError("wheel-unreadable", f"cannot read {path}: {error.strerror}") from error


def _from_stream(stream: BinaryIO) -> bytes:
    return _metadata_in(ByteRange(stream.fileno(), 0, stream.seek(0, 2)))


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
