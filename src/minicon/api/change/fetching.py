"""Make packages that the package cache does not have: fetch, verify and unpack them.

::

    record.source   conda        download ─ verify ─ extract ─┐
                    pypi         download ─ verify ─ unpack ──┼─> package cache ─> CachedPackage
                    interpreter  repack from this machine ────┘
"""

from __future__ import annotations

import os
import threading

from minicon.fs.disk import require_space
from minicon.net.download import download
from minicon.net.parallel import run_parallel
from minicon.package.prepare.conda import prepare_conda_package

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.models.package_files import PackageFiles
    from minicon.models.records import RepodataRecord
    from minicon.package.cache.package_cache import CachedPackage

#: Packages at once. Most of them download: only as many as there are processors unpack.
WORKERS = 5


def make_packages(
    services: Services, records: Sequence[RepodataRecord], *, allow_unverified: bool = False
) -> dict[RepodataRecord, CachedPackage]:
    """Packages for records, several at once; the first failure stops the others and is raised.

    The largest come first: one that begins last is unpacked alone while other processors idle.

    Arguments and errors as for :func:`minicon.api.change.package_preparation.prepare_packages`.
    """
    cache = services.package_cache
    require_space(cache.directory, _least_size(records), "the packages to download")
    _tell_weak(services, records)
    turns = threading.BoundedSemaphore(os.cpu_count() or 1)

    def make(record: RepodataRecord, cancelled: threading.Event) -> CachedPackage:
        prepare = _preparation(
            services, record, cancelled, turns, allow_unverified=allow_unverified
        )
        return cache.ensure(record, prepare)

    largest_first = sorted(records, key=lambda record: record.size or 0, reverse=True)
    made = run_parallel(make, largest_first, workers=WORKERS)
    return dict(zip(largest_first, made, strict=True))


def _tell_weak(services: Services, records: Sequence[RepodataRecord]) -> None:
    """Warn of packages for which only a hash is known that can be forged."""
    weak = [record.dist_name for record in records if record.md5 and record.sha256 is None]
    if weak:
        more = f" and {len(weak) - 1} more" if len(weak) > 1 else ""
        services.reporter.warn(f"{weak[0]}{more}: verified by md5 only, no sha256 is listed")


def _least_size(records: Sequence[RepodataRecord]) -> int:
    """Bytes in the cache at the very least: nothing unpacks to less than its archive."""
    sizes = [record.size or 0 for record in records]
    return sum(sizes) + max(sizes, default=0)  # an archive goes once it is unpacked


def _preparation(
    services: Services,
    record: RepodataRecord,
    cancelled: threading.Event,
    turns: threading.BoundedSemaphore,
    *,
    allow_unverified: bool,
) -> Callable[[Path], PackageFiles | None]:
    """What fills an empty folder with the package of a record; it unpacks when it gets a turn."""
    if record.source == "interpreter":
        return lambda folder: _prepare_interpreter(services, record, folder)

    def fetch(_: RepodataRecord, target: Path) -> None:
        _fetch(services, record, target, cancelled, allow_unverified=allow_unverified)

    reporter = services.reporter
    if record.source == "pypi":
        from minicon.package.prepare.wheel import prepare_wheel_package

        return prepare_wheel_package(
            fetch,
            record,
            reporter=reporter,
            allow_unverified=allow_unverified,
            fetch_verifies=True,
            turn=turns,
        )
    return prepare_conda_package(
        fetch,
        record,
        reporter=reporter,
        allow_unverified=allow_unverified,
        fetch_verifies=True,
        turn=turns,
    )


def _fetch(
    services: Services,
    record: RepodataRecord,
    target: Path,
    cancelled: threading.Event,
    *,
    allow_unverified: bool = False,
) -> None:
    fetcher = services.index_fetcher if record.source == "pypi" else services.fetcher
    task = services.reporter.start("download", record.dist_name, record.size)
    try:
        download(
            fetcher,
            record.url,
            target,
            sha256=record.sha256,
            md5=record.md5,
            size=record.size,
            allow_unverified=allow_unverified,
            task=task,
            durable=False,  # the archive goes when it is unpacked
            cancelled=cancelled,
        )
    finally:
        task.finish()


def _prepare_interpreter(services: Services, record: RepodataRecord, folder: Path) -> PackageFiles:
    from minicon.machine.host_packages.host_index import interpreter_for
    from minicon.machine.host_packages.prepare import prepare_interpreter

    facts = interpreter_for(record, services.discovery.interpreters)
    return prepare_interpreter(facts, folder, reporter=services.reporter)
