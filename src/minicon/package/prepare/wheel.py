"""prepare_wheel: from a wheel to conda's noarch python package form, once per machine.

::

    archive ─ sha256, size ─ strict walk ─ per file: inflate ─ CRC ─ RECORD hash ─ write
                                                                     │
                          info/index.json · info/paths.json · info/link.json

Files are linked into environments from there; RECORD, INSTALLER and commands are written per
environment by :mod:`minicon.prefix`.
"""

from __future__ import annotations

import contextlib
import os

from minicon.archive.wheel_archive import WheelArchive
from minicon.errors import FileError, HashMismatch, PackageError
from minicon.fs import operations
from minicon.fs.hashing import sha256_of_file
from minicon.fs.remove import remove_tree
from minicon.models.reporter import SilentReporter, SilentTask
from minicon.package.cache.cache_folder import ARCHIVE_SUFFIX
from minicon.package.prepare.wheel_unpacking import WheelUnpacking
from minicon.pypi.urls import local_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from minicon.models.package_files import PackageFiles
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter, Task


def prepare_wheel(
    archive: Path,
    record: RepodataRecord,
    folder: Path,
    *,
    verify: bool = True,
    task: Task | None = None,
) -> PackageFiles:
    """Fill an empty folder with a wheel's files in package form.

    Cost: one thread, about one inflate and one SHA-256 of everything; memory a few MB.

    Args:
        archive: The wheel.
        record: What it was chosen as: name, version, sha256 and size must fit.
        folder: Empty, and the caller's to discard if this fails.
        verify: Compare the archive's size and sha256 with the record's; leave it out only
            where the download has just done so.
        task: Told of the bytes that were unpacked.

    Returns:
        The package's list of files, every one of them verified.

    Raises:
        HashMismatch: The archive is not the one that the index listed.
        UnsafeArchive: The wheel contradicts itself or reaches outside of its place.
        PackageError: The wheel is broken, or another package's.
        FileError: The disk is full, or the folder cannot be written.
    """
    if verify:
        _verify(archive, record)
    with operations.describing("unpack into", folder):
        try:
            with WheelArchive(archive) as wheel:
                return WheelUnpacking(wheel, record, folder, task or SilentTask()).run()
        except PackageError as error:
            if record.fn in error.message:
                raise
            message = f"{record.fn}: {error.message}"
            raise type(error)(error.reference, message, hint=error.hint) from error


def prepare_wheel_package(
    fetch: Callable[[RepodataRecord, Path], None],
    record: RepodataRecord,
    *,
    reporter: Reporter | None = None,
    allow_unverified: bool = False,
    fetch_verifies: bool = False,
    turn: AbstractContextManager[object] | None = None,
) -> Callable[[Path], PackageFiles]:
    """What :meth:`minicon.package.cache.package_cache.PackageCache.ensure` calls for a wheel.

    Args:
        fetch: Downloads the file of a record to a path that does not exist yet; not called
            for ``file:`` URLs, which are read where they are.
        record: The wheel.
        reporter: Told of the unpacking's progress.
        allow_unverified: Also take a wheel whose index lists no SHA-256.
        fetch_verifies: FETCH compares size and hash itself; they are not compared again.
        turn: Held while unpacking, so that no more packages are at it than there are processors.

    Returns:
        A function that fills an empty folder and returns its list of files. It raises what
        FETCH and :func:`prepare_wheel` raise, and PackageError ``no-hash``.
    """
    reporter = reporter or SilentReporter()

    def unpack(archive: Path, folder: Path, *, verify: bool) -> PackageFiles:
        with turn or contextlib.nullcontext():
            task = reporter.start("extract", record.dist_name, None)
            try:
                return prepare_wheel(archive, record, folder, verify=verify, task=task)
            finally:
                task.finish()

    def prepare(folder: Path) -> PackageFiles:
        _check_has_hash(record, reporter, allow_unverified)
        local = local_path(record.url)
        if local is not None:
            return unpack(local, folder, verify=True)
        archive = folder.with_name(f"{folder.name}{ARCHIVE_SUFFIX}")
        try:
            with operations.describing("write", archive):
                remove_tree(archive)  # of a process that died
            fetch(record, archive)
            return unpack(archive, folder, verify=not fetch_verifies)
        finally:
            with contextlib.suppress(OSError):
                remove_tree(archive)

    return prepare


def _check_has_hash(record: RepodataRecord, reporter: Reporter, allow_unverified: bool) -> None:
    if record.sha256:
        return
    message = f"{record.fn}: its package index lists no SHA-256"
    if not (allow_unverified or record.data.get("direct_url")):
        raise PackageError(
            "no-hash",
            f"{message}, so nobody can tell whether it was changed",
            hint="use an index that lists hashes, or download the file and give its path",
        )
    reporter.warn(f"{message}; it is used unverified")


def _verify(archive: Path, record: RepodataRecord) -> None:
    try:
        size = os.stat(archive).st_size
        wrong = record.size is not None and size != record.size
        if not wrong and record.sha256:
            wrong = sha256_of_file(archive) != record.sha256.lower()
    except OSError as error:
        raise FileError("file-system", f"cannot read {archive}: {error.strerror}") from error
    if wrong:
        raise HashMismatch(
            "hash-mismatch",
            f"{record.fn} is not the file that the index listed",
            hint="remove it with `minicon clean --all` and try again; do not install it",
        )
