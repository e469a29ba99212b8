"""FileRules: which files of a project the user allows, and in words why others are left out."""

from __future__ import annotations

from minicon.constants import PYPI_CHANNEL
from minicon.lean_dataclasses import dataclass, field
from minicon.models.indexes.wheel_index import Obstacle
from minicon.models.timestamps import AgeLimits
from minicon.pypi.index.file_hashes import local_sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.specifiers import SpecifierSet

    from minicon.models.indexes.wheel_index import DistributionFile, Release


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """What the user allows of the files of projects.

    Attributes:
        hashes: Allowed sha256 of a project's files, by normalized project name.
        limits: Allowed versions (pip's constraints), by normalized project name.
        age_limits: Files that were uploaded later, or at an unknown time, are left out.
        no_build: Leave source distributions out.
    """

    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    limits: Mapping[str, SpecifierSet] = field(default_factory=dict)
    age_limits: AgeLimits = AgeLimits()
    no_build: bool = False

    def concern(self, name: str) -> bool:
        """Whether some file of a project (normalized name) may be left out."""
        return (
            self.no_build
            or name in self.hashes
            or name in self.limits
            or self.age_limits.of(name, PYPI_CHANNEL) is not None
        )

    def filtered(self, release: Release) -> Release:
        """Return the release with only the allowed files; possibly none.

        A file without a listed hash gets the one that was requested: its download verifies it.
        """
        kept = [file for file in release.files if self.problem(release, file) is None]
        allowed = self.hashes.get(release.name, frozenset())
        if len(allowed) == 1:
            (only,) = allowed
            kept = [file if file.sha256 else file._replace(sha256=only) for file in kept]
        return release._replace(files=tuple(kept))

    def problem(self, release: Release, file: DistributionFile) -> Obstacle | None:
        """Why a file is left out, as the rest of a sentence about its release; None if it is not.

        Raises:
            ChannelError: The file is local, has to be hashed, and cannot be read.
        """
        return (
            self.excluded(release)
            or self._to_build(file)
            or self._too_new(release, file)
            or self._other_hash(release, file)
        )

    def excluded(self, release: Release) -> Obstacle | None:
        """Why constraints leave a release out; None if they do not."""
        limit = self.limits.get(release.name)
        if limit is None or limit.contains(release.version, prereleases=True):
            return None
        return Obstacle(
            f"is excluded by the constraint {release.name}{limit}",
            "correct the constraint file (-c, PIP_CONSTRAINT, or 'constraint' in pip.conf)",
        )

    def _to_build(self, file: DistributionFile) -> Obstacle | None:
        if file.is_wheel or not self.no_build:
            return None
        return Obstacle(
            "is a source distribution, and build_from_source is false (--no-build)",
            "allow builds",
        )

    def _too_new(self, release: Release, file: DistributionFile) -> Obstacle | None:
        limit = self.age_limits.of(release.name, PYPI_CHANNEL)
        if limit is None or (file.upload_time is not None and file.upload_time <= limit):
            return None
        hint = f"exempt it: --exclude-newer-package {release.name}=false"
        if file.upload_time is None:
            return Obstacle("has no upload time on its index, as exclude_newer needs", hint)
        return Obstacle(f"is newer than exclude_newer allows, {_moment(limit)}", hint)

    def _other_hash(self, release: Release, file: DistributionFile) -> Obstacle | None:
        allowed = self.hashes.get(release.name)
        if allowed is None:
            return None
        digest = file.sha256 or local_sha256(file)
        if digest in allowed or (digest is None and len(allowed) == 1):
            return None  # the one hash is verified when the file is downloaded
        if digest is None:
            return Obstacle(
                "has no hash on its index to compare with the requested ones",
                "name the one hash of the file that fits, or use an index that lists hashes",
            )
        return Obstacle(
            "has none of the requested hashes", "correct --hash, or request another version"
        )


def _moment(limit: int) -> str:
    from datetime import datetime, timezone

    return f"{datetime.fromtimestamp(limit / 1000, timezone.utc):%Y-%m-%d %H:%M} UTC"
