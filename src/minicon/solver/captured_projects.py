"""Python projects in captures: what a request read from PyPI, and an index of it.

What was not read does not exist in a replay: a release of which no file was chosen has none.
"""

from __future__ import annotations

from minicon.constants import PYPI_BUILD, PYPI_CHANNEL
from minicon.models.indexes.wheel_index import DistributionFile, Obstacle, Release
from minicon.models.package_names import NameMap
from minicon.models.record_checks import check_record_fields, check_record_values
from minicon.models.records import RepodataRecord
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import Any

    from packaging.requirements import Requirement
    from packaging.version import Version

    from minicon.models.indexes.wheel_index import WheelIndex

#: Fields of a file that decide about it; the text of the index, without its other files.
_FIELDS = ("url", "sha256", "size", "requires_python", "yanked", "upload_time", "for_python")
_FILE = {
    "filename": str,
    "url": str,
    "sha256": (str, None),
    "size": (int, None),
    "requires_python": (str, None),
    "yanked": bool,
    "upload_time": (int, None),
    "for_python": str,
    "wheel": (str, None),
    "chosen_for": [str],
    "requirements": ([str], None),
    "supports": (str, None),
    "record": ({"data": dict, "subdir": str}, None),
    "notes": [str],
}
#: Shape of the object in a capture.
SHAPE: Mapping[str, Any] = {
    "releases": {...: [{"version": str, "files": [_FILE]}]},
    "obstacles": {...: [[(str, None)]]},
}


class RecordingProjects:
    """A :class:`minicon.models.indexes.wheel_index.WheelIndex` that notes what was read from it."""

    def __init__(self, index: WheelIndex) -> None:
        self._index = index
        self._pages: dict[str, Sequence[Release]] = {}
        self._files: dict[str, dict[str, Any]] = {}
        self._chosen: dict[tuple[str, str], dict[str, None]] = {}
        self._obstacles: dict[str, list[Obstacle]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def to_json(self) -> dict[str, Any]:
        """Return what was read, of :data:`SHAPE`."""
        return {
            "releases": {
                name: [
                    {"version": release.version_text, "files": self._files_of(release)}
                    for release in releases
                ]
                for name, releases in self._pages.items()
            },
            "obstacles": {
                name: [[*each] for each in found] for name, found in self._obstacles.items()
            },
        }

    def _files_of(self, release: Release) -> list[dict[str, Any]]:
        names = self._chosen.get((release.name, release.version_text), ())
        return [self._files[name] for name in names]

    def releases(self, name: str) -> Sequence[Release]:
        """See :class:`WheelIndex`."""
        found = self._pages[name] = self._index.releases(name)
        return found

    def file_for(self, release: Release, python_version: str) -> DistributionFile | None:
        """See :class:`WheelIndex`."""
        file = self._index.file_for(release, python_version)
        if file is not None:
            self._chosen.setdefault((release.name, release.version_text), {})[file.filename] = None
            pythons = self._row(file)["chosen_for"]
            if python_version not in pythons:
                pythons.append(python_version)
        return file

    def requirements(self, file: DistributionFile) -> Sequence[Requirement]:
        """See :class:`WheelIndex`."""
        found = self._index.requirements(file)
        self._row(file)["requirements"] = [redact(str(each)) for each in found]
        return found

    def requires_python(self, file: DistributionFile) -> str | None:
        """See :class:`WheelIndex`."""
        found = self._row(file)["supports"] = self._index.requires_python(file)
        return found

    def obstacles(
        self, name: str, accepts: Callable[[Version], bool], python_versions: Collection[str]
    ) -> Sequence[Obstacle]:
        """See :class:`WheelIndex`."""
        found = self._index.obstacles(name, accepts, python_versions)
        self._obstacles[name] = list(found)
        return found

    def record_for(
        self, release: Release, file: DistributionFile, python_version: str, depends: Sequence[str]
    ) -> RepodataRecord:
        """See :class:`WheelIndex`."""
        record = self._index.record_for(release, file, python_version, depends)
        added = [text for text in record.depends if text not in depends]
        data = {**record.data, "depends": added}
        self._row(file)["record"] = {"data": data, "subdir": record.subdir}
        return record

    def notes(
        self, release: Release, file: DistributionFile, extras: Collection[str]
    ) -> Sequence[str]:
        """See :class:`WheelIndex`."""
        found = self._index.notes(release, file, extras)
        self._row(file)["notes"] = list(found)
        return found

    def _row(self, file: DistributionFile) -> dict[str, Any]:
        row = self._files.get(file.filename)
        if row is None:
            row = self._files[file.filename] = {
                "filename": file.filename,
                **{name: getattr(file, name) for name in _FIELDS},
                "wheel": file.wheel and file.wheel.filename,
                "chosen_for": [],
                "requirements": None,
                "supports": file.requires_python,
                "record": None,
                "notes": [],
            }
        return row


class CapturedProjects:
    """The projects of a capture, as a :class:`minicon.models.indexes.wheel_index.WheelIndex`.

    Args:
        document: An object of :data:`SHAPE`.

    Raises:
        ValueError: A version or requirement cannot be parsed.
        SpecError: The record of a file is invalid.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        from packaging.version import Version

        self._names = NameMap.built_in()
        self._requirements: dict[str, Requirement] = {}
        self._rows: dict[str, Mapping[str, Any]] = {}
        self._obstacles: Mapping[str, Any] = document["obstacles"]
        self._releases: dict[str, tuple[Release, ...]] = {}
        for name, releases in document["releases"].items():
            self._releases[name] = tuple(
                Release(name, Version(each["version"]), tuple(map(self._file, each["files"])))
                for each in releases
            )

    def _file(self, row: Mapping[str, Any]) -> DistributionFile:
        from packaging.requirements import Requirement

        self._rows[row["filename"]] = row
        for text in row["requirements"] or ():
            if text not in self._requirements:
                self._requirements[text] = Requirement(text)
        if row["record"]:
            check_record_fields(row["record"]["data"], fn=row["filename"])
            check_record_values(row["record"]["data"], row["filename"])
        wheel = row["wheel"] and DistributionFile(row["wheel"], "")
        fields = {name: row[name] for name in _FIELDS}
        return DistributionFile(row["filename"], **fields, wheel=wheel or None)

    def releases(self, name: str) -> Sequence[Release]:
        """See :class:`WheelIndex`."""
        return self._releases.get(name, ())

    def file_for(self, release: Release, python_version: str) -> DistributionFile | None:
        """See :class:`WheelIndex`."""
        for file in release.files:
            if not file.yanked and python_version in self._rows[file.filename]["chosen_for"]:
                return file
        return None

    def requirements(self, file: DistributionFile) -> Sequence[Requirement]:
        """See :class:`WheelIndex`."""
        texts = self._rows[file.filename]["requirements"] or ()
        return [self._requirements[text] for text in texts]

    def requires_python(self, file: DistributionFile) -> str | None:
        """See :class:`WheelIndex`."""
        found: str | None = self._rows[file.filename]["supports"]
        return found

    def prefetch(self, names: Iterable[str], python_version: str | None = None) -> None:
        """Do nothing: all is here."""

    def prefetch_requirements(self, files: Iterable[DistributionFile]) -> None:
        """Do nothing: all is here."""

    def obstacles(
        self,
        name: str,
        accepts: Callable[[Version], bool],  # noqa: ARG002
        python_versions: Collection[str],  # noqa: ARG002
    ) -> Sequence[Obstacle]:
        """See :class:`WheelIndex`."""
        return [Obstacle(str(reason), hint) for reason, hint in self._obstacles.get(name, ())]

    def python_versions(self, release: Release) -> Sequence[str]:
        """See :class:`WheelIndex`."""
        found = (self._rows[file.filename]["chosen_for"] for file in release.files)
        return list(
            dict.fromkeys(".".join(text.split(".")[:2]) for texts in found for text in texts)
        )

    def pypi_name(self, conda_name: str) -> str:
        """See :class:`WheelIndex`."""
        return self._names.pypi_name(conda_name)

    def conda_names(self, pypi_name: str) -> Sequence[str]:
        """See :class:`WheelIndex`."""
        return self._names.conda_names(pypi_name)

    def record_for(
        self,
        release: Release,
        file: DistributionFile,
        python_version: str,  # noqa: ARG002
        depends: Sequence[str],
    ) -> RepodataRecord:
        """See :class:`WheelIndex`."""
        known = self._rows[file.filename]["record"] or {"data": {}, "subdir": "noarch"}
        data = {
            "name": release.name,
            "version": str(release.version),
            "build": PYPI_BUILD,
            "build_number": 0,
            **known["data"],
            "depends": [*depends, *known["data"].get("depends", ())],
        }
        return RepodataRecord(
            data, channel=PYPI_CHANNEL, subdir=known["subdir"], fn=file.filename, url=file.url,
            source="pypi",
        )  # fmt: skip

    def notes(
        self,
        release: Release,  # noqa: ARG002
        file: DistributionFile,
        extras: Collection[str],  # noqa: ARG002
    ) -> Sequence[str]:
        """See :class:`WheelIndex`."""
        found: Sequence[str] = self._rows[file.filename]["notes"]
        return found
