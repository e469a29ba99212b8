"""FileContents: metadata and hashes of files, cached, or read from the files themselves.

What reads files (zip, tar, ranges, downloads) is imported only where nothing is cached.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from minicon.errors import PackageError
from minicon.pypi.index.file_hashes import computed_sha256
from minicon.pypi.shared_results import SharedResults
from minicon.pypi.wheels.metadata_cache import MetadataCache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.models.indexes.wheel_index import DistributionFile
    from minicon.models.reporter import Reporter
    from minicon.net.client.fetcher import Fetcher
    from minicon.pypi.sdists.source_metadata import Build, SourceMetadata
    from minicon.pypi.wheels.core_metadata import CoreMetadata
    from minicon.pypi.wheels.wheel_metadata import WheelMetadata
    from minicon.pypi.wheels.whole_files import WholeFiles


class _Readers(NamedTuple):
    wheels: WheelMetadata
    sources: SourceMetadata
    files: WholeFiles


class FileContents:
    """Reads and caches what is known of files. Safe to use from several threads.

    Args:
        fetcher: Opens URLs.
        cache_dir: minicon's cache folder.
        reporter: Receives warnings.
        build: Builds the metadata of a source distribution with a minor version of python.
    """

    def __init__(
        self, fetcher: Fetcher, cache_dir: Path, reporter: Reporter, build: Build | None
    ) -> None:
        self._fetcher = fetcher
        self._cache_dir = cache_dir
        self._reporter = reporter
        self._build = build
        self._cache = MetadataCache(cache_dir)
        self._readers = SharedResults(self._make_readers)
        self._wheels = SharedResults(self._read_wheel)
        self._sha256 = SharedResults(self._compute_sha256)

    def cached(self, file: DistributionFile) -> CoreMetadata | None:
        """Return the metadata of a file, if it was read before."""
        return self._cache.load(file)

    def metadata(self, file: DistributionFile) -> CoreMetadata:
        """Return the metadata of a file; of a wheel of the same release for a source distribution.

        Raises:
            PackageError: It is broken.
            ChannelError: It could not be fetched (OfflineError while offline).
            PipError: That of a source distribution could not be built.
        """
        if file.is_wheel:
            return self._wheels.get(file)
        if file.wheel is not None:
            with contextlib.suppress(PackageError):
                return self._wheels.get(file.wheel)
        known = self._cache.load(file) or self._cache.load(file, file.for_python)
        return known or self._readers.get(self._cache_dir).sources.read(file)

    def prepare(self, wheel: DistributionFile) -> None:
        """Read the metadata of a wheel; an error is raised when it is used."""
        self._wheels.prepare(wheel)

    def with_hash(self, file: DistributionFile) -> DistributionFile:
        """Return a file with its hash, which is computed if its index lists none.

        Raises:
            ChannelError: The file cannot be read (OfflineError while offline).
        """
        return file if file.sha256 else file._replace(sha256=self._sha256.get(file))

    def _read_wheel(self, file: DistributionFile) -> CoreMetadata:
        known = self._cache.load(file)
        return known or self._readers.get(self._cache_dir).wheels.read(file)

    def _compute_sha256(self, file: DistributionFile) -> str | None:
        return computed_sha256(file, lambda: self._readers.get(self._cache_dir).files)

    def _make_readers(self, cache_dir: Path) -> _Readers:
        from minicon.pypi.sdists.source_metadata import SourceMetadata
        from minicon.pypi.wheels.wheel_metadata import WheelMetadata
        from minicon.pypi.wheels.whole_files import WholeFiles

        fetcher, cache, reporter = self._fetcher, self._cache, self._reporter
        files = WholeFiles(fetcher, cache_dir, reporter)
        wheels = WheelMetadata(fetcher=fetcher, files=files, cache=cache, reporter=reporter)
        sources = SourceMetadata(fetcher=fetcher, cache=cache, reporter=reporter, build=self._build)
        return _Readers(wheels, sources, files)
