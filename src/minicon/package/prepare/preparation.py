"""Prepare a package that is downloaded: fetch, verify, extract, discard the archive.

::

    channel        ─► .conda, .tar.bz2 ─► extract ───────┐
    package index  ─► .whl ─────────────► prepare_wheel ─┴─► directory with info/, PackageFiles
"""

from __future__ import annotations

import contextlib

from minicon.errors import PackageError
from minicon.fs.operations import describing
from minicon.fs.remove import remove_tree
from minicon.models.reporter import SilentReporter
from minicon.package.cache.cache_folder import ARCHIVE_SUFFIX
from minicon.package.prepare.unpackers import Unpacking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from minicon.models.package_files import PackageFiles
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter
    from minicon.package.manifest import Manifest
    from minicon.package.prepare.unpackers import Unpackers


def prepare_package(
    fetch: Callable[[RepodataRecord, Path], None],
    record: RepodataRecord,
    *,
    reporter: Reporter | None = None,
    allow_unverified: bool = False,
    fetch_verifies: bool = False,
    unpackers: Unpackers | None = None,
    check: Callable[[], object] = bool,
) -> Callable[[Path], PackageFiles | Manifest]:
    """Return what :meth:`.PackageCache.ensure` calls for a conda package or a wheel.

    Args:
        fetch: Downloads the archive of a record to a path that does not exist; not called for
            wheels with ``file:`` URLs, which are read in place.
        record: The package.
        reporter: Shows the progress of extraction.
        allow_unverified: Also accept a package whose record has no hash.
        fetch_verifies: Whether ``fetch`` compares size and hash, so that it is not done again.
        unpackers: Unpack no more packages at once than there are processors; by default, this
            thread unpacks.
        check: Called now and then while another process unpacks; raises to stop it.

    Returns:
        A function that fills an empty directory with the package and returns its list of files,
        every one verified, or the manifest that was written of them. It raises what ``fetch``,
        :func:`.extract` and :func:`.prepare_wheel` raise, and PackageError ``no-hash`` for a
        record without a hash.
    """
    reporter = reporter or SilentReporter()

    def unpack(archive: Path, directory: Path, *, verify: bool) -> PackageFiles | Manifest:
        with unpackers.turn() if unpackers else contextlib.nullcontext() as process:
            size = None if record.is_wheel else archive.stat().st_size
            task = reporter.start("extract", record.label, size)
            work = Unpacking(record, archive, directory, verify, task, reporter)
            try:
                if process is not None and process.unpack(work, check=check):
                    return _found_files(directory)
                return unpack_package(work)
            finally:
                task.finish()

    def prepare(directory: Path) -> PackageFiles | Manifest:
        if not allow_unverified:
            _check_has_hash(record)
        local = _local_wheel(record)
        if local is not None:
            return unpack(local, directory, verify=True)
        archive = directory.with_name(f"{directory.name}{ARCHIVE_SUFFIX}")
        try:
            with describing("write", archive):
                remove_tree(archive)  # of a process that died
            fetch(record, archive)
            return unpack(archive, directory, verify=not fetch_verifies)
        finally:
            with contextlib.suppress(OSError):  # PackageCache.sweep removes what remains
                remove_tree(archive)

    return prepare


def _found_files(directory: Path) -> PackageFiles | Manifest:
    """Read what another process has verified; old packages have no manifest."""
    from minicon.package.info_files import read_package_files
    from minicon.package.manifest import read_manifest

    return read_manifest(directory) or read_package_files(directory)


def unpack_with_manifest(work: Unpacking) -> None:
    """Do :func:`unpack_package` as :class:`.Unpackers` need it, with the manifest."""
    from minicon.package.manifest import make_manifest

    make_manifest(work.directory, unpack_package(work))


def unpack_package(work: Unpacking) -> PackageFiles:
    """Unpack a conda package or a wheel, and verify every file."""
    record = work.record
    if record.is_wheel:
        from minicon.package.prepare.wheel import prepare_wheel

        return prepare_wheel(
            work.archive,
            record,
            work.directory,
            verify=work.verify,
            task=work.task,
            reporter=work.reporter,
        )
    from minicon.package.prepare.expected_archive import ExpectedArchive
    from minicon.package.prepare.extract import extract

    return extract(
        work.archive,
        work.directory,
        expected=ExpectedArchive.of_record(record),
        check_bytes=work.verify,
        name=record.fn,
        task=work.task,
    )


def _local_wheel(record: RepodataRecord) -> Path | None:
    if record.source != "pypi":
        return None
    from minicon.pypi.urls import local_path

    return local_path(record.url)


def _check_has_hash(record: RepodataRecord) -> None:
    is_wheel = record.source == "pypi"
    if record.sha256 or (record.md5 and not is_wheel):
        return
    lister, hashes = ("package index", "SHA-256") if is_wheel else ("channel", "hash")
    other = "download the file and give its path" if is_wheel else "name its URL with its hash"
    raise PackageError(
        "no-hash",
        f"{record.fn}: its {lister} lists no {hashes}, so it cannot be verified",
        hint=f"use one that lists hashes, or {other}",
    )
