"""Packages ready to link: those that the package cache has; the others are made ready first."""

from __future__ import annotations

from minicon.errors import FileError, PackageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from minicon.api.services import Services
    from minicon.models.records import RepodataRecord
    from minicon.package.cache.package_cache import CachedPackage


def prepare_packages(
    services: Services, records: Iterable[RepodataRecord], *, allow_unverified: bool = False
) -> dict[RepodataRecord, CachedPackage]:
    """Every record's package, whole and verified.

    What is fetched is verified whole while it is unpacked. Of what was cached before, sizes are
    looked at again as ``safety_checks`` says: whoever edits a file of an environment that is a
    hard link into the cache has edited the package.

    Args:
        services: Network and caches.
        records: What is wanted.
        allow_unverified: Also take packages that nobody gave a hash for.

    Raises:
        OfflineError: A package has to be fetched and the network is forbidden.
        ChannelError, HashMismatch, PackageError: It cannot be fetched, or is not what it should be.
        InterpreterError: An interpreter is no longer there.
    """
    cached = {record: _cached(services, record) for record in records}
    missing = [record for record, package in cached.items() if package is None]
    made = {}
    if missing:
        # Imported only here: whoever has everything cached should not wait for the network's code.
        from minicon.api.change.fetching import make_packages

        made = make_packages(services, missing, allow_unverified=allow_unverified)
    return {record: package or made[record] for record, package in cached.items()}


def _cached(services: Services, record: RepodataRecord) -> CachedPackage | None:
    """The cached package; None if there is none, or a damaged one that was taken away."""
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
        raise PackageError("damaged-package", damage, hint="without --offline it is fetched again")
    services.reporter.warn(f"{damage}; it is fetched again")
    try:
        services.package_cache.remove(package)
    except FileError as error:
        raise PackageError(
            "damaged-package", damage, hint=f"take {package.directory} away, or ask who owns it"
        ) from error
    return None
