"""``current_repodata.json``: the newest version of every name, and what these versions depend on.

The rules are those of conda-index: all builds of the newest version; where a dependency of those is
not among them, the newest version that satisfies it; and where the newest version has features,
one version without. Older clients load it first, because it is small.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from minicon.errors import SpecError
from minicon.models.match_spec.spec import MatchSpec, parse_dependency
from minicon.models.records import RepodataRecord
from minicon.models.version import version_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from minicon.publish.index.subdir_index import SubdirIndex
    from minicon.publish.reading.package_entry import PackageEntry


class _Candidate(NamedTuple):
    """An entry with the sort key of its version, and its record."""

    version: bytes
    entry: PackageEntry
    record: RepodataRecord


class _Releases:
    """All builds in a subdir by name, newest first; records are decoded when they are needed."""

    def __init__(self, entries: Iterable[PackageEntry]) -> None:
        self._entries: dict[str, list[PackageEntry]] = {}
        for entry in entries:
            self._entries.setdefault(entry.name, []).append(entry)
        self._decoded: dict[str, list[_Candidate]] = {}

    @property
    def names(self) -> Iterable[str]:
        return self._entries.keys()

    def newest(self, name: str) -> list[_Candidate]:
        """The builds of the newest version."""
        entries = self._entries[name]
        if len({entry.version for entry in entries}) > 1:
            best = max(version_key(entry.version) for entry in entries)
            entries = [entry for entry in entries if version_key(entry.version) == best]
        return [_candidate(entry) for entry in entries]

    def all(self, name: str) -> list[_Candidate]:
        """All builds, newest first."""
        if name not in self._decoded:
            found = [_candidate(entry) for entry in self._entries.get(name, ())]
            found.sort(key=_order, reverse=True)
            self._decoded[name] = found
        return self._decoded[name]


def current_names(index: SubdirIndex, kept: Mapping[str, Sequence[str]] | None = None) -> set[str]:
    """Return the file names of the packages that ``current_repodata.json`` lists.

    Args:
        index: The subdir.
        kept: Further versions to list, by name: ``{"python": ["3.11", "3.12"]}``.
    """
    releases = _Releases(_without_duplicates(index.entries))
    chosen = {name: releases.newest(name) for name in releases.names}
    for name, versions in (kept or {}).items():
        for version in versions:
            chosen.setdefault(name, []).extend(_of_version(releases, name, version))
    missing = [
        found
        for text in {text for each in chosen.values() for c in each for text in c.record.depends}
        for found in _missing(releases, chosen, text)
    ]
    for candidate in missing:
        chosen[candidate.entry.name].append(candidate)
    plain = [c for name, each in chosen.items() for c in _without_features(releases, name, each)]
    return {c.entry.fn for c in (*plain, *(c for each in chosen.values() for c in each))}


def _missing(
    releases: _Releases, chosen: Mapping[str, Sequence[_Candidate]], text: str
) -> list[_Candidate]:
    """The builds of the newest version that satisfies a dependency, unless one is chosen."""
    try:
        spec = parse_dependency(text)
    except SpecError:
        return []
    name = spec.exact_name
    if name is None or any(spec.matches(c.record) for c in chosen.get(name, ())):
        return []
    found = next((c for c in releases.all(name) if spec.matches(c.record)), None)
    return [] if found is None else _of_version(releases, name, found.record.version)


def _of_version(releases: _Releases, name: str, version: str) -> list[_Candidate]:
    spec = MatchSpec.from_fields(name=name, version=f"={version}")
    return [c for c in releases.all(name) if spec.matches(c.record)]


def _without_features(
    releases: _Releases, name: str, chosen: Sequence[_Candidate]
) -> list[_Candidate]:
    if not any(_has_features(c) for c in chosen):
        return []
    latest = max(c.version for c in chosen)
    usable = (c for c in releases.all(name) if c.version <= latest and not _has_features(c))
    return [found] if (found := next(usable, None)) else []


def _has_features(candidate: _Candidate) -> bool:
    return bool(candidate.record.track_features or candidate.record.features)


def _candidate(entry: PackageEntry) -> _Candidate:
    data = json.loads(entry.record)
    record = RepodataRecord(data, channel="", subdir="", fn=entry.fn, url="")
    return _Candidate(version_key(entry.version), entry, record)


def _order(candidate: _Candidate) -> tuple[Any, ...]:
    record = candidate.record
    return (candidate.version, record.build_number, record.timestamp, record.build)


def _without_duplicates(entries: Sequence[PackageEntry]) -> Iterable[PackageEntry]:
    """Leave out each ``.tar.bz2`` that also exists as ``.conda``, as clients do."""
    stems = {entry.fn.removesuffix(".conda") for entry in entries if entry.fn.endswith(".conda")}
    return (entry for entry in entries if entry.fn.removesuffix(".tar.bz2") not in stems)
