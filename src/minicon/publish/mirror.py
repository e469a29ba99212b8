"""Mirrors of a part of a channel: which records they need, and how they keep them as published.

A mirror is an ordinary channel. Where the source's records differ from what the archives say,
because of its patches, the mirror has patch instructions that say the same.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque

from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.spec import MatchSpec, parse_dependency
from minicon.publish.reading.package_entry import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from minicon.models.indexes.record_index import RecordIndex
    from minicon.models.records import RepodataRecord

#: Keys that say where a file is, or that only shards have.
_OF_THE_SOURCE = ("url", "fn", "run_exports")


@dataclass(frozen=True, slots=True)
class Closure:
    """The packages that a mirror needs.

    Attributes:
        records: Of all subdirs, in the order in which they were found.
        missing: Dependencies that no record satisfies, as MatchSpec strings.
    """

    records: tuple[RepodataRecord, ...]
    missing: tuple[str, ...]


def closure_of(
    indices: Sequence[RecordIndex], specs: Iterable[MatchSpec], *, newest: bool = False
) -> Closure:
    """Return every package that an environment with these specs may contain.

    Args:
        indices: Of the channel, one for each subdir.
        specs: The specs; conditions are followed whether they are met or not.
        newest: Whether to take, for each spec, only the builds of the newest version that
            satisfies it.

    Raises:
        ChannelError: Records cannot be fetched.
    """
    left = deque(specs)
    seen = set(left)
    found: dict[RepodataRecord, None] = {}
    missing: dict[str, None] = {}
    while left:
        spec = left.popleft()
        records = _matching(indices, spec, newest=newest)
        if not records:
            missing[str(spec)] = None
        for record in records:
            texts = [] if record in found else list(record.depends)
            texts += [text for extra in spec.extras for text in record.extra_depends.get(extra, ())]
            found[record] = None
            needed = _parsed(texts)
            left.extend(each for each in needed if each not in seen)
            seen.update(needed)
    return Closure(tuple(found), tuple(missing))


def _matching(
    indices: Sequence[RecordIndex], spec: MatchSpec, *, newest: bool
) -> list[RepodataRecord]:
    from minicon.models.version import version_key

    name = spec.exact_name
    found = [r for i in indices for r in i.records_for(name or "") if spec.matches(r)]
    if newest and found:
        best = max(version_key(record.version) for record in found)
        found = [record for record in found if version_key(record.version) == best]
    return found


def _parsed(texts: Iterable[str]) -> list[MatchSpec]:
    """The dependencies on packages of channels, without their conditions."""
    specs = []
    for text in texts:
        with contextlib.suppress(SpecError):  # no client can use such a record
            spec = parse_dependency(text)
            if spec.exact_name and not spec.exact_name.startswith("__"):
                specs.append(spec.replace(when=None) if spec.when else spec)
    return specs


def instructions_for(
    records: Iterable[RepodataRecord], before: Mapping[str, Any], repodata: Mapping[str, Any]
) -> bytes:
    """Return patch instructions that give archives the records of their source.

    Args:
        records: Of the source, in one subdir.
        before: The subdir's present instructions, kept for other archives.
        repodata: What the archives say.
    """
    stated = {**repodata["packages"], **repodata["packages.conda"]}
    for extension, section in repodata.get("v3", {}).items():
        for key, record in section.items():
            stated[record.get("fn") or f"{key}.{extension}"] = record
    changes = {
        record.fn: difference
        for record in records
        if record.fn in stated
        and (difference := _difference(stated[record.fn], _published(record)))
    }
    listed = {record.fn for record in records}
    kept = {
        key: {fn: change for fn, change in before.get(key, {}).items() if fn not in listed}
        for key in ("packages", "packages.conda")
    }
    for fn, change in changes.items():
        kept["packages.conda" if fn.endswith(".conda") else "packages"][fn] = change
    others = {key: value for key, value in before.items() if key not in kept}
    document = {**others, **{key: value for key, value in kept.items() if value}}
    return dump({"patch_instructions_version": 1, **document} if document else {}).encode()


def _published(record: RepodataRecord) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(dict(record.data)))
    return {key: value for key, value in found.items() if key not in _OF_THE_SOURCE}


def _difference(stated: Mapping[str, Any], published: Mapping[str, Any]) -> dict[str, Any]:
    """The keys to change, with None for those to remove."""
    changed = {key: value for key, value in published.items() if stated.get(key) != value}
    gone = [key for key in stated if key not in published and key not in _OF_THE_SOURCE]
    return {**changed, **dict.fromkeys(gone)}
