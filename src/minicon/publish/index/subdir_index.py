"""SubdirIndex: the records of a subdir as they are published, after patches."""

from __future__ import annotations

import json
from typing import NamedTuple

from minicon.constants import TARBALL_EXTENSION, WHEEL_EXTENSION
from minicon.publish.reading.package_entry import dump, with_section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from minicon.publish.index.patches import Patches
    from minicon.publish.reading.package_entry import PackageEntry

#: Sections that every repodata has, and those of revision 3 (CEP 48).
SECTIONS = ("packages", "packages.conda")
V3_SECTIONS = ("v3.conda", "v3.tar.bz2", "v3.whl")


class SubdirIndex(NamedTuple):
    """The published records of one subdir.

    Attributes:
        subdir: Platform directory.
        entries: By file name, sorted.
        removed: File names that patches withdraw, sorted.
        base_url: URL of the packages (CEP 15), or empty: they are beside the index.
        relations: The channel's relations (CEP 42), or empty.
    """

    subdir: str
    entries: Sequence[PackageEntry]
    removed: Sequence[str] = ()
    base_url: str = ""
    relations: Mapping[str, str] = {}

    @property
    def info(self) -> dict[str, Any]:
        """The ``info`` object of its repodata."""
        info: dict[str, Any] = {"subdir": self.subdir}
        if self.base_url:
            info["base_url"] = f"{self.base_url.rstrip('/')}/{self.subdir}/"
        if self.relations:
            info["channel_relations"] = dict(self.relations)
        if revision := _revision(self.entries):
            info["repodata_revisions"] = {"v3": revision}
        return info

    def patched(self, patches: Patches) -> SubdirIndex:
        """Return the index with patches applied."""
        names = patches.names
        entries, removed = [], []
        for entry in self.entries:
            if entry.fn not in names:
                entries.append(entry)
                continue
            record = patches.apply(entry.fn, json.loads(entry.record))
            if record is None:
                removed.append(entry.fn)
            else:
                entries.append(_with_record(entry, record))
        return self._replace(entries=entries, removed=removed)

    def limited_to(self, names: Iterable[str]) -> SubdirIndex:
        """Return the index with some of its packages only, by file name."""
        kept = frozenset(names)
        return self._replace(entries=[each for each in self.entries if each.fn in kept])

    def repodata(self) -> str:
        """Return ``repodata.json``, copied from the entries' texts."""
        version = 2 if self.base_url else 1
        parts = {
            "info": dump(self.info),
            **{section: _members(self.entries, section) for section in SECTIONS},
            "removed": dump(list(self.removed)),
            "repodata_version": dump(version),
        }
        v3 = {section: _members(self.entries, section) for section in V3_SECTIONS}
        if any(text != "{}" for text in v3.values()):
            parts["v3"] = _object({name.removeprefix("v3."): text for name, text in v3.items()})
        return _object(parts)

    def run_exports(self) -> str:
        """Return ``run_exports.json`` (CEP 12), which no patch changes."""
        listed: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
        for entry in self.entries:
            if not entry.fn.endswith(WHEEL_EXTENSION):
                section = "packages" if entry.fn.endswith(TARBALL_EXTENSION) else "packages.conda"
                listed[section][entry.fn] = entry.run_exports
        info = dump({"subdir": self.subdir, "version": 1})
        return _object({"info": info, **{name: _object(each) for name, each in listed.items()}})


def _with_record(entry: PackageEntry, record: dict[str, Any]) -> PackageEntry:
    """An entry with a patched record, whose license ``channeldata.json`` has too."""
    section, key, record = with_section(entry.fn, record)
    facts = {**json.loads(entry.facts), "license": record.get("license")}
    return entry._replace(
        section=section,
        key=key,
        timestamp=int(record.get("timestamp") or 0),
        record=dump(record),
        facts=dump({name: fact for name, fact in facts.items() if fact}),
    )


def _members(entries: Iterable[PackageEntry], section: str) -> str:
    found = {entry.key: entry.record for entry in entries if entry.section == section}
    return _object(dict(sorted(found.items())))


def _object(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{text}" for key, text in members.items()) + "}"


def _revision(entries: Iterable[PackageEntry]) -> dict[str, int]:
    """The object of revision 3: number of packages, and when the first and last were listed."""
    times = [
        json.loads(entry.record).get("indexed_timestamp") or 0
        for entry in entries
        if entry.section in V3_SECTIONS
    ]
    return {"n_packages": len(times), "newest": max(times), "oldest": min(times)} if times else {}
