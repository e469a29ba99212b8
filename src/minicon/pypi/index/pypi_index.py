"""PypiIndex: Python projects as the solver sees them, for one platform.

Several indices are merged as pip merges them: every place is asked, the newest version wins
wherever it lies, and of two files with one name the first place's is taken (``find-links``, then
``index-url``, then ``extra-index-url`` in their order). A place that does not answer is an error
and never counts as "does not have it".
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from functools import partial

from minicon.closing import Closing
from minicon.constants import PYPI_CHANNEL
from minicon.errors import ChannelError, MiniconError, PackageError
from minicon.models.name_map import NameMap
from minicon.models.package_name import normalize_pypi_name
from minicon.models.records import RepodataRecord
from minicon.models.reporter import SilentReporter
from minicon.net.parallel import Background
from minicon.pypi.index.find_links import FindLinks
from minicon.pypi.index.releases import direct_release, filtered, merged, newest_final
from minicon.pypi.index.shared_results import SharedResults
from minicon.pypi.index.simple_index import SimpleIndex
from minicon.pypi.index.urls import local_path
from minicon.pypi.wheels.filenames import split_wheel_name
from minicon.pypi.wheels.wheel_metadata import WheelMetadata
from minicon.pypi.wheels.wheel_tags import PYTHON_MINORS, WheelTags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    from minicon.models.reporter import Reporter
    from minicon.models.virtual_package import VirtualPackage
    from minicon.models.wheel_index import DistributionFile, Release
    from minicon.net.client.fetcher import Fetcher
    from minicon.pypi.index.configuration import IndexConfiguration

#: Requests under way at once; indices throttle beyond that.
PARALLEL_REQUESTS = 12
BUILD = "pypi_0"


class PypiIndex(Closing):
    """The built-in source ``pypi``: implements :class:`minicon.models.wheel_index.WheelIndex`.

    Safe to use from several threads. Use as a context manager, or :meth:`close` it.

    Args:
        configuration: Which indices to ask.
        fetcher: Opens URLs.
        cache_dir: minicon's cache folder.
        subdir: Target platform, for instance ``linux-64``.
        virtual_packages: Facts of the target (``__glibc``, ``__osx``).
        reporter: Hears of files that are passed over.
        names: Conda names of projects; the built-in map by default.
        direct: Wheels that a requirement names by URL or path: their projects have no
            other release.
        hashes: Per normalised project name the only sha256 that its files may have.
        limits: Per normalised project name, the versions that may be used (pip's constraints).
        exclude_newer: Files uploaded later than this (ms since 1970) do not exist, nor do
            files of which the index does not say when they were uploaded.
        clock: Seconds since 1970.
        refresh: Ask the indices even where a cached page is still fresh.
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
        indices = [
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
            FindLinks(place, fetcher=fetcher, subdir=subdir, reporter=reporter)
            for place in configuration.find_links
        ]
        self._places: list[FindLinks | SimpleIndex] = [*flat, *indices]
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
        self._releases = SharedResults(self._load_releases)
        self._requirements = SharedResults(self._load_requirements)
        self._background = Background(PARALLEL_REQUESTS)
        self._ahead: set[tuple[str, str | None]] = set()

    # -- WheelIndex -------------------------------------------------------------------------

    def releases(self, name: str) -> Sequence[Release]:
        """All releases of a project, newest first, pre-releases included; empty when unknown.

        Raises:
            ChannelError: An index cannot be reached or answers nonsense.
        """
        found = self._releases.get(normalize_pypi_name(name))
        limit = self._limits.get(normalize_pypi_name(name))
        if limit is None:
            return found
        return [r for r in found if limit.contains(r.version, prereleases=True)]

    def file_for(
        self, release: Release, python_version: str, *, allow_yanked: bool = False
    ) -> DistributionFile | None:
        """The best file of a release for a python (``3.11.7``), or None.

        The order is pip's: best tag, then highest build tag. Files whose metadata turned out
        broken are passed over.
        """
        minor = _minor(python_version)
        sdist, best, best_rank = None, None, None
        best_build: tuple[int, str] | tuple[()] = ()
        for file in release.files:
            if (file.yanked and not allow_yanked) or file.url in self._broken:
                continue
            if not self._tags.accepts_python(file.requires_python, python_version):
                continue
            wheel = split_wheel_name(file.filename)
            if wheel is None:
                sdist = sdist or file
                continue
            rank = self._tags.rank(wheel.tags, minor)
            if rank is None or (best_rank is not None and rank > best_rank):
                continue
            if best_rank is None or rank < best_rank or wheel.build > best_build:
                best, best_rank, best_build = file, rank, wheel.build
        return best or sdist

    def requirements(self, file: DistributionFile) -> Sequence[Requirement]:
        """What a wheel requires, markers unevaluated; empty for a source distribution.

        Raises:
            PackageError: The metadata is broken: :meth:`file_for` will not offer the file again.
            ChannelError: It could not be fetched.
        """
        return self._requirements.get(file) if file.is_wheel else ()

    def python_versions(self, release: Release) -> Sequence[str]:
        """Python minors that some file of this release fits, newest first."""
        fitting: set[str] = set()
        for file in release.files:
            if file.yanked or file.url in self._broken:
                continue
            allowed = self._tags.minors(file.requires_python) - fitting
            wheel = split_wheel_name(file.filename)
            if wheel is None:
                fitting |= allowed
            else:
                fitting |= {m for m in allowed if self._tags.rank(wheel.tags, m) is not None}
        return [minor for minor in PYTHON_MINORS if minor in fitting]

    def pypi_name(self, conda_name: str) -> str:
        """The project that a conda package name stands for."""
        return self._names.pypi_name(conda_name)

    def conda_names(self, pypi_name: str) -> Sequence[str]:
        """Names under which channels carry this project, most likely first."""
        return self._names.conda_names(pypi_name)

    def record_for(
        self, release: Release, file: DistributionFile, python_version: str, depends: Sequence[str]
    ) -> RepodataRecord:
        """The chosen file as a record of channel ``pypi``.

        Args:
            release: Where the file belongs.
            file: What :meth:`file_for` gave.
            python_version: The python it was chosen for.
            depends: MatchSpec texts; its python is added if none of them speaks of python.

        Raises:
            ChannelError: The file is local, has no hash in its index, and cannot be read.
        """
        wheel = split_wheel_name(file.filename)
        pure = wheel is None or wheel.platforms == ["any"]
        subdir = "noarch" if pure else self._subdir
        minor = _minor(python_version)
        version = str(release.version)
        metadata = self._metadata.cached(file)
        data = {
            "name": release.name,
            "version": version,
            "build": BUILD,
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
            # Who names a file by its place vouches for it, hash or not (see wheel_package).
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
        """Begin to fetch pages that will be asked for; returns at once.

        Args:
            names: Project names.
            python_version: If given, the metadata of each project's newest final release that
                fits this python is fetched too.
        """
        for name in map(normalize_pypi_name, names):
            if (name, python_version) not in self._ahead:
                self._ahead.add((name, python_version))
                self._background.submit(partial(self._fetch_ahead, name, python_version))

    def close(self) -> None:
        """Give up what is still queued to be fetched ahead."""
        self._background.close()

    def _fetch_ahead(self, name: str, python_version: str | None) -> None:
        # Whoever needs the answer gets the error too; here it concerns nobody.
        with contextlib.suppress(MiniconError):
            newest = newest_final(self.releases(name))
            if newest and python_version:
                file = self.file_for(newest, python_version)
                if file:
                    self.requirements(file)

    def _load_releases(self, name: str) -> Sequence[Release]:
        if name in self._direct:
            return (self._direct[name],)
        pages = [page for place in self._places if (page := place.page(name)) is not None]
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

    def _is_direct(self, name: str, file: DistributionFile) -> bool:
        return name in self._direct and file in self._direct[name].files

    def _load_requirements(self, file: DistributionFile) -> Sequence[Requirement]:
        try:
            return self._metadata.read(file).requirements()
        except PackageError as error:
            self._broken.add(file.url)
            self._reporter.warn(f"{file.filename} is passed over: {error.message}")
            raise


def _minor(python_version: str) -> str:
    return ".".join(python_version.split(".")[:2])


def _with_python(depends: Sequence[str], minor: str) -> list[str]:
    """DEPENDS and the python that the file was chosen for, in MatchSpec's terms."""
    found = list(depends)
    if not any(text.split()[0] == "python" for text in found):
        major, _, number = minor.partition(".")
        found.append(f"python >={minor},<{major}.{int(number) + 1}.0a0")
    return found


def _local_sha256(file: DistributionFile) -> str | None:
    """A local file needs no index to vouch for it: it is hashed as it lies there."""
    path = local_path(file.url)
    if path is None:
        return None
    try:
        with open(path, "rb") as stream:
            return _stream_sha256(stream)
    except OSError as error:
        raise ChannelError("wheel-unreadable", f"cannot read {path}: {error.strerror}") from error


def _stream_sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
