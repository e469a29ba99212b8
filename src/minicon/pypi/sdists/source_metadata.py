"""SourceMetadata: what a source distribution requires.

The cheapest way is tried first: the separate metadata file (PEP 658), ``PKG-INFO`` of the archive,
a build. The first two count only if they state that the requirements are static (PEP 643).
"""

from __future__ import annotations

import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

from minicon.errors import PackageError
from minicon.pypi.urls import is_remote, local_path
from minicon.pypi.wheels.core_metadata import CoreMetadata
from minicon.pypi.wheels.wheel_metadata import separate_metadata
from minicon.pypi.wheels.whole_files import download_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from minicon.models.indexes.wheel_index import DistributionFile
    from minicon.models.reporter import Reporter
    from minicon.net.client.fetcher import Fetcher
    from minicon.pypi.wheels.metadata_cache import MetadataCache

    Build = Callable[[Path, str], CoreMetadata]

#: Bytes of a PKG-INFO, and entries of an archive that are searched for it.
_LARGEST = 1 << 24
_MOST_ENTRIES = 200_000


class SourceMetadata:
    """Reads the metadata of source distributions, and stores it in the cache.

    Args:
        fetcher: Opens URLs.
        cache: Of metadata.
        reporter: Receives warnings.
        build: Builds the metadata of an archive with a minor version of python; None if nothing
            must be built.
    """

    def __init__(
        self, *, fetcher: Fetcher, cache: MetadataCache, reporter: Reporter, build: Build | None
    ) -> None:
        self._fetcher = fetcher
        self._cache = cache
        self._reporter = reporter
        self._build = build

    def read(self, file: DistributionFile) -> CoreMetadata:
        """Return the metadata of a source distribution that is not cached.

        Costs a request, or a download and a build.

        Raises:
            PackageError: It is damaged, or its metadata is that of another project.
            ChannelError: It could not be fetched (OfflineError while offline).
            PipError: Its metadata could not be built.
        """
        separate = separate_metadata(file, self._fetcher, self._reporter)
        metadata = None if separate is None else CoreMetadata.static(separate)
        if metadata is not None:
            return self._checked(file, metadata, "")
        with tempfile.TemporaryDirectory(prefix="minicon-sdist-") as folder:
            archive = self._archive(file, Path(folder))
            metadata = CoreMetadata.static(_pkg_info(archive) or b"")
            if metadata is not None:
                return self._checked(file, metadata, "")
            if self._build is None:
                raise PackageError("broken-metadata", f"{file.filename} has to be built")
            return self._checked(file, self._build(archive, file.for_python), file.for_python)

    def _checked(self, file: DistributionFile, metadata: CoreMetadata, python: str) -> CoreMetadata:
        try:
            metadata.check_belongs_to(file.filename)
            metadata.requirements()
        except PackageError as error:
            raise PackageError(
                "broken-metadata", f"cannot use {file.url}: {error.message}", hint=error.hint
            ) from error
        self._cache.store(file, metadata, python)
        return metadata

    def _archive(self, file: DistributionFile, folder: Path) -> Path:
        """The archive as a local file, verified if its index lists a hash."""
        local = None if is_remote(file.url) else local_path(file.url)
        if local is not None:
            return local
        path = folder / Path(file.filename).name
        download_file(self._fetcher, self._reporter, file, path)
        return path


def _pkg_info(archive: Path) -> bytes | None:
    """Return the ``PKG-INFO`` of a source distribution; None if it has none.

    Raises:
        PackageError: It is no archive.
    """
    read = _in_zip if archive.name.endswith(".zip") else _in_tar
    try:
        return next(read(archive), None)
    except (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise PackageError(
            "damaged-archive",
            f"cannot read {archive.name}: it is no archive, or damaged",
            hint="try again; if this repeats, the index's copy is damaged",
        ) from error


def _in_zip(archive: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            if _is_pkg_info(info.filename):
                with opened.open(info) as stream:
                    yield _limited(stream)


def _in_tar(archive: Path) -> Iterator[bytes]:
    with tarfile.open(archive) as opened:
        for number, member in enumerate(opened):
            if number > _MOST_ENTRIES:
                raise tarfile.TarError("it has too many entries")
            stream = opened.extractfile(member) if _is_pkg_info(member.name) else None
            if stream is not None:
                yield _limited(stream)


def _limited(stream: IO[bytes]) -> bytes:
    return stream.read(_LARGEST)


def _is_pkg_info(name: str) -> bool:
    folder, _, file = name.removeprefix("./").partition("/")
    return bool(folder) and file == "PKG-INFO"
