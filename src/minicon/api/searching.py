"""Search: what the sources offer for a spec, newest first."""

from __future__ import annotations

from minicon.api.indices import channel_indices
from minicon.api.sources import choose_sources
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec import MatchSpec
from minicon.models.version import version_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from minicon.api.services import Services
    from minicon.api.sources import Sources
    from minicon.models.record_index import RecordIndex
    from minicon.models.records import RepodataRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """Records that match, newest first within a name, and where was looked."""

    records: tuple[RepodataRecord, ...]
    channels: tuple[str, ...]
    notes: tuple[str, ...] = ()
    hint: str | None = None


def search(
    services: Services,
    text: str,
    *,
    channels: tuple[str, ...] = (),
    override: bool = False,
    python: str | None = None,
) -> SearchResult:
    """Find records for a name, glob or MatchSpec.

    Args:
        services: Sources and settings.
        text: What is searched for.
        channels: Sources in order of priority.
        override: Only those.
        python: Minor version that wheels must fit, for instance ``3.11``; None means any.

    Raises:
        SpecError: The text cannot be read.
        ChannelError: A named source cannot be asked.
    """
    spec = MatchSpec(text)
    sources = choose_sources(
        services.settings,
        channels,
        override=override,
        is_reachable=services.channel_client.is_reachable,
    )
    groups = channel_indices(services, sources)
    indices = [index for group in groups for index in group]
    names = sorted({name for index in indices for name in _names(spec, index)})
    records = [
        record
        for name in names
        for index in indices
        for record in index.records_for(name)
        if spec.matches(record) and services.age_limits.admits(record)
    ]
    if not records and sources.pypi_for_missing_names and spec.exact_name:
        records = _wheels(services, spec, python)
    return SearchResult(
        records=tuple(sorted(records, key=newest_first, reverse=True)),
        channels=sources.names,
        notes=tuple(f"{channel.name} cannot be reached" for channel in sources.skipped),
        hint=None if records else _hint(services, spec, sources, groups),
    )


def _hint(
    services: Services, spec: MatchSpec, sources: Sources, groups: Sequence[Sequence[RecordIndex]]
) -> str | None:
    """What may help where nothing was found."""
    indices = [index for group in groups for index in group]
    name = spec.exact_name
    if name is not None and not any(name in index.names() for index in indices):
        from minicon.api.elsewhere import where_else

        found = where_else(services, name, sources.channels, groups)
        if found is not None:
            return found
    return _near(spec, indices)


def _wheels(services: Services, spec: MatchSpec, python: str | None) -> list[RepodataRecord]:
    """Releases of the project of that name, each for the newest python that has a wheel of it."""
    index = services.wheel_index()
    found = []
    for release in index.releases(index.pypi_name(spec.exact_name or "")):
        if release.version.is_prerelease:
            continue
        for minor in [python] if python else index.python_versions(release):
            file = index.file_for(release, f"{minor}.0")
            if file is not None and file.is_wheel:
                found.append(index.record_for(release, file, f"{minor}.0", ()))
                break
    return [record for record in found if spec.matches(record)]


def _names(spec: MatchSpec, index: RecordIndex) -> Iterable[str]:
    if spec.exact_name is not None:
        return (spec.exact_name,)
    return (name for name in index.names() if spec.name.matches(name))


def newest_first(record: RepodataRecord) -> tuple[Any, ...]:
    """A key to sort records by, in reverse: names ascend, versions and builds descend."""
    # Names ascend while everything else descends; the caller reverses.
    backwards = tuple(-ord(character) for character in record.name)
    return (backwards, version_key(record.version), record.build_number, record.timestamp)


def _near(spec: MatchSpec, indices: Iterable[RecordIndex]) -> str | None:
    names = {name for index in indices for name in index.names()}
    import difflib

    near = difflib.get_close_matches(spec.exact_name or "", names, n=3)
    if spec.exact_name in names:
        return f"there are other versions: 'minicon search {spec.exact_name}'"
    return f"did you mean {', '.join(near)}?" if near else None
