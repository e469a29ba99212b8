"""PrefixRecord: one package in an environment (``conda-meta/NAME-VERSION-BUILD.json``)."""

from __future__ import annotations

from minicon.models.package_files import PathsEntry
from minicon.models.records import RepodataRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

#: Keys that belong to the installation, not to the package.
_PREFIX_KEYS = frozenset(
    {
        "extracted_package_dir",
        "files",
        "link",
        "package_tarball_full_path",
        "paths_data",
        "requested_spec",
        "requested_specs",
    }
)


class LinkType:
    """The values of ``link.type`` (CEP 32, conda's numbers)."""

    HARDLINK = 1
    SOFTLINK = 2
    COPY = 3


class PrefixRecord:
    """A package that is linked into a prefix, with every file that belongs to it.

    Attributes:
        record: The package itself.
        files: Final paths relative to the prefix, generated ones (pyc, entry points) included.
        paths: One :class:`PathsEntry` per file, hashes after replacement included.
        requested_specs: What the user asked for that brought it; empty for a dependency.
        link: ``{"source": extracted folder, "type": LinkType}``.
        extracted_package_dir: Folder in the package cache it was linked from.
        package_tarball_full_path: Archive in the package cache, or an empty text.
    """

    __slots__ = (
        "_paths",
        "extracted_package_dir",
        "files",
        "link",
        "package_tarball_full_path",
        "record",
        "requested_specs",
    )

    def __init__(
        self,
        record: RepodataRecord,
        *,
        files: Sequence[str],
        paths: Sequence[PathsEntry],
        requested_specs: Sequence[str] = (),
        link: Mapping[str, Any] | None = None,
        extracted_package_dir: str = "",
        package_tarball_full_path: str = "",
    ) -> None:
        self.record = record
        self.files = tuple(files)
        self._paths: tuple[PathsEntry, ...] | list[dict[str, Any]] = tuple(paths)
        self.requested_specs = tuple(requested_specs)
        self.link = dict(link or {})
        self.extracted_package_dir = extracted_package_dir
        self.package_tarball_full_path = package_tarball_full_path

    @property
    def paths(self) -> tuple[PathsEntry, ...]:
        """One entry per file; made from its JSON when first asked for.

        Most commands need the files only, and an environment has tens of thousands.
        """
        if not isinstance(self._paths, tuple):
            self._paths = tuple(map(PathsEntry.from_json, self._paths))
        return self._paths

    @property
    def name(self) -> str:
        """Package name."""
        return self.record.name

    @property
    def file_name(self) -> str:
        """Name of its file below ``conda-meta/``."""
        return f"{self.record.dist_name}.json"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PrefixRecord:
        """Read a conda-meta object written by any tool of the family.

        Accepts conda's channel with or without the subdir, and the text "None" that old
        versions wrote as requested_spec. Raises KeyError or TypeError for a foreign object.
        """
        subdir = data.get("subdir") or "noarch"
        channel = str(data.get("channel") or "").rstrip("/").removesuffix(f"/{subdir}")
        package = {key: value for key, value in data.items() if key not in _PREFIX_KEYS}
        fn = data.get("fn") or f"{data['name']}-{data['version']}-{data['build']}"
        paths = (data.get("paths_data") or {}).get("paths") or []
        if not all("_path" in entry for entry in paths):
            raise KeyError("_path")
        made = cls(
            RepodataRecord(
                package,
                channel=channel,
                subdir=subdir,
                fn=fn,
                url=data.get("url") or "",
                source=_source_of(channel),
            ),
            files=data.get("files") or (),
            paths=(),
            requested_specs=_requested_specs(data),
            link=data.get("link") or {},
            extracted_package_dir=data.get("extracted_package_dir") or "",
            package_tarball_full_path=data.get("package_tarball_full_path") or "",
        )
        made._paths = paths  # made into entries when somebody asks
        return made

    def to_json(self) -> dict[str, Any]:
        """The object that conda-meta holds; unknown keys of the record are kept."""
        data = self.record.to_json()
        data.update(
            package_tarball_full_path=self.package_tarball_full_path,
            extracted_package_dir=self.extracted_package_dir,
            files=list(self.files),
            paths_data={"paths_version": 1, "paths": [entry.to_json() for entry in self.paths]},
            link=self.link,
            requested_spec=self.requested_specs[0] if self.requested_specs else "",
            requested_specs=list(self.requested_specs),
        )
        return data

    def __repr__(self) -> str:
        return f"PrefixRecord({self.record.dist_name})"


def _source_of(channel: str) -> Any:
    return {"pypi": "pypi", "host": "interpreter"}.get(channel, "conda")


def _requested_specs(data: Mapping[str, Any]) -> tuple[str, ...]:
    specs = data.get("requested_specs")
    if specs:
        return tuple(specs)
    spec = data.get("requested_spec")
    return (spec,) if spec and spec != "None" else ()
