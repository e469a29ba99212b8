"""PypiIndex: the Python projects that the solver can choose from, for one platform.

Several indexes are merged as pip merges them: every index is queried, the newest version wins
whichever index has it, and of two files with one name the first index's is taken (``find-links``,
then ``index-url``, then ``extra-index-url`` in their order). An index that does not answer is an
error; it never counts as an index without the project.
"""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import Future
from functools import partial
from typing import Generic, TypeVar

from minicon.closing import Closing
from minicon.constants import PYPI_BUILD, PYPI_CHANNEL
from minicon.errors import ChannelError, MiniconError, PackageError
from minicon.fs.hashing import sha256_of_file
from minicon.models.package_names import NameMap, normalize_pypi_name
from minicon.models.records import RepodataRecord
from minicon.models.reporter import SilentReporter
from minicon.models.version import python_minor
from minicon.net.parallel import Background
from minicon.pypi.index.find_links import FindLinks
from minicon.pypi.index.releases import (
    best_file,
    direct_release,
    filtered,
    fitting_minors,
    merged,
    newest_final,
)
from minicon.pypi.index.simple_index import SimpleIndex
from minicon.pypi.urls import local_path
from minicon.pypi.wheels.filenames import split_wheel_name
from minicon.pypi.wheels.wheel_metadata import WheelMetadata
from minicon.pypi.wheels.wheel_tags import WheelTags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
    from pathlib import Path

    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    from minicon.models.indexes import DistributionFile, Release
    from minicon.models.records import VirtualPackage
    from minicon.models.reporter import Reporter
    from minicon.net.client.fetcher import Fetcher
    from minicon.pypi.index.configuration import IndexConfiguration

#: Simultaneous requests; indexes throttle clients that make more.
_PARALLEL_REQUESTS = 12

Key = TypeVar("Key", bound="Hashable")
Value = TypeVar("Value")


class PypiIndex(Closing):
    """The built-in source ``pypi``: implements :class:`minicon.models.indexes.WheelIndex`.

    Safe to use from several threads. Use as a context manager, or :meth:`close` it.

    Args:
        configuration: The indexes to query.
        fetcher: Opens URLs.
        cache_dir: minicon's cache folder.
        subdir: Target platform, for instance ``linux-64``.
        virtual_packages: Virtual packages of the target (``__glibc``, ``__osx``).
        reporter: Receives warnings about files that are skipped.
        names: Conda names of projects; the built-in map by default.
        direct: Wheels that a requirement names by URL or path: their projects have no
            other release.
        hashes: Allowed sha256 of a project's files, by normalized project name.
        limits: Allowed versions (pip's constraints), by normalized project name.
        exclude_newer: Ignore files uploaded later than this (ms since 1970), and files whose
            upload time is unknown.
        clock: Seconds since 1970.
        refresh: Query the indexes even if a cached page is still fresh.
    """

    def __init__(
        self,
        configuration: IndexConfiguration,
        *,
        fetcher: Fetcher,
        cache_dir: Path,
        subdir: str,
        virtual_packages: Iterable[VirtualPackage] = (),
        reporter: Reporter | None = None,
        names: NameMap | None = None,
        direct: Iterable[DistributionFile] = (),
        hashes: Mapping[str, frozenset[str]] | None = None,
        limits: Mapping[str, SpecifierSet] | None = None,
        exclude_newer: int | None = None,
        clock: Callable[[], float] = time.time,
        refresh: bool = False,
    ) -> None:
        reporter = reporter or SilentReporter()
        indexes = [
            SimpleIndex(
                url,
                fetcher=fetcher,
                cache_dir=cache_dir,
                subdir=subdir,
                clock=clock,
                refresh=refresh,
            )
            for url in configuration.index_urls
        ]
        flat = [
            FindLinks(location, fetcher=fetcher, subdir=subdir, reporter=reporter)
            for location in configuration.find_links
        ]
        self._indexes: list[FindLinks | SimpleIndex] = [*flat, *indexes]
        self._subdir = subdir
        self._tags = WheelTags(subdir, virtual_packages)
        self._reporter = reporter
        self._metadata = WheelMetadata(fetcher=fetcher, cache_dir=cache_dir, reporter=reporter)
        self._names = names or NameMap.built_in()
        self._direct = {release.name: release for release in map(direct_release, direct)}
        self._hashes = hashes or {}
        self._limits = limits or {}
        self._exclude_newer = exclude_newer
        self._broken: set[str] = set()
        self._releases = _SharedResults(self._load_releases)
        self._requirements = _SharedResults(self._load_requirements)
        self._background = Background(_PARALLEL_REQUESTS)
        self._prefetched: set[tuple[str, str | None]] = set()

    # -- WheelIndex -------------------------------------------------------------------------

    def releases(self, name: str) -> Sequence[Release]:
        """Return all releases of a project, newest first, pre-releases included; () if unknown.

        Raises:
            ChannelError: An index cannot be reached, or its answer is invalid.
        """
        found = self._releases.get(normalize_pypi_name(name))
        limit = self._limits.get(normalize_pypi_name(name))
        if limit is None:
            return found
        return [r for r in found if limit.contains(r.version, prereleases=True)]

    def file_for(
        self, release: Release, python_version: str, *, allow_yanked: bool = False
    ) -> DistributionFile | None:
        """Return the best file of a release for a python (``3.11.7``), or None.

        Files whose metadata turned out to be broken are skipped.
        """
        files = self._usable(release, allow_yanked=allow_yanked)
        return best_file(files, self._tags, python_version, python_minor(python_version))

    def requirements(self, file: DistributionFile) -> Sequence[Requirement]:
        """Return what a wheel requires, markers unevaluated; () for a source distribution.

        Raises:
            PackageError: The metadata is broken: :meth:`file_for` does not return the file again.
            ChannelError: It could not be fetched.
        """
        return self._requirements.get(file) if file.is_wheel else ()

    def python_versions(self, release: Release) -> Sequence[str]:
        """Return the python minors that some file of this release fits, newest first."""
        return fitting_minors(self._usable(release), self._tags)

    def pypi_name(self, conda_name: str) -> str:
        """Return the project that a conda package contains."""
        return self._names.pypi_name(conda_name)

    def conda_names(self, pypi_name: str) -> Sequence[str]:
        """Return the names that channels use for a project, most likely first."""
        return self._names.conda_names(pypi_name)

    def record_for(
        self, release: Release, file: DistributionFile, python_version: str, depends: Sequence[str]
    ) -> RepodataRecord:
        """Return the record (channel ``pypi``) of a chosen file.

        Args:
            release: The file's release.
            file: A result of :meth:`file_for`.
            python_version: The python it was chosen for.
            depends: MatchSpec texts; that python is added unless one of them is about python.

        Raises:
            ChannelError: The file is local, has no hash in its index, and cannot be read.
        """
        wheel = split_wheel_name(file.filename)
        pure = wheel is None or wheel.platforms == ["any"]
        subdir = "noarch" if pure else self._subdir
        minor = python_minor(python_version)
        version = str(release.version)
        metadata = self._metadata.cached(file)
        data = {
            "name": release.name,
            "version": version,
            "build": PYPI_BUILD,
            "build_number": 0,
            "depends": _with_python(depends, minor),
            "constrains": [],
            "license": metadata.license if metadata else None,
            "sha256": file.sha256 or _local_sha256(file),
            "size": file.size,
            "subdir": subdir,
            "noarch": "python",
            "timestamp": file.upload_time,
            "purls": [f"pkg:pypi/{release.name}@{version}"],
            "python": minor,
            # A wheel that the user names by URL or path may have no hash (see package/prepare).
            "direct_url": file.url if self._is_direct(release.name, file) else None,
        }
        return RepodataRecord(
            {key: value for key, value in data.items() if value is not None},
            channel=PYPI_CHANNEL,
            subdir=subdir,
            fn=file.filename,
            url=file.url,
            source="pypi",
        )

    # -- beyond the protocol ----------------------------------------------------------------

    def prefetch(self, names: Iterable[str], python_version: str | None = None) -> None:
        """Start fetching pages that will be needed; return at once.

        Args:
            names: Project names.
            python_version: If given, the metadata of each project's newest final release that
                fits this python is fetched too.
        """
        for name in map(normalize_pypi_name, names):
            if (name, python_version) not in self._prefetched:
                self._prefetched.add((name, python_version))
                self._background.submit(partial(self._prefetch, name, python_version))

    def close(self) -> None:
        """Discard the prefetches that have not started."""
        self._background.close()

    def _prefetch(self, name: str, python_version: str | None) -> None:
        # An error is kept with the result, and raised when the result is used.
        with contextlib.suppress(MiniconError):
            newest = newest_final(self.releases(name))
            if newest and python_version:
                file = self.file_for(newest, python_version)
                if file:
                    self.requirements(file)

    def _load_releases(self, name: str) -> Sequence[Release]:
        if name in self._direct:
            return (self._direct[name],)
        pages = [page for index in self._indexes if (page := index.page(name)) is not None]
        for page in pages:
            if page.status == "quarantined":
                self._reporter.warn(f"{name} is quarantined by its package index: not used")
        releases = merged(pages)
        if self._exclude_newer is None and name not in self._hashes:
            return releases
        kept = (filtered(release, self._is_allowed) for release in releases)
        return tuple([release for release in kept if release.files])

    def _is_allowed(self, name: str, file: DistributionFile) -> bool:
        hashes = self._hashes.get(name)
        if hashes is not None and file.sha256 not in hashes:
            return False
        limit = self._exclude_newer
        return limit is None or (file.upload_time is not None and file.upload_time <= limit)

    def _usable(self, release: Release, *, allow_yanked: bool = False) -> list[DistributionFile]:
        return [
            file
            for file in release.files
            if (allow_yanked or not file.yanked) and file.url not in self._broken
        ]

    def _is_direct(self, name: str, file: DistributionFile) -> bool:
        return name in self._direct and file in self._direct[name].files

    def _load_requirements(self, file: DistributionFile) -> Sequence[Requirement]:
        try:
            return self._metadata.read(file).requirements()
        except PackageError as error:
            self._broken.add(file.url)
            self._reporter.warn(f"{file.filename} is skipped: {error.message}")
            raise


class _SharedResults(Generic[Key, Value]):
    """A thread-safe cache of a function's results, errors included.

    The first caller does the work in its own thread and others wait for it, so that a result that
    is merely queued for prefetching never delays the thread that needs it now.
    """

    def __init__(self, function: Callable[[Key], Value]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._results: dict[Key, Future[Value]] = {}

    def get(self, key: Key) -> Value:
        """Return the result for a key. Raises what the function raised."""
        with self._lock:
            known = self._results.get(key)
            result = known or self._results.setdefault(key, Future())
        if known is None:
            try:
                result.set_result(self._function(key))
            except BaseException as error:  # noqa: BLE001 - raised in every thread that needs it
                result.set_exception(error)
        return result.result()


def _with_python(depends: Sequence[str], minor: str) -> list[str]:
    """Add the python that a file was chosen for, as a MatchSpec."""
    found = list(depends)
    if not any(text.split()[0] == "python" for text in found):
        major, _, number = minor.partition(".")
        found.append(f"python >={minor},<{major}.{int(number) + 1}.0a0")
    return found


def _local_sha256(file: DistributionFile) -> str | None:
    """Compute the hash of a local file, for which no index lists one."""
    path = local_path(file.url)
    if path is None:
        return None
    try:
        return sha256_of_file(path)
    except OSError as error:
        raise ChannelError("wheel-unreadable", f"cannot read {path}: {error.strerror}") from error
