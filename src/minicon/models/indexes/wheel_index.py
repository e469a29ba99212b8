"""WheelIndex: what the solver reads Python projects from.

PyPI offers it; :class:`minicon.models.indexes.record_index.RecordIndex` is that of conda packages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, overload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from packaging.requirements import Requirement
    from packaging.version import Version

    from minicon.models.records import RepodataRecord


class DistributionFile(NamedTuple):
    """One file of a release: a wheel or a source distribution.

    A named tuple: pages have thousands of files, and each costs a quarter of a dataclass.

    Attributes:
        filename: File name.
        url: URL without credentials.
        sha256: Hexadecimal, or None if the index gives none.
        size: Bytes, or None.
        requires_python: The index's ``requires-python`` text, or None.
        yanked: Whether the file is left out as yanked (PEP 592); a requirement that names its
            version exactly sets it to False.
        yanked_reason: Why the index marks it as yanked, possibly empty; None if it does not.
        upload_time: Milliseconds since 1970, or None (PEP 700).
        metadata_sha256: Set if the index serves METADATA as a separate file (PEP 658, PEP 714);
            an empty text if it serves it without a hash.
        for_python: Minor version of python for which a source distribution was chosen, or an
            empty text.
        wheel: A wheel of the same release for other pythons, whose metadata is read instead of
            that of a source distribution; None if it has none.
    """

    filename: str
    url: str
    sha256: str | None = None
    size: int | None = None
    requires_python: str | None = None
    yanked: bool = False
    yanked_reason: str | None = None
    upload_time: int | None = None
    metadata_sha256: str | None = None
    for_python: str = ""
    wheel: DistributionFile | None = None

    @property
    def is_wheel(self) -> bool:
        """Whether the file is a wheel; otherwise it is a source distribution."""
        return self.filename.endswith(".whl")


class StoredFiles(Sequence[DistributionFile]):
    """The files of a release, parsed when they are first looked at: most releases never are.

    Args:
        count: Their number.
        all_yanked: Whether all of them are yanked.
        parse: Parses them.
    """

    __slots__ = ("_count", "_files", "_parse", "all_yanked")

    def __init__(
        self, count: int, all_yanked: bool, parse: Callable[[], tuple[DistributionFile, ...]]
    ) -> None:
        self._count = count
        self.all_yanked = all_yanked
        self._parse = parse
        self._files: tuple[DistributionFile, ...] | None = None

    def _parsed(self) -> tuple[DistributionFile, ...]:
        if self._files is None:
            self._files = self._parse()
        return self._files

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[DistributionFile]:
        return iter(self._parsed())

    @overload
    def __getitem__(self, position: int) -> DistributionFile: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[DistributionFile, ...]: ...
    def __getitem__(self, position: int | slice) -> DistributionFile | tuple[DistributionFile, ...]:
        return self._parsed()[position]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, tuple | StoredFiles) and self._parsed() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._parsed())


class Release(NamedTuple):
    """One version of a Python project with the files that this platform can use.

    A named tuple, as pages have hundreds of releases.

    Attributes:
        name: Normalized project name.
        version: The version.
        files: Those files.
        foreign_tags: Platform tags of its wheels, if all of its files are wheels for other
            platforms.
        text: The normalized version as text, where it is known; see :attr:`version_text`.
    """

    name: str
    version: Version
    files: tuple[DistributionFile, ...] | StoredFiles
    foreign_tags: tuple[str, ...] = ()
    text: str = ""

    @property
    def version_text(self) -> str:
        """The normalized version as text; composing it takes as long as parsing it."""
        return self.text or str(self.version)

    @property
    def is_yanked(self) -> bool:
        """Whether all files are yanked."""
        files = self.files
        if isinstance(files, StoredFiles):
            return files.all_yanked
        return bool(files) and files[0].yanked and all(file.yanked for file in files)


class Obstacle(NamedTuple):
    """Why no file of some releases can be used.

    Attributes:
        reason: A sentence that names the releases.
        hint: What to do about it, or None.
    """

    reason: str
    hint: str | None = None


class WheelIndex(Protocol):
    """Python projects of a package index, for one platform.

    A wheel becomes a record only once it is chosen for one version of python. Until then the
    solver works with releases, because the dependencies of a wheel depend on environment markers.
    """

    def releases(self, name: str) -> Sequence[Release]:
        """All releases of a project (normalized name), newest first; empty if it is unknown.

        Raises:
            ChannelError: The index cannot be reached, or its answer is invalid.
        """

    def file_for(self, release: Release, python_version: str) -> DistributionFile | None:
        """The best file of a release for a version of python (``3.11.7``), or None.

        A compatible wheel (PEP 425 tags, ``requires-python``) is preferred to a source
        distribution; yanked files are skipped.
        """

    def requirements(self, file: DistributionFile) -> Sequence[Requirement]:
        """The ``Requires-Dist`` entries of a file's metadata, markers not evaluated.

        Those of a source distribution may have to be built, which takes seconds to minutes.

        Raises:
            PipError: The metadata of a source distribution cannot be built.
            PackageError: The file's metadata is invalid. :meth:`file_for` does not return the
                file again, so that calling it gives the next best one.
            ChannelError: The metadata cannot be fetched.
        """

    def requires_python(self, file: DistributionFile) -> str | None:
        """The versions of python that a file supports: a specifier of PEP 440, None for all.

        Both the index's and, once its requirements were read, that of the file's own metadata.
        """

    def prefetch(self, names: Iterable[str], python_version: str | None = None) -> None:
        """Announce that these projects will be requested, so that they can be fetched together.

        Args:
            names: Normalized project names.
            python_version: If given, requirements for this python will be requested too.
        """

    def prefetch_requirements(self, files: Iterable[DistributionFile]) -> None:
        """Announce that the requirements of these wheels may be requested next."""

    def obstacles(
        self, name: str, accepts: Callable[[Version], bool], python_versions: Collection[str]
    ) -> Sequence[Obstacle]:
        """Why none of the releases that a requirement accepts can be used, newest first.

        Empty if one of them can be used, or if no index has one.

        Args:
            name: Normalized project name.
            accepts: Whether the requirement accepts a version.
            python_versions: Full versions of python, one of which has to fit.
        """

    def python_versions(self, release: Release) -> Sequence[str]:
        """Minor versions of python (``3.11``) that a file of the release supports, newest first."""

    def pypi_name(self, conda_name: str) -> str:
        """The project that a conda package contains (``pytorch`` contains ``torch``)."""

    def conda_names(self, pypi_name: str) -> Sequence[str]:
        """Names of conda packages that contain this project, most likely first."""

    def record_for(
        self, release: Release, file: DistributionFile, python_version: str, depends: Sequence[str]
    ) -> RepodataRecord:
        """The chosen file as a record of channel ``pypi``, source ``pypi``."""

    def notes(
        self, release: Release, file: DistributionFile, extras: Collection[str]
    ) -> Sequence[str]:
        """Sentences for the user about a chosen file: it is yanked, or lacks an extra.

        Args:
            release: Its release.
            file: The file.
            extras: The normalized extras that are required of it.
        """
