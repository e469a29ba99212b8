"""From a channel's record to an extracted package: download, verify, extract, drop the archive."""

from __future__ import annotations

import contextlib

from minicon.errors import PackageError
from minicon.fs.operations import describing
from minicon.fs.remove import remove_tree
from minicon.models.reporter import SilentReporter
from minicon.package.cache.cache_folder import ARCHIVE_SUFFIX
from minicon.package.prepare.expected_archive import ExpectedArchive
from minicon.package.prepare.extract import extract

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from minicon.archive.streams import ReaderName
    from minicon.models.package_files import PackageFiles
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter


def prepare_conda_package(
    fetch: Callable[[RepodataRecord, Path], None],
    record: RepodataRecord,
    *,
    reporter: Reporter | None = None,
    reader: ReaderName | None = None,
    allow_unverified: bool = False,
    fetch_verifies: bool = False,
    turn: AbstractContextManager[object] | None = None,
) -> Callable[[Path], PackageFiles]:
    """Return what :meth:`.PackageCache.ensure` calls for a conda package.

    Args:
        fetch: Downloads the archive of a record to a path that does not exist yet.
        record: The package.
        reporter: Told of the extraction's progress.
        reader: See :func:`minicon.package.prepare.extract.extract`.
        allow_unverified: Also take a package whose record has no hash at all.
        fetch_verifies: FETCH compares size and hash itself; they are not compared again.
        turn: Held while extracting, so that no more packages are at it than there are processors.

    Returns:
        A function that fills an empty folder with the package and returns its list of files,
        every one verified. It raises what FETCH and :func:`extract` raise, and PackageError
        ``no-hash`` for a record without any hash.
    """
    reporter = reporter or SilentReporter()

    def unpack(archive: Path, directory: Path) -> PackageFiles:
        task = reporter.start("extract", record.dist_name, archive.stat().st_size)
        try:
            return extract(
                archive,
                directory,
                expected=ExpectedArchive.of_record(record),
                check_bytes=not fetch_verifies,
                name=record.fn,
                reader=reader,
                task=task,
            )
        finally:
            task.finish()

    def prepare(directory: Path) -> PackageFiles:
        _check_has_hash(record, reporter, allow_unverified)
        archive = directory.with_name(f"{directory.name}{ARCHIVE_SUFFIX}")
        try:
            with describing("write", archive):
                remove_tree(archive)  # of a process that died
            fetch(record, archive)
            with turn or contextlib.nullcontext():
                return unpack(archive, directory)
        finally:
            with contextlib.suppress(OSError):  # what is left there, sweep() removes
                remove_tree(archive)

    return prepare


def _check_has_hash(record: RepodataRecord, reporter: Reporter, allow_unverified: bool) -> None:
    if record.sha256:
        return
    if record.md5:
        reporter.warn(f"{record.fn}: its channel lists only an MD5, which proves little")
        return
    if not allow_unverified:
        raise PackageError(
            "no-hash",
            f"{record.fn}: its channel lists no hash, so nobody can tell whether it was changed",
            hint="ask for a channel that has one, or allow unverified packages",
        )
    reporter.warn(f"{record.fn}: its channel lists no hash; it is used unverified")
