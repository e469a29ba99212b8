"""Search the sources for the records that match a spec, newest last."""

from __future__ import annotations

import itertools

from minicon.api.plan.channel_indices import channel_indices
from minicon.counted import counted
from minicon.lean_dataclasses import dataclass, field, replace
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.subdir import check_subdir
from minicon.models.version import version_key
from minicon.repodata.shards.sharded_index import ShardedIndex
from minicon.solver.candidates.missing_names import not_cached

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from minicon.api.services import Services
    from minicon.api.sources import Sources
    from minicon.models.channel import Channel
    from minicon.models.indexes.record_index import RecordIndex
    from minicon.models.records import RepodataRecord


#: The cells of a row of a table.
Row = tuple[str, ...]
#: Fields of a spec that do not select builds of a version.
_PLAIN_FIELDS = {"name", "version", "channel", "subdir"}
#: How many names of a sharded index are prefetched together.
_PREFETCHED_NAMES = 200
#: Fetching more names than this is reported first.
_MANY_NAMES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The records that match, newest last within a name.

    Attributes:
        records: The records, unless rows were requested.
        rows: The rows that were made of the records.
        channels: Names of the sources that were searched.
        channel_urls: URLs of the subdirs of channels that were searched.
        notes: As :attr:`Sources.notes`.
        hint: A suggestion if nothing was found.
        run_exports: Run exports (CEP 12) by record, if requested and known.
    """

    records: tuple[RepodataRecord, ...] = ()
    rows: tuple[Row, ...] = ()
    channels: tuple[str, ...]
    channel_urls: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str | None = None
    run_exports: Mapping[RepodataRecord, Mapping[str, tuple[str, ...]]] = field(
        default_factory=dict
    )

    @property
    def is_empty(self) -> bool:
        """Whether nothing matches."""
        return not self.records and not self.rows


def search(
    services: Services,
    text: str,
    *,
    channels: tuple[str, ...] = (),
    override: bool = False,
    python: str | None = None,
    run_exports: bool = False,
    make_rows: Callable[[Sequence[RepodataRecord]], Iterable[Row]] | None = None,
) -> SearchResult:
    """Find records for a name, glob or MatchSpec.

    As in conda, a channel and a subdir in the spec select what is searched.

    Args:
        services: Sources and settings.
        text: The name, glob or MatchSpec.
        channels: Sources in order of priority.
        override: Use only those.
        python: Minor version that wheels must fit, for instance ``3.11``; None means any.
        run_exports: Also look up each record's run exports (CEP 12), and what wheels require.
        make_rows: Makes rows of the records of one name. Only these are kept: hundreds of
            thousands of records may match, and each takes 2.5 kB.

    Raises:
        SpecError: The text cannot be parsed.
        ChannelError: A named source cannot be reached.
    """
    (spec,) = services.with_channels([MatchSpec(text)])
    if spec.channel is not None and not channels and "*" not in spec.channel:
        channels, override = (spec.channel,), True
    sources = services.sources(channels, override=override)
    if spec.channel is not None:
        searched = tuple(channel for channel in sources.channels if spec.is_in(channel.name))
        sources = replace(sources, channels=searched)
    is_elsewhere = spec.subdir is not None and "*" not in spec.subdir
    subdirs = (check_subdir(spec.subdir),) if spec.subdir and is_elsewhere else None
    groups = channel_indices(services, sources, subdirs=subdirs)
    indices = [index for group in groups for index in group]
    records, rows = _kept(_groups(services, spec, indices), make_rows)
    is_missing = not records and not rows
    if is_missing and sources.pypi_for_missing_names and spec.exact_name:
        wheels = _wheels(services, spec, python, details=run_exports)
        records, rows = _kept([sorted(wheels, key=by_age)], make_rows)
        is_missing = not wheels
    partial = [i for i in indices if i.is_partial and spec.exact_name in i.names()]
    if is_missing and partial and not any(i.records_for(spec.exact_name or "") for i in partial):
        raise not_cached(spec.exact_name or "", partial[0].channel)
    return SearchResult(
        records=tuple(records),
        rows=tuple(rows),
        channels=sources.names,
        channel_urls=tuple(index.base_url.rstrip("/") for index in indices if index.base_url),
        notes=sources.notes,
        hint=_hint(services, spec, sources, groups) if is_missing else None,
        run_exports=_run_exports(services, sources.channels, records) if run_exports else {},
    )


def selects_builds(text: str) -> bool:
    """Whether a spec selects builds of a version, so that each of them is of interest."""
    return not MatchSpec(text).to_fields().keys() <= _PLAIN_FIELDS


def read_names(
    services: Services, indices: Sequence[RecordIndex], names: Iterable[str]
) -> Iterator[list[RepodataRecord]]:
    """Yield all records of each name, prefetching in batches; report first if they are many.

    Args:
        services: Whose reporter is notified.
        indices: The indexes, which do not keep the records.
        names: Of the packages.
    """
    sharded = [index for index in indices if isinstance(index, ShardedIndex)]
    if sharded:
        names = list(names)
        if len(names) > _MANY_NAMES:
            for many in sharded:
                _note_shards(services, many, names)
    left = iter(names)
    while batch := list(itertools.islice(left, _PREFETCHED_NAMES)):
        for index in indices:
            index.prefetch(batch)
        for name in batch:
            yield [record for index in indices for record in index.read_once(name)]


def _note_shards(services: Services, index: RecordIndex, names: Iterable[str]) -> None:
    count = sum(map(index.names().__contains__, names))
    if count > _MANY_NAMES:
        services.reporter.note(
            f"{index.channel}/{index.subdir} has one shard per name: up to "
            f"{counted(count, 'shard')} that are not cached have to be fetched"
        )


def _groups(
    services: Services, spec: MatchSpec, indices: Sequence[RecordIndex]
) -> Iterator[list[RepodataRecord]]:
    """Yield the matching records of each name, newest last."""
    admits = services.age_limits.admits
    names = sorted({name for index in indices for name in _names(spec, index)})
    for records in read_names(services, indices, names):
        yield sorted((r for r in records if spec.matches(r) and admits(r)), key=by_age)


def _kept(
    groups: Iterable[Sequence[RepodataRecord]],
    make_rows: Callable[[Sequence[RepodataRecord]], Iterable[Row]] | None,
) -> tuple[list[RepodataRecord], list[Row]]:
    """Return the records, or the rows that are made of them."""
    if make_rows is None:
        return [record for group in groups for record in group], []
    return [], [row for group in groups if group for row in make_rows(group)]


def _run_exports(
    services: Services, channels: Iterable[Channel], records: Iterable[RepodataRecord]
) -> dict[RepodataRecord, Mapping[str, tuple[str, ...]]]:
    by_name = {channel.name: channel for channel in channels}
    reader = services.channel_client.run_exports()
    found: dict[RepodataRecord, Mapping[str, tuple[str, ...]]] = {}
    for record in records:
        channel = by_name.get(record.channel)
        exports = reader.of(channel, record) if channel is not None else None
        if exports is not None:
            found[record] = exports
    return found


def _hint(
    services: Services, spec: MatchSpec, sources: Sources, groups: Sequence[Sequence[RecordIndex]]
) -> str | None:
    """Return a suggestion for a search without result."""
    indices = [index for group in groups for index in group]
    name = spec.exact_name
    if name is not None and not any(name in index.names() for index in indices):
        from minicon.api.plan.missing_packages import where_else

        found = where_else(services, name, sources.channels, groups)
        if found is not None:
            return found
    return _near(spec, indices)


def _wheels(
    services: Services, spec: MatchSpec, python: str | None, *, details: bool
) -> list[RepodataRecord]:
    """Return the final releases of a project as records for the newest python with a wheel.

    Args:
        services: Sources and settings.
        spec: What the records must match.
        python: Minor version that wheels must fit; None means any.
        details: Whether the records list what the wheels require, which has to be read.
    """
    from minicon.solver.joint.markers import applies, marker_environment

    index, version = services.wheel_index(), spec.version
    found = []
    for release in index.releases(index.pypi_name(spec.exact_name or "")):
        if release.version.is_prerelease:
            continue
        for minor in [python] if python else index.python_versions(release):
            file = index.file_for(release, f"{minor}.0")
            if file is not None and file.is_wheel:
                depends = [f"python {file.requires_python or '*'}"]
                if details and (version is None or version.contains(str(release.version))):
                    environment = marker_environment(f"{minor}.0", services.settings.platform)
                    depends += [
                        f"{each.name} {each.specifier}".strip()
                        for each in index.requirements(file)
                        if applies(each, environment)
                    ]
                found.append(index.record_for(release, file, f"{minor}.0", depends))
                break
    return [record for record in found if spec.matches(record)]


def _names(spec: MatchSpec, index: RecordIndex) -> Iterable[str]:
    if spec.exact_name is not None:
        return (spec.exact_name,)
    return (n for n in index.names_containing(spec.name.literal) if spec.name.matches(n))


def by_age(record: RepodataRecord) -> tuple[Any, ...]:
    """Sort key of a record among those of one name, the newest last."""
    return (version_key(record.version), record.build_number, record.timestamp)


def _near(spec: MatchSpec, indices: Sequence[RecordIndex]) -> str | None:
    name = spec.exact_name
    if name is None:  # a pattern is not misspelt
        return None
    if any(name in index.names() for index in indices):
        return f"it has other versions: 'minicon search {name}'"
    from minicon.models.near_names import near_names

    near = near_names(name, (each for index in indices for each in index.names()))
    return f"did you mean {', '.join(near)}?" if near else None
