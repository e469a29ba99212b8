"""Make packages ready to link: fetch, verify and unpack what the package cache does not have.

::

    record.source   conda        download ─ verify ─ extract ─┐
                    pypi         download ─ verify ─ unpack ──┼─> package cache ─> CachedPackage
                    interpreter  repack from this machine ────┘
"""

from __future__ import annotations

from minicon.errors import InterpreterError
from minicon.net.download import download
from minicon.net.parallel import run_parallel
from minicon.package.conda_package import prepare_conda_package
from minicon.pypi.wheel_package import prepare_wheel_package

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.models.package_files import PackageFiles
    from minicon.models.records import RepodataRecord
    from minicon.package.package_cache import CachedPackage

WORKERS = 5


def prepare_packages(
    services: Services, records: Iterable[RepodataRecord], *, allow_unverified: bool = False
) -> dict[RepodataRecord, CachedPackage]:
    """Every record's package, whole and verified. Several are made ready at once.

    Args:
        services: Network and caches.
        records: What is wanted.
        allow_unverified: Also take packages that nobody gave a hash for.

    Raises:
        OfflineError: A package has to be fetched and the network is forbidden.
        ChannelError, HashMismatch, PackageError: It cannot be fetched, or is not what it should be.
        InterpreterError: An interpreter is no longer there.
    """
    wanted = list(dict.fromkeys(records))
    cache = services.package_cache

    def ready(record: RepodataRecord, cancelled: threading.Event) -> CachedPackage:
        found = cache.find(record)
        if found is not None:
            return found
        prepare = _preparation(services, record, cancelled, allow_unverified=allow_unverified)
        return cache.ensure(record, prepare)

    return dict(zip(wanted, run_parallel(ready, wanted, workers=WORKERS), strict=True))


def _preparation(
    services: Services,
    record: RepodataRecord,
    cancelled: threading.Event,
    *,
    allow_unverified: bool,
) -> Callable[[Path], PackageFiles | None]:
    """What fills an empty folder with the package of a record."""
    if record.source == "interpreter":
        return lambda folder: _prepare_interpreter(services, record, folder)
    prepare = prepare_wheel_package if record.source == "pypi" else prepare_conda_package
    return prepare(
        lambda _, target: _fetch(
            services, record, target, cancelled, allow_unverified=allow_unverified
        ),
        record,
        reporter=services.reporter,
        allow_unverified=allow_unverified,
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
            cancelled=cancelled,
        )
    finally:
        task.finish()


def _prepare_interpreter(services: Services, record: RepodataRecord, folder: Path) -> PackageFiles:
    from minicon.interpreters.lookup import interpreter_for
    from minicon.interpreters.prepare import prepare_interpreter

    facts = interpreter_for(record, services.discovery.interpreters)
    return prepare_interpreter(facts, folder, reporter=services.reporter)


def found_interpreters(services: Services) -> str:
    """One sentence on what this machine has, for messages about a missing python."""
    from minicon.interpreters.lookup import describe_found

    try:
        return describe_found(services.discovery, services.settings.platform)
    except InterpreterError as error:
        return error.message
