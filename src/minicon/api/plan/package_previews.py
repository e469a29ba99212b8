"""What packages say of their files before they are fetched: so that a plan can tell what will run.

::

    .conda    ── the end of the file, by range ── info part ──┐
    .tar.bz2  ── its beginning ───────────────── info/ … ─────┼─► PackageFiles, unverified
    neither works ── the whole package, into the cache ───────┘   (verified)

Whoever believes a preview must compare it with the package that came: see
:meth:`minicon.prefix.scripts.link_scripts.LinkScriptRunner.check_shown`.
"""

from __future__ import annotations

import threading

from minicon.api.plan.package_contents import Previews
from minicon.constants import CONDA_EXTENSION
from minicon.errors import ChannelError, PackageError
from minicon.net.client.http_errors import status_error
from minicon.net.parallel import run_parallel
from minicon.net.range_reader import RangeReader, RangesUnsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from minicon.api.services import Services
    from minicon.models.package_files import PackageFiles
    from minicon.models.records import RepodataRecord
    from minicon.net.client.fetcher import Fetcher

#: Requests under way at once.
_WORKERS = 12
#: Bytes that are asked for first: the info part of most packages, which lies at the end.
_FIRST_REQUEST = 1 << 16
#: What is wrong with one file only; after other failures no further file is asked for.
_OF_ONE_FILE = ("not-on-server", "access-denied")


def preview_packages(services: Services, records: Collection[RepodataRecord]) -> Previews:
    """Look into packages of channels that the package cache does not have.

    Costs one or two requests for each, a dozen at the same time. What servers do not let be looked
    into is fetched as a whole. A server that cannot be reached is no error: a warning names what
    is not known.

    Raises:
        HashMismatch, PackageError, FileError: What was fetched as a whole is broken, or no place
            is left for it.
    """
    listed = sorted(records, key=lambda record: record.fn)
    if not listed:
        return Previews()
    task = services.reporter.start("look", "packages", len(listed), unit="packages")
    looking = _Looking(services.fetcher)

    def look(record: RepodataRecord, cancelled: threading.Event) -> PackageFiles | bool:
        try:
            return False if cancelled.is_set() else looking.files_of(record)
        finally:
            task.advance(1)

    try:
        found = dict(zip(listed, run_parallel(look, listed, workers=_WORKERS), strict=True))
    finally:
        task.finish()
    files = {record: each for record, each in found.items() if not isinstance(each, bool)}
    whole = [record for record, each in found.items() if each is True]
    files |= _whole(services, whole)
    unknown = tuple(record for record in listed if record not in files)
    _tell_unknown(services, unknown, looking.failures)
    return Previews(files=files, fetched=frozenset(files.keys() & set(whole)), unknown=unknown)


class _Looking:
    """One look at many packages, given up when their server cannot be asked."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._given_up = threading.Event()
        self.failures: list[ChannelError] = []

    def files_of(self, record: RepodataRecord) -> PackageFiles | bool:
        """The package's files; True if it has to be fetched for that, False if nobody knows."""
        if self._given_up.is_set():
            return False
        try:
            return _files_of(self._fetcher, record) or True
        except (RangesUnsupported, PackageError):
            return True  # what is really wrong with it, extraction tells
        except ChannelError as error:
            self.failures.append(error)
            if error.reference not in _OF_ONE_FILE:
                self._given_up.set()
            return False


def _files_of(fetcher: Fetcher, record: RepodataRecord) -> PackageFiles | None:
    if record.fn.endswith(CONDA_EXTENSION):
        reader = RangeReader(fetcher, record.url, first=_FIRST_REQUEST)
        reader.tail(_FIRST_REQUEST)
        from minicon.package.prepare.info_part import files_of_conda

        return files_of_conda(reader.read, reader.total, record.fn)
    with fetcher.open(record.url, headers={"Accept-Encoding": "identity"}) as response:
        if response.status != 200:
            raise status_error(record.url, response.status)
        from minicon.package.prepare.info_part import files_of_tarball

        return files_of_tarball(response.chunks(), record.fn)


def _whole(
    services: Services, records: Sequence[RepodataRecord]
) -> dict[RepodataRecord, PackageFiles]:
    if not records:
        return {}
    from minicon.api.change.package_preparation import prepare_packages

    try:
        packages = prepare_packages(services, records)
    except ChannelError as error:
        services.reporter.warn(error.message)
        return {}
    return {record: package.files for record, package in packages.items()}


def _tell_unknown(
    services: Services, records: Sequence[RepodataRecord], failures: Sequence[ChannelError]
) -> None:
    if records:
        names = ", ".join(record.name for record in records[:3])
        more = f" and {len(records) - 3} more" if len(records) > 3 else ""
        why = f": {failures[0].message}" if failures else ""
        services.reporter.warn(f"scripts that {names}{more} may bring are not known{why}")
