"""Contents of packages, read before they are fetched, so that a plan can show what will run.

::

    .conda    ── the end of the file, by range ── info part ──┐
    .tar.bz2  ── its beginning ───────────────── info/ … ─────┼─► PackageFiles, unverified
    neither works ── the whole package, into the cache ───────┘   (verified)

What a plan shows of them is kept (:mod:`minicon.package.cache.preview_store`), so that the next
plan reads none of them again. A preview is not verified:
:meth:`minicon.prefix.scripts.link_scripts.LinkScriptRunner.check_shown` compares it with the
package that is fetched later.
"""

from __future__ import annotations

import os
import threading

from minicon.constants import CONDA_EXTENSION
from minicon.errors import ChannelError, PackageError
from minicon.lean_dataclasses import dataclass, field
from minicon.package.cache.preview_store import PackagePreview, PreviewStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.models.package_files import PackageFiles
    from minicon.models.records import RepodataRecord
    from minicon.net.client.fetcher import Fetcher
    from minicon.package.cache.package_cache import CachedPackage

#: Simultaneous requests.
_WORKERS = 12
#: Bytes of the first request: the info part of most packages, which is at the end.
_FIRST_REQUEST = 1 << 16
#: Errors that concern one file; after others no further file is requested.
_OF_ONE_FILE = ("not-on-server", "access-denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class Previews:
    """The contents of packages that were not in the cache.

    Attributes:
        shown: What plans show of them, by record.
        fetched: Packages that had to be fetched for it: they are in the cache now.
        unknown: Packages whose contents could not be read.
    """

    shown: Mapping[RepodataRecord, PackagePreview] = field(default_factory=dict)
    fetched: frozenset[RepodataRecord] = frozenset()
    unknown: tuple[RepodataRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a plan has to know of one package, cached or previewed.

    Attributes:
        has: Whether it has a link script at a path.
        noarch: Returns its kind of noarch package.
        has_menu: Whether it has entries for the desktop's menu.
        directory: Where it is extracted, or None.
    """

    has: Callable[[str], bool]
    noarch: Callable[[], str | None]
    has_menu: bool
    directory: Path | None = None

    @classmethod
    def of_package(cls, package: CachedPackage) -> Contents:
        """Return the contents of a cached package; each ``has`` costs a system call or two."""
        start = f"{package.directory}/"
        menu = package.directory / "Menu"
        return cls(
            has=lambda path: os.path.isfile(start + path) or os.path.islink(start + path),
            noarch=lambda: package.manifest.noarch,
            has_menu=menu.is_dir() and any(menu.glob("*.json")),
            directory=package.directory,
        )

    @classmethod
    def of_preview(cls, preview: PackagePreview) -> Contents:
        """Return the contents of a package that is not cached."""
        return cls(
            has=preview.paths.__contains__,
            noarch=lambda: preview.noarch,
            has_menu=preview.has_menu,
        )

    def source_of(self, target: str, record: RepodataRecord) -> str | None:
        """Return the path in the package of the file that is linked to ``target``, or None.

        The target is a script; noarch python packages have them in a directory of their own
        (CEP 20).
        """
        if self.has(target):
            return target
        from minicon.prefix.environment.python_layout import SCRIPTS

        source = SCRIPTS + target.rpartition("/")[2]
        if self.has(source) and "python" in (record.noarch, self.noarch()):
            return source
        return None


def preview_packages(services: Services, records: Collection[RepodataRecord]) -> Previews:
    """Read the contents of packages of channels that the package cache does not have.

    Each that was not read before costs one or two requests, a dozen at the same time. A package
    whose server does not support ranges is fetched whole. A server that cannot be reached is no
    error: a warning names the packages whose contents are unknown.

    Raises:
        HashMismatch, PackageError, FileError: A package that was fetched whole is damaged, or
            the disk is full.
    """
    listed = sorted(records, key=lambda record: record.fn)
    store = PreviewStore(services.cache_dir)
    loaded = {record: store.load(record) for record in listed}
    kept = {record: each for record, each in loaded.items() if each is not None}
    listed = [record for record in listed if record not in kept]
    if not listed:
        return Previews(shown=kept)
    from minicon.net.parallel import run_parallel

    task = services.reporter.start("look", "packages", len(listed), unit="packages")
    preview = _Preview(services.fetcher)

    def read(record: RepodataRecord, cancelled: threading.Event) -> PackageFiles | bool:
        try:
            return False if cancelled.is_set() else preview.files_of(record)
        finally:
            task.advance(1)

    try:
        found = dict(zip(listed, run_parallel(read, listed, workers=_WORKERS), strict=True))
    finally:
        task.finish()
    files = {record: each for record, each in found.items() if not isinstance(each, bool)}
    fetch = [record for record, each in found.items() if each is True]
    files |= _fetched_files(services, fetch)
    new = {record: PackagePreview.of(each) for record, each in files.items()}
    store.save(new)
    unknown = tuple(record for record in listed if record not in new)
    _warn_of_unknown(services, unknown, preview.failures)
    fetched = frozenset(new.keys() & set(fetch))
    return Previews(shown={**kept, **new}, fetched=fetched, unknown=unknown)


class _Preview:
    """The preview of many packages; it ends when their server cannot be reached."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._ended = threading.Event()
        self.failures: list[ChannelError] = []

    def files_of(self, record: RepodataRecord) -> PackageFiles | bool:
        """Return the package's files; True if it has to be fetched whole, False if unknown."""
        from minicon.net.range_reader import RangesUnsupported

        if self._ended.is_set():
            return False
        try:
            return _files_of(self._fetcher, record) or True
        except (RangesUnsupported, PackageError):
            return True  # if it is damaged, extraction reports how
        except ChannelError as error:
            self.failures.append(error)
            if error.reference not in _OF_ONE_FILE:
                self._ended.set()
            return False


def _files_of(fetcher: Fetcher, record: RepodataRecord) -> PackageFiles | None:
    from minicon.net.client.http_errors import status_error
    from minicon.net.range_reader import RangeReader

    if record.is_wheel:
        return None
    if record.fn.endswith(CONDA_EXTENSION):
        reader = RangeReader(fetcher, record.url, first=_FIRST_REQUEST)
        from minicon.package.prepare.info_part import files_of_conda

        return files_of_conda(reader, record.fn)
    with fetcher.open(record.url, headers={"Accept-Encoding": "identity"}) as response:
        if response.status != 200:
            raise status_error(record.url, response.status)
        from minicon.package.prepare.info_part import files_of_tarball

        return files_of_tarball(response.chunks(), record.fn)


def _fetched_files(
    services: Services, records: Sequence[RepodataRecord]
) -> dict[RepodataRecord, PackageFiles]:
    if not records:
        return {}
    from minicon.api.package_preparation import prepare_packages

    try:
        packages = prepare_packages(services, records)
    except ChannelError as error:
        services.reporter.warn(error.message)
        return {}
    return {record: package.files for record, package in packages.items()}


def _warn_of_unknown(
    services: Services, records: Sequence[RepodataRecord], failures: Sequence[ChannelError]
) -> None:
    if records:
        names = ", ".join(record.name for record in records[:3])
        more = f" and {len(records) - 3} more" if len(records) > 3 else ""
        why = f": {failures[0].message}" if failures else ""
        services.reporter.warn(f"the link scripts of {names}{more} are unknown{why}")
