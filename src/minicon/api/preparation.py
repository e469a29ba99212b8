"""Packages ready to link: those that the package cache has; the others are made ready first."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from minicon.api.services import Services
    from minicon.models.records import RepodataRecord
    from minicon.package.package_cache import CachedPackage


def prepare_packages(
    services: Services, records: Iterable[RepodataRecord], *, allow_unverified: bool = False
) -> dict[RepodataRecord, CachedPackage]:
    """Every record's package, whole and verified.

    Args:
        services: Network and caches.
        records: What is wanted.
        allow_unverified: Also take packages that nobody gave a hash for.

    Raises:
        OfflineError: A package has to be fetched and the network is forbidden.
        ChannelError, HashMismatch, PackageError: It cannot be fetched, or is not what it should be.
        InterpreterError: An interpreter is no longer there.
    """
    cached = {record: services.package_cache.find(record) for record in records}
    missing = [record for record, package in cached.items() if package is None]
    made = {}
    if missing:
        # Imported only here: whoever has everything cached should not wait for the network's code.
        from minicon.api.fetching import make_packages

        made = make_packages(services, missing, allow_unverified=allow_unverified)
    return {record: package or made[record] for record, package in cached.items()}
