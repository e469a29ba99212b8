"""WheelIndex: the seam between the solver and a Python package index.

A wheel becomes a record only once it is chosen for one python; before that the solver
reasons about releases (a version and its files), because what a wheel depends on is decided by
environment markers of the python it is installed for.
"""

from __future__ import annotations

from typing import Protocol

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packaging.requirements import Requirement
    from packaging.version import Version

    from minicon.models.records import RepodataRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionFile:
    """One file of a release: a wheel or a source distribution.

    Attributes:
        filename: Its file name.
        url: Where it is, without credentials.
        sha256: Hexadecimal, or None where the index gives none.
        size: Bytes, or None.
        requires_python: The index's ``requires-python`` text, or None.
        yanked: True if the index marks it so (PEP 592).
        upload_time: Milliseconds since 1970, or None (PEP 700).
        metadata_sha256: Set where the index serves METADATA beside the file (PEP 658/714);
            an empty text where it serves it without a hash.
    """

    filename: str
    url: str
    sha256: str | None = None
    size: int | None = None
    requires_python: str | None = None
    yanked: bool = False
    upload_time: int | None = None
    metadata_sha256: str | None = None

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel; else it is a source distribution."""
        return self.filename.endswith(".whl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One version of a Python project with the files that this platform could use."""

    name: str
    version: Version
    files: tuple[DistributionFile, ...]


class WheelIndex(Protocol):
    """Python projects as the solver needs to see them, for one platform."""

    def releases(self, name: str) -> Sequence[Release]:
        """All releases of a project (normalised name), newest first; empty when unknown.

        Raises:
            ChannelError: The index cannot be reached or answers nonsense.
        """

    def file_for(self, release: Release, python_version: str) -> DistributionFile | None:
        """The best file of a release for a python (``3.11.7``), or None.

        A wheel that fits (PEP 425 tags, requires-python) is always preferred to a source
        distribution; yanked files are left out.
        """

    def requirements(self, file: DistributionFile) -> Sequence[Requirement]:
        """What a wheel's METADATA requires (``Requires-Dist``), markers unevaluated.

        For a source distribution: empty, since its metadata exists only once built.

        Raises:
            PackageError: The wheel's metadata is broken. :meth:`file_for` will not offer the file
                again, so asking it anew gives the next best.
            ChannelError: The metadata cannot be fetched.
        """

    def prefetch(self, names: Iterable[str], python_version: str | None = None) -> None:
        """Hint that these projects will be asked for, so that they may be fetched together.

        Args:
            names: Normalised project names.
            python_version: If given, requirements for this python will be asked for too.
        """

    def python_versions(self, release: Release) -> Sequence[str]:
        """Python minors (``3.11``) that some file of this release fits, newest first."""

    def pypi_name(self, conda_name: str) -> str:
        """The project that a conda package name stands for (``pytorch`` is ``torch``)."""

    def conda_names(self, pypi_name: str) -> Sequence[str]:
        """Names under which channels carry this project, most likely first."""

    def record_for(
        self, release: Release, file: DistributionFile, python_version: str, depends: Sequence[str]
    ) -> RepodataRecord:
        """The chosen file as a record of channel ``pypi``, source ``pypi``."""
