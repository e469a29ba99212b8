"""PrefixRecord: an installed package (``conda-meta/NAME-VERSION-BUILD.json``)."""

from __future__ import annotations

import contextlib

from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_files import PathsEntry, PathType, StoredEntries, cut_out_paths
from minicon.models.record_checks import check_record_values
from minicon.models.records import RepodataRecord
from minicon.models.strict_json import read_json
from minicon.redaction import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

#: Strings that are parts of a record's file name: no path separators; the build may be empty.
_PLAIN = lazy_pattern(r"[^/\\\x00-\x1f\x7f]{0,200}\Z")
#: Keys of the installation, not of the package.
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
#: Keys whose values can contain URLs.
_PUBLIC_KEYS = frozenset({"channel", "requested_spec", "requested_specs", "url"})


class LinkType:
    """The values of ``link.type`` (CEP 32, conda's numbers)."""

    HARDLINK = 1
    SOFTLINK = 2
    COPY = 3


class PrefixRecord:
    """A package that is installed in a prefix, with all of its files.

    Attributes:
        record: The package.
        files: Paths relative to the prefix, generated files (pyc, entry points) included.
        paths: One :class:`PathsEntry` per file, with hashes after prefix replacement.
        requested_specs: Specs of the user that requested the package; empty for a dependency.
        link: ``{"source": extracted directory, "type": LinkType}``.
        extracted_package_dir: Directory in the package cache that it was linked from.
        package_tarball_full_path: Archive in the package cache, or an empty string.
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
        self._paths: tuple[PathsEntry, ...] | StoredEntries = tuple(paths)
        self.requested_specs = tuple(requested_specs)
        self.link = dict(link or {})
        self.extracted_package_dir = extracted_package_dir
        self.package_tarball_full_path = package_tarball_full_path

    @property
    def paths(self) -> tuple[PathsEntry, ...]:
        """One entry per file, parsed from JSON on first use.

        Most commands need :attr:`files` only, and an environment has tens of thousands.
        """
        if isinstance(self._paths, StoredEntries):
            self._paths = tuple(self.each_path())
        return self._paths

    def each_path(self) -> Iterator[PathsEntry]:
        """Yield :attr:`paths`; those that are not parsed are not kept."""
        if isinstance(self._paths, StoredEntries):
            return map(PathsEntry.from_json, self._paths.each())
        return iter(self._paths)

    @property
    def paths_with_prefix(self) -> tuple[PathsEntry, ...]:
        """Entries of files that contain the environment's path: rewritten and generated ones."""
        if isinstance(self._paths, StoredEntries):
            return tuple(map(PathsEntry.from_json, self._paths.with_path))
        return tuple(
            entry
            for entry in self._paths
            if entry.prefix_placeholder or entry.path_type in PathType.SCRIPTS
        )

    @property
    def name(self) -> str:
        """Package name."""
        return self.record.name

    @property
    def file_name(self) -> str:
        """Name of the record's file in ``conda-meta/``."""
        return f"{self.record.dist_name}.json"

    @classmethod
    def from_bytes(cls, text: bytes, *, with_paths: bool = True) -> PrefixRecord:
        """Parse a file of ``conda-meta``.

        Args:
            text: The file.
            with_paths: False if :attr:`paths` are not needed: they may be missing, and are not
                checked.

        Raises:
            ValueError, KeyError, TypeError, SpecError: It is no record.
        """
        found = cut_out_paths(text)
        if found is not None:
            with contextlib.suppress(ValueError):  # a string looked like the end of the list
                data = read_json(found[0])
                entries = StoredEntries.of_text(found[1] if with_paths else b"")
                if (data.get("paths_data") or {}).get("paths") == []:
                    return cls.from_json(data, entries)
        return cls.from_json(read_json(text))

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], entries: StoredEntries | None = None
    ) -> PrefixRecord:
        """Parse a conda-meta object that conda, mamba, pixi or minicon wrote.

        Accepts a channel with or without the subdir, and the string "None" that old versions of
        conda wrote as requested_spec.

        Args:
            data: The object.
            entries: Its list of files, if that was cut out.

        Raises:
            KeyError, TypeError, SpecError: The object is invalid.
        """
        check_record_values(data, str(data.get("fn"))[:120])
        if not all(_PLAIN.match(_text(data, key)) for key in ("name", "version", "build")):
            raise KeyError("name")
        if type(data.get("build_number") or 0) is not int:
            raise TypeError("build_number")
        subdir = _text(data, "subdir") or "noarch"
        data = without_secrets_in(data)
        channel = str(data.get("channel") or "").rstrip("/").removesuffix(f"/{subdir}")
        package = {key: value for key, value in data.items() if key not in _PREFIX_KEYS}
        fn = _text(data, "fn") or f"{data['name']}-{data['version']}-{data['build']}"
        if entries is None:
            entries = StoredEntries.of((data.get("paths_data") or {}).get("paths") or [])
        record = cls(
            RepodataRecord(
                package,
                channel=channel,
                subdir=subdir,
                fn=fn,
                url=_text(data, "url"),
                source=_source_of(channel),
            ),
            files=_texts(data, "files"),
            paths=(),
            requested_specs=_requested_specs(data),
            link=data.get("link") or {},
            extracted_package_dir=_text(data, "extracted_package_dir"),
            package_tarball_full_path=_text(data, "package_tarball_full_path"),
        )
        record._paths = entries  # parsed on first use
        return record

    def to_json(self) -> dict[str, Any]:
        """The JSON object for conda-meta; unknown keys of the record are kept."""
        data = self.record.to_json()
        requested = list(map(without_secrets, self.requested_specs))
        data.update(
            package_tarball_full_path=self.package_tarball_full_path,
            extracted_package_dir=self.extracted_package_dir,
            files=list(self.files),
            paths_data={
                "paths_version": 1,
                "paths": [entry.to_prefix_json() for entry in self.paths],
            },
            link=self.link,
            requested_spec=requested[0] if requested else "",
            requested_specs=requested,
        )
        return data

    def __repr__(self) -> str:
        return f"PrefixRecord({self.record.dist_name})"


def _source_of(channel: str) -> Any:
    return {"pypi": "pypi", "host": "interpreter"}.get(channel, "conda")


def without_secrets_in(data: Mapping[str, Any]) -> dict[str, Any]:
    """A record's JSON object without the tokens that other tools leave in URLs."""
    return {key: _public(value) if key in _PUBLIC_KEYS else value for key, value in data.items()}


def _public(value: Any) -> Any:
    if isinstance(value, list):
        return list(map(_public, value))
    return without_secrets(value) if isinstance(value, str) else value


def _requested_specs(data: Mapping[str, Any]) -> tuple[str, ...]:
    specs = _texts(data, "requested_specs")
    if specs:
        return tuple(specs)
    spec = _text(data, "requested_spec")
    return (spec,) if spec and spec != "None" else ()


def _text(data: Mapping[str, Any], key: str) -> str:
    found = data.get(key) or ""
    if not isinstance(found, str):
        raise TypeError(key)
    return found


def _texts(data: Mapping[str, Any], key: str) -> Sequence[str]:
    found = data.get(key) or ()
    if not isinstance(found, list | tuple) or not set(map(type, found)) <= {str}:
        raise TypeError(key)
    return found
