"""WheelWorld: a package index in a few lines, as the solver sees it.

::

    wheels = WheelWorld()
    wheels.wheel("gensim", "4.3.3", requires=["numpy<2"], pythons=["3.11", "3.12"])
    wheels.source("gensim", "4.4.0")
"""

from __future__ import annotations

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from minicon.errors import PackageError
from minicon.models.indexes.wheel_index import DistributionFile, Release
from minicon.models.records import RepodataRecord


class WheelWorld:
    """A WheelIndex in memory, which counts its calls."""

    def __init__(self, names: dict[str, str] | None = None) -> None:
        #: Conda name → project name, where they differ.
        self.conda_to_pypi = names or {}
        self._files: dict[str, dict[Version, list[DistributionFile]]] = {}
        self._requires: dict[str, list[Requirement]] = {}
        self._pythons: dict[str, list[str] | None] = {}
        self._broken: set[str] = set()
        self.metadata_reads = 0
        #: Files that were announced before their metadata was read, and reads of others.
        self.announced: set[str] = set()
        self.unannounced_reads = 0

    def wheel(
        self,
        name: str,
        version: str,
        *,
        requires: list[str] | None = None,
        pythons: list[str] | None = None,
        requires_python: str | None = None,
        yanked: bool = False,
        broken: bool = False,
        build: str = "",
        upload_time: int | None = None,
    ) -> None:
        """Add a wheel for some python minors, or a pure one for all."""
        fn = f"{name}-{version}{build}-{'py3' if pythons is None else 'cp'.join(pythons)}.whl"
        self._add(name, version, fn, requires_python, yanked, upload_time)
        self._requires[fn] = [Requirement(text) for text in requires or []]
        self._pythons[fn] = pythons
        if broken:
            self._broken.add(fn)

    def source(
        self,
        name: str,
        version: str,
        *,
        requires: list[str] | None = None,
        requires_python: str | None = None,
    ) -> None:
        fn = f"{name}-{version}.tar.gz"
        self._add(name, version, fn, requires_python, False, None)
        self._requires[fn] = [Requirement(text) for text in requires or []]

    def _add(self, name, version, fn, requires_python, yanked, upload_time) -> None:
        file = DistributionFile(
            filename=fn, url=f"file:///{fn}", requires_python=requires_python, yanked=yanked,
            upload_time=upload_time,
        )  # fmt: skip
        by_version = self._files.setdefault(canonicalize_name(name), {})
        by_version.setdefault(Version(version), []).append(file)

    def releases(self, name: str):
        files = self._files.get(name, {})
        return [
            Release(name=name, version=version, files=tuple(files[version]))
            for version in sorted(files, reverse=True)
        ]

    def file_for(self, release: Release, python_version: str):
        minor = ".".join(python_version.split(".")[:2])
        fitting = [
            file
            for file in release.files
            if not file.yanked
            and SpecifierSet(file.requires_python or "").contains(python_version)
            and (not file.is_wheel or minor in (self._pythons[file.filename] or [minor]))
            and not (file.filename in self._broken and self._was_read(file))
        ]
        return min(fitting, key=lambda file: (not file.is_wheel, file.filename), default=None)

    def _was_read(self, file: DistributionFile) -> bool:
        return file.filename in getattr(self, "_read", set())

    def requirements(self, file: DistributionFile):
        self.metadata_reads += 1
        self.unannounced_reads += file.filename not in self.announced
        if file.filename in self._broken:
            self.__dict__.setdefault("_read", set()).add(file.filename)
            raise PackageError("wheel-metadata", f"{file.filename} is broken")
        return self._requires.get(file.filename, [])

    def requires_python(self, file: DistributionFile):
        return file.requires_python

    def obstacles(self, name, accepts, python_versions):
        return ()

    def notes(self, release, file, extras):
        return ()

    def prefetch_requirements(self, files) -> None:
        self.announced.update(file.filename for file in files)

    def prefetch(self, names, python_version=None) -> None:
        assert all(canonicalize_name(name) == name for name in names)

    def python_versions(self, release: Release):
        return [
            f"3.{minor}" for minor in range(14, 6, -1) if self.file_for(release, f"3.{minor}.0")
        ]

    def pypi_name(self, conda_name: str) -> str:
        return self.conda_to_pypi.get(conda_name, canonicalize_name(conda_name))

    def conda_names(self, pypi_name: str):
        known = [name for name, project in self.conda_to_pypi.items() if project == pypi_name]
        return [*known, pypi_name]

    def record_for(self, release, file, python_version, depends):
        data = {
            "name": release.name,
            "version": str(release.version),
            "build": "pypi_0",
            "build_number": 0,
            "depends": list(depends),
        }
        return RepodataRecord(
            data, channel="pypi", subdir="noarch", fn=file.filename, url=file.url, source="pypi"
        )
