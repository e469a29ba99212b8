"""Prepare packages to be linked: take cached ones; fetch, verify and unpack the others.

::

    record.source   conda        download ─ verify ─ extract ─┐
                    pypi         download ─ verify ─ unpack ──┼─> package cache ─> CachedPackage
                    interpreter  repack from this machine ────┘
"""

from __future__ import annotations

from minicon.errors import FileError, HashMismatch, PackageError
from minicon.fs import operations
from minicon.models.reporter import SilentReporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.models.package_files import PackageFiles
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Task
    from minicon.package.cache.package_cache import CachedPackage
    from minicon.package.manifest import Manifest
    from minicon.package.prepare.unpackers import Unpackers

#: Simultaneous packages. Most of them download: no more unpack than there are processors.
_WORKERS = 5


def prepare_packages(
    services: Services, records: Iterable[RepodataRecord], *, allow_unverified: bool = False
) -> dict[RepodataRecord, CachedPackage]:
    """Return the package of every record, complete and verified.

    What is fetched is verified while it is unpacked. Of what was cached before, sizes are checked
    again as ``safety_checks`` says: editing a file of an environment that is a hard link into the
    cache edits the package.

    Args:
        services: Network and caches.
        records: Of the packages.
        allow_unverified: Whether packages without a known hash are accepted.

    Raises:
        OfflineError: A package has to be fetched and ``offline`` is set.
        ChannelError, HashMismatch, PackageError: A package cannot be fetched, or is damaged.
        InterpreterError: An interpreter is no longer installed.
    """
    cached = {record: _cached_package(services, record) for record in records}
    missing = [record for record, package in cached.items() if package is None]
    made = {}
    if missing:
        made = _make_packages(services, missing, allow_unverified=allow_unverified)
    return {record: package or made[record] for record, package in cached.items()}


def local_packages(
    services: Services, records: Iterable[RepodataRecord]
) -> frozenset[RepodataRecord]:
    """Return the records whose packages are read or made on this machine, not downloaded.

    They are in a directory that is a channel or an index, in a bundle, or were downloaded to read
    their metadata; or are made from an interpreter.
    """
    return frozenset(
        record
        for record in records
        if record.source == "interpreter" or _address_of(services, record).startswith("file:")
    )


def _address_of(services: Services, record: RepodataRecord) -> str:
    """The URL that a package is read from."""
    kept = _kept_file(services, record)
    return kept.as_uri() if kept else services.bundled.get(record.sha256 or "", record.url)


def _kept_file(services: Services, record: RepodataRecord) -> Path | None:
    if record.source != "pypi":
        return None
    from minicon.pypi.wheels.whole_files import kept_file

    return kept_file(services.cache_dir, record.sha256)


def _cached_package(services: Services, record: RepodataRecord) -> CachedPackage | None:
    """Return the cached package; None if there is none, or it was damaged and is now removed."""
    package = services.package_cache.find(record)
    if package is None or services.settings.safety_checks == "disabled":
        return package
    if package.manifest.has_its_sizes(package.directory):
        return package
    from minicon.package.validate import verify_package

    problem, *_ = (
        *verify_package(package.directory, hashes=False, extras=False, files=package.files),
        "its manifest is of other files",
    )
    damage = f"the cached package {record.dist_name} is damaged: {problem}"
    if services.settings.safety_checks == "warn":
        services.reporter.warn(damage)
        return package
    if services.settings.offline:
        hint = "run again without --offline to fetch it again"
        raise PackageError("damaged-package", damage, hint=hint)
    services.reporter.warn(f"{damage}; it is fetched again")
    try:
        services.package_cache.remove(package)
    except FileError as error:
        hint = f"remove {package.directory}, or ask its owner to"
        raise PackageError("damaged-package", damage, hint=hint) from error
    return None


def _make_packages(
    services: Services, records: Sequence[RepodataRecord], *, allow_unverified: bool
) -> dict[RepodataRecord, CachedPackage]:
    """Make several packages at once; the first failure stops the others and is raised.

    The largest come first: one that began last would be unpacked alone while other processors
    are idle.
    """
    # Imported here, so that nothing of the network is loaded where every package is cached.
    from minicon.fs.disk import require_space
    from minicon.net.parallel import run_parallel
    from minicon.package.prepare.preparation import unpack_with_manifest
    from minicon.package.prepare.unpackers import Unpackers

    cache = services.package_cache
    require_space(cache.directory, _least_size(records), "the packages to download")
    _warn_of_hashes(services, records, allow_unverified=allow_unverified)

    def make(record: RepodataRecord, cancelled: threading.Event) -> CachedPackage:
        prepare = _preparation(
            services, record, cancelled, unpackers, allow_unverified=allow_unverified
        )
        try:
            return cache.ensure(record, prepare)
        except PackageError as error:
            _remember_refused(services, record, error)
            raise

    largest_first = sorted(records, key=lambda record: record.size or 0, reverse=True)
    archives = [record for record in largest_first if record.source != "interpreter"]
    services.end_prefetching()  # processes are forked only where no thread runs
    with Unpackers(archives, unpack_with_manifest) as unpackers:
        announced = _announce(services, archives)
        try:
            made = run_parallel(make, largest_first, workers=_WORKERS)
        finally:
            for task in announced:
                task.finish()
    return dict(zip(largest_first, made, strict=True))


def _announce(services: Services, archives: Sequence[RepodataRecord]) -> list[Task]:
    """Report how much is to be downloaded and unpacked."""
    local = local_packages(services, archives)
    remote = [record for record in archives if record not in local]
    expect = services.reporter.expect
    return [
        expect("download", len(remote), sum(record.size or 0 for record in remote)),
        expect("extract", len(archives), 0),
    ]


def _remember_refused(services: Services, record: RepodataRecord, error: PackageError) -> None:
    """Record that a wheel of an index cannot be unpacked, so that it is not chosen again.

    A wheel that the user names by its path or URL has no alternative.
    """
    of_other_file = isinstance(error, HashMismatch) or error.reference == "no-hash"
    if record.source == "pypi" and not of_other_file and "direct_url" not in record.data:
        from minicon.pypi.wheels.refused_wheels import RefusedWheels

        RefusedWheels(services.cache_dir).add(record.url, record.sha256, error.message)


def _warn_of_hashes(
    services: Services, records: Sequence[RepodataRecord], *, allow_unverified: bool
) -> None:
    """Warn of packages for which only an md5 is known, which can be forged, or no hash.

    The latter are of a list of URLs; those of other sources are refused.
    """
    fetched = [r for r in records if r.source == "conda" and r.sha256 is None]
    weak = [record.dist_name for record in fetched if record.md5]
    if weak:
        shown = _first_and_number(weak)
        services.reporter.warn(f"{shown}: verified by md5 only, no sha256 is listed")
    none = [record.dist_name for record in fetched if not record.md5]
    if none and allow_unverified:
        shown = _first_and_number(none)
        services.reporter.warn(f"the list of packages has no hash of {shown}: used unverified")


def _first_and_number(names: Sequence[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _least_size(records: Sequence[RepodataRecord]) -> int:
    """Return the bytes that the cache needs at least: nothing unpacks to less than its archive."""
    sizes = [record.size or 0 for record in records]
    return sum(sizes) + max(sizes, default=0)  # an archive is deleted once it is unpacked


def _preparation(
    services: Services,
    record: RepodataRecord,
    cancelled: threading.Event,
    unpackers: Unpackers,
    *,
    allow_unverified: bool,
) -> Callable[[Path], PackageFiles | Manifest]:
    """Return a function that fills an empty directory with the package of a record.

    Args:
        services: Network and machine.
        record: Of the package.
        cancelled: Set when another package has failed.
        unpackers: Unpack the packages.
        allow_unverified: Whether packages without a known hash are accepted.
    """
    if record.source == "interpreter":
        return lambda folder: _prepare_interpreter(services, record, folder)

    def fetch(_: RepodataRecord, target: Path) -> None:
        _fetch(services, record, target, cancelled, allow_unverified=allow_unverified)

    def check() -> None:
        if cancelled.is_set():
            raise CancelledError

    from minicon.net.parallel import CancelledError
    from minicon.package.prepare.preparation import prepare_package

    return prepare_package(
        fetch,
        record,
        reporter=services.reporter,
        allow_unverified=allow_unverified,
        fetch_verifies=True,
        unpackers=unpackers,
        check=check,
    )


def _fetch(
    services: Services,
    record: RepodataRecord,
    target: Path,
    cancelled: threading.Event,
    *,
    allow_unverified: bool,
) -> None:
    from minicon.net.download import download_package

    fetcher = services.index_fetcher if record.source == "pypi" else services.fetcher
    kept, url = _kept_file(services, record), _address_of(services, record)
    try:
        reporter = SilentReporter() if url.startswith("file:") else services.reporter
        download_package(
            fetcher,
            record,
            target,
            reporter,
            url=url,
            cancelled=cancelled,
            allow_unverified=allow_unverified,
        )
    finally:
        if kept is not None:
            operations.remove_file(kept)


def _prepare_interpreter(services: Services, record: RepodataRecord, folder: Path) -> PackageFiles:
    from minicon.machine.host_packages.host_index import interpreter_for, layout_of
    from minicon.machine.host_packages.prepare import prepare_interpreter

    facts = interpreter_for(record, services.discovery.interpreters)
    layout = layout_of(record)
    return prepare_interpreter(facts, folder, layout=layout, reporter=services.reporter)
