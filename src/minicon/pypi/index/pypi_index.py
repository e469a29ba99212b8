"""PypiIndex: the Python projects that the solver can choose from, for one platform.

Several indexes are merged as pip merges them: every index is queried, the newest version wins
whichever index has it, and of two files with one name the first index's is taken (``find-links``,
then ``index-url``, then ``extra-index-url`` in their order). An index that does not answer is an
error; it never counts as an index without the project.
"""

from __future__ import annotations

import contextlib
import time
from copy import copy
from functools import partial

from minicon.closing import Closing
from minicon.constants import PYPI_BUILD, PYPI_CHANNEL
from minicon.errors import MiniconError, PackageError
from minicon.models.indexes.wheel_index import Obstacle
from minicon.models.package_names import NameMap, normalize_pypi_name
from minicon.models.records import RepodataRecord, direct_url
from minicon.models.reporter import SilentReporter
from minicon.models.version import python_minor
from minicon.net.parallel import Background
from minicon.pypi.index.file_contents import FileContents
from minicon.pypi.index.file_rules import FileRules
from minicon.pypi.index.find_links import FindLinks
from minicon.pypi.index.obstacles import Obstacles, yanked_text
from minicon.pypi.index.releases import (
    best_file,
    direct_release,
    fitting_minors,
    merged,
    newest_final,
    wheel_beside,
    with_python,
)
from minicon.pypi.index.simple_index import SimpleIndex
from minicon.pypi.requirement_syntax import RequirementByUrl, normalized_requires_python
from minicon.pypi.shared_results import SharedResults
from minicon.pypi.urls import without_credentials
from minicon.pypi.wheels.filenames import split_wheel_name
from minicon.pypi.wheels.refused_wheels import RefusedWheels
from minicon.pypi.wheels.wheel_tags import WheelTags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from packaging.requirements import Requirement
    from packaging.version import Version

    from minicon.models.indexes.wheel_index import DistributionFile, Release
    from minicon.models.records import VirtualPackage
    from minicon.models.reporter import Reporter
    from minicon.net.client.fetcher import Fetcher
    from minicon.pypi.index.configuration import IndexConfiguration
    from minicon.pypi.index_inputs import IndexInput
    from minicon.pypi.sdists.source_metadata import Build

#: Simultaneous requests; indexes throttle clients that make more.
_PARALLEL_REQUESTS = 12


class PypiIndex(Closing):
    """The built-in source ``pypi``: implements :class:`.wheel_index.WheelIndex`.

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
        built: What pip builds because a requirement names it by URL: extras by project and URL.
        rules: Which files of other projects are allowed.
        build: Builds the metadata of a source distribution with a minor version of python.
        clock: Seconds since 1970.
        refresh: Query the indexes even if a cached page is still fresh.
        offline: Whether the fetcher refuses to use the network: nothing is fetched ahead.
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
        built: Mapping[tuple[str, str], Sequence[str]] | None = None,
        rules: FileRules | None = None,
        build: Build | None = None,
        clock: Callable[[], float] = time.time,
        refresh: bool = False,
        offline: bool = False,
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
        self._contents = FileContents(fetcher, cache_dir, reporter, build)
        self._names = names or NameMap.built_in()
        self._direct = {release.name: release for release in map(direct_release, direct)}
        self._built = built or {}
        self._rules = rules or FileRules()
        self._direct_urls = {file.url for each in self._direct.values() for file in each.files}
        self._refused = RefusedWheels(cache_dir)
        self._broken: set[str] = set()
        self._quarantined: set[str] = set()
        self._own_pythons: dict[str, str | None] = {}
        self._parsed: dict[str, Requirement] = {}
        self._listed = SharedResults(self._load_listed)
        self._releases = SharedResults(self._load_releases)
        self._requirements = SharedResults(self._load_requirements)
        self._offline = offline
        self._background = Background(_PARALLEL_REQUESTS)
        self._prefetched: set[tuple[str, str | None]] = set()

    # -- WheelIndex -------------------------------------------------------------------------

    def releases(self, name: str) -> Sequence[Release]:
        """Return the releases of a project with allowed files, newest first; () if unknown.

        Pre-releases are included.

        Raises:
            ChannelError: An index cannot be reached, or its answer is invalid.
        """
        return self._releases.get(normalize_pypi_name(name))

    def file_for(
        self, release: Release, python_version: str, *, allow_yanked: bool = False
    ) -> DistributionFile | None:
        """Return the best file of a release for a python (``3.11.7``), or None.

        Files whose metadata turned out to be broken are skipped.
        """
        files = self._usable(release, allow_yanked=allow_yanked)
        minor = python_minor(python_version)
        file = best_file(files, self._tags, python_version, minor)
        if file is None or file.is_wheel:
            return file
        return file._replace(for_python=minor, wheel=wheel_beside(files, self._tags))

    def requirements(self, file: DistributionFile) -> Sequence[Requirement]:
        """Return what a file requires, markers unevaluated.

        Raises:
            PipError: The metadata of a source distribution could not be built.
            PackageError: The metadata is broken: :meth:`file_for` does not return the file again.
            ChannelError: It could not be fetched.
        """
        return self._requirements.get(file)

    def python_versions(self, release: Release) -> Sequence[str]:
        """Return the python minors that some file of this release fits, newest first."""
        return fitting_minors(self._usable(release), self._tags)

    def requires_python(self, file: DistributionFile) -> str | None:
        """Return the index's ``Requires-Python`` joined with that of metadata read so far."""
        texts = (file.requires_python, self._own_pythons.get(file.url))
        return ",".join(dict.fromkeys(filter(None, texts))) or None

    def obstacles(
        self, name: str, accepts: Callable[[Version], bool], python_versions: Collection[str]
    ) -> Sequence[Obstacle]:
        """Return why no release that a requirement accepts can be used, newest first.

        See :meth:`minicon.models.indexes.wheel_index.WheelIndex.obstacles`.
        """
        name = normalize_pypi_name(name)
        listed = self._listed.get(name)
        if name in self._quarantined and not listed:
            return [Obstacle(f"{name} is quarantined by its package index")]
        obstacles = Obstacles(
            tags=self._tags,
            problem=self._problem,
            requires_python=self.requires_python,
            is_broken=lambda file: file.url in self._broken,
        )
        return obstacles.of(listed, accepts, python_versions)

    def notes(
        self, release: Release, file: DistributionFile, extras: Collection[str]
    ) -> Sequence[str]:
        """Return sentences about a chosen file: it is yanked, or lacks an extra."""
        label = f"{release.name} {release.version}"
        found = []
        if file.yanked_reason is not None:
            found.append(f"{label} was yanked from its index{yanked_text(file)}")
        metadata = self._contents.cached(file.wheel or file) if extras else None
        if metadata is not None:
            known = f"it has {', '.join(metadata.extras)}" if metadata.extras else "it has none"
            unknown = [each for each in extras if each not in metadata.extras]
            found += [f"{label} has no extra {extra}; {known}" for extra in unknown]
        return found

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
            ChannelError: The file has no hash in its index, and cannot be read to compute it.
        """
        file = self._contents.with_hash(file)
        wheel = split_wheel_name(file.filename)
        pure = wheel is None or wheel.platforms == ["any"]
        subdir = "noarch" if pure else self._subdir
        minor = python_minor(python_version)
        version = str(release.version)
        metadata = self._contents.cached(file)
        data = {
            "name": release.name,
            "version": version,
            "build": PYPI_BUILD,
            "build_number": 0,
            "depends": with_python(depends, minor),
            "constrains": [],
            "license": metadata.license if metadata else None,
            "sha256": file.sha256,
            "size": file.size,
            "subdir": subdir,
            "noarch": "python",
            "timestamp": file.upload_time,
            "purls": [f"pkg:pypi/{release.name}@{version}"],
            "python": minor,
            "direct_url": direct_url(file.url, file.sha256)
            if file.url in self._direct_urls
            else None,
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
        for name in () if self._offline else map(normalize_pypi_name, names):
            if (name, python_version) not in self._prefetched:
                self._prefetched.add((name, python_version))
                self._background.submit(partial(self._prefetch, name, python_version))

    def prefetch_requirements(self, files: Iterable[DistributionFile]) -> None:
        """Start fetching the metadata of wheels; return at once."""
        for file in () if self._offline else files:
            self._background.submit(partial(self._contents.prepare, file))

    def inputs(self) -> Iterator[IndexInput | None]:
        """Yield the files that all answers were read from; None for those that were fetched."""
        for index in self._indexes:
            yield from index.inputs
            if not index.inputs.complete:
                yield None
        yield self._refused.source

    def close(self) -> None:
        """Discard the prefetches that have not started."""
        self._background.close()

    def _prefetch(self, name: str, python_version: str | None) -> None:
        # An error is kept with the result, and raised when the result is used.
        with contextlib.suppress(MiniconError):
            newest = newest_final(self.releases(name))
            if newest and python_version:
                file = self.file_for(newest, python_version)
                if file and file.is_wheel:
                    self.requirements(file)

    def _load_listed(self, name: str) -> Sequence[Release]:
        """All releases that the indexes list, also those without a usable file."""
        if name in self._direct:
            release = self._direct[name]
            files = tuple(map(self._contents.with_hash, release.files))
            return (release._replace(files=files),)
        task = self._reporter.start("solve", name, None, "projects")
        try:
            pages = [page for index in self._indexes if (page := index.page(name)) is not None]
        finally:
            task.advance(1)
            task.finish()
        for page in pages:
            if page.status == "quarantined":
                self._quarantined.add(name)
                self._reporter.warn(f"{name} is quarantined by its package index: not used")
        return merged(pages)

    def _load_releases(self, name: str) -> Sequence[Release]:
        listed = self._listed.get(name)
        if name in self._direct:
            return tuple([each for each in listed if self._rules.excluded(each) is None])
        if self._rules.concern(name):
            listed = [self._rules.filtered(release) for release in listed]
        return tuple([release for release in listed if release.files])

    def _problem(self, release: Release, file: DistributionFile) -> Obstacle | None:
        is_direct = release.name in self._direct
        return self._rules.excluded(release) if is_direct else self._rules.problem(release, file)

    def _usable(self, release: Release, *, allow_yanked: bool = False) -> list[DistributionFile]:
        return [
            file
            for file in release.files
            if (allow_yanked or not file.yanked) and file.url not in self._broken
        ]

    def _load_requirements(self, file: DistributionFile) -> Sequence[Requirement]:
        try:
            reason = self._refused.reason(file.url, file.sha256)
            if reason and file.url not in self._direct_urls:
                raise PackageError("refused-wheel", reason)
            metadata = self._contents.metadata(file)
            self._own_pythons[file.url] = normalized_requires_python(metadata.requires_python or "")
            found = metadata.requirements(self._parsed)
            return tuple([self._by_url(each) for each in found if not self._is_built(each)])
        except PackageError as error:
            self._broken.add(file.url)
            self._reporter.warn(f"{file.filename} is skipped: {error.message}")
            raise

    def _by_url(self, requirement: Requirement) -> Requirement:
        """A requirement on the file at a URL: met by the user's request for the same file only."""
        if requirement.url is None:
            return requirement
        direct = self._direct.get(normalize_pypi_name(requirement.name))
        if direct is None or direct.files[0].url != _public_url(requirement):
            return RequirementByUrl(str(requirement))
        by_name = copy(requirement)
        by_name.url = None
        return by_name

    def _is_built(self, requirement: Requirement) -> bool:
        """Whether pip will have met a requirement by URL, since the user requests it too."""
        if requirement.url is None:
            return False
        key = (normalize_pypi_name(requirement.name), _public_url(requirement))
        return key in self._built and requirement.extras <= set(self._built[key])


def _public_url(requirement: Requirement) -> str:
    return without_credentials((requirement.url or "").partition("#")[0])
