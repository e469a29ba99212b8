"""Questions to whole channels, without an environment: what a package needs, and who needs it.

The answers are about records, not about solutions: each dependency is answered by the newest
record that meets it by itself, whether or not all of them fit together.
"""

from __future__ import annotations

from minicon.api.inspect.dependency_graph import DependencyGraph
from minicon.api.inspect.searching import newest_first, read_names
from minicon.api.plan.indices import channel_indices
from minicon.api.plan.sources import choose_sources
from minicon.errors import PackageNotFound, SpecError
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.spec import MatchSpec, parse_dependency
from minicon.models.prefix_record import PrefixRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minicon.api.services import Services
    from minicon.models.record_index import RecordIndex
    from minicon.models.records import RepodataRecord


@dataclass(frozen=True, slots=True)
class Match:
    """A record in an answer, with the dependency that brought it there.

    Attributes:
        spec: The dependency's text.
        record: The record; None for a dependency that no record meets.
    """

    spec: str
    record: RepodataRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswer:
    """What a query found.

    Attributes:
        roots: The records that were asked about.
        matches: What they need, or what needs them.
        graph: The same as a graph, for trees.
    """

    roots: tuple[RepodataRecord, ...]
    matches: tuple[Match, ...]
    graph: DependencyGraph


class Catalogue:
    """All records of some sources, by name, newest first.

    Args:
        services: Sources and settings.
        channels: Named on the command line.
        override: Only those.
    """

    def __init__(
        self, services: Services, channels: tuple[str, ...] = (), *, override: bool = False
    ) -> None:
        self._services = services
        sources = choose_sources(
            services.settings,
            channels,
            override=override,
            is_reachable=services.channel_client.is_reachable,
        )
        self.sources = sources
        groups = channel_indices(services, sources)
        self._indices: list[RecordIndex] = [index for group in groups for index in group]

    def records_for(self, name: str) -> list[RepodataRecord]:
        """All records of a name, newest first."""
        found = [record for index in self._indices for record in index.records_for(name)]
        return sorted(found, key=newest_first, reverse=True)

    def matching(self, spec: MatchSpec) -> list[RepodataRecord]:
        """All records that a spec of one name means, newest first."""
        return [r for r in self.records_for(spec.exact_name or "") if spec.matches(r)]

    def everything(self) -> Iterator[RepodataRecord]:
        """Every record, a name after the other. Says so first if that fetches a lot."""
        for index in self._indices:
            yield from read_names(self._services, index, index.names())


def dependencies_of(catalogue: Catalogue, text: str, *, recursive: bool = False) -> QueryAnswer:
    """What the newest record of a spec needs, each dependency by its newest record.

    Raises:
        SpecError: The spec does not name one package.
        PackageNotFound: Nothing matches it.
    """
    root = _roots(catalogue, text)[0]
    chosen = {root.name: root}
    matches: list[Match] = []
    waiting = [root]
    while waiting:
        for name, texts in _by_name(waiting.pop(0).depends).items():
            found = _newest(catalogue, name, texts)
            if found is None or name not in chosen:
                matches.append(Match(", ".join(texts), found))
            if found is not None and name not in chosen:
                chosen[name] = found
                waiting += [found] if recursive else []
    return _answer([root], matches, chosen.values())


def dependents_of(
    catalogue: Catalogue, text: str, *, recursive: bool = False, all_builds: bool = False
) -> QueryAnswer:
    """Who needs a package. Costs reading every record of the sources once.

    Args:
        catalogue: Where to look.
        text: A spec: only dependencies that one of its records would meet count.
        recursive: Also who needs those; the newest record of each name decides.
        all_builds: Every build; else the newest of each name that needs it.

    Raises:
        SpecError: The spec does not name one package.
        PackageNotFound: Nothing matches it.
    """
    roots = _roots(catalogue, text)
    if recursive:
        newest = _newest_by_name(catalogue)
        graph = DependencyGraph(map(_as_installed, newest.values()), platform="")
        names = _all_above(graph, roots[0].name)
        chosen = [newest[name] for name in names if name in newest]
        matches = [Match(_spec_for(r, names), r) for r in chosen if r.name != roots[0].name]
        return _answer(roots[:1], matches, chosen or roots[:1])
    found = _direct_dependents(catalogue, roots)
    if not all_builds:
        found = list({record.name: (record, text) for record, text in reversed(found)}.values())
        found.sort(key=lambda pair: pair[0].name)
    records = {record.name: record for record, _ in reversed(found)}
    records.setdefault(roots[0].name, roots[0])
    return _answer(roots[:1], [Match(text, record) for record, text in found], records.values())


def _roots(catalogue: Catalogue, text: str) -> list[RepodataRecord]:
    spec = MatchSpec(text)
    if spec.exact_name is None:
        raise SpecError("inexact-name", f"{text!r} does not name one package")
    found = catalogue.matching(spec)
    if not found:
        where = ", ".join(catalogue.sources.names) or "no source"
        raise PackageNotFound("no-match", f"nothing matches {text!r} in {where}")
    return found


def _by_name(depends: Iterable[str]) -> dict[str, list[str]]:
    """Dependency texts by the name that they are about."""
    texts: dict[str, list[str]] = {}
    for text in dict.fromkeys(depends):
        spec = _parsed(text)
        name = spec.exact_name if spec is not None else None
        texts.setdefault(name or text, []).append(text)
    return texts


def _newest(catalogue: Catalogue, name: str, texts: Iterable[str]) -> RepodataRecord | None:
    """The newest record that meets all of some dependencies on one name."""
    specs = [_parsed(text) for text in texts]
    fitting = (
        record
        for record in catalogue.records_for(name)
        if all(spec is not None and spec.matches(record) for spec in specs)
    )
    return next(fitting, None)


def _parsed(text: str) -> MatchSpec | None:
    try:
        return parse_dependency(text)
    except SpecError:
        return None


def _direct_dependents(
    catalogue: Catalogue, roots: Sequence[RepodataRecord]
) -> list[tuple[RepodataRecord, str]]:
    """Records and the dependency by which they need a root, newest first within a name."""
    target = roots[0].name
    accepted: dict[str, bool] = {}
    found = []
    for record in catalogue.everything():
        for text in record.data.get("depends") or ():
            if target not in text:
                continue
            if text not in accepted:
                accepted[text] = _accepts(text, roots)
            if accepted[text]:
                found.append((record, text))
                break
    return sorted(found, key=lambda pair: newest_first(pair[0]), reverse=True)


def _accepts(text: str, roots: Sequence[RepodataRecord]) -> bool:
    spec = _parsed(text)
    if spec is None or spec.exact_name != roots[0].name:
        return False
    return any(spec.matches(root) for root in roots)


def _newest_by_name(catalogue: Catalogue) -> dict[str, RepodataRecord]:
    newest: dict[str, RepodataRecord] = {}
    for record in catalogue.everything():
        known = newest.get(record.name)
        if known is None or newest_first(record) > newest_first(known):
            newest[record.name] = record
    return newest


def _all_above(graph: DependencyGraph, name: str) -> list[str]:
    names = {name: None}
    waiting = [name]
    while waiting:
        for edge in graph.needed_by(waiting.pop(0)):
            if edge.parent not in names:
                names[edge.parent] = None
                waiting.append(edge.parent)
    return list(names)


def _spec_for(record: RepodataRecord, names: Sequence[str]) -> str:
    above = set(names)
    return next((text for text in record.depends if text.split(" ", 1)[0] in above), "")


def _answer(
    roots: Sequence[RepodataRecord], matches: Sequence[Match], chosen: Iterable[RepodataRecord]
) -> QueryAnswer:
    graph = DependencyGraph(map(_as_installed, chosen), platform="")
    return QueryAnswer(roots=tuple(roots), matches=tuple(matches), graph=graph)


def _as_installed(record: RepodataRecord) -> PrefixRecord:
    return PrefixRecord(record, files=(), paths=())
