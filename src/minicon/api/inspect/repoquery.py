"""Query whole channels, or an environment: a package's dependencies, and its dependents.

The answers consist of records, not of solutions: each dependency is represented by the newest
record that satisfies it, whether or not all of them are compatible.
"""

from __future__ import annotations

from itertools import chain

from minicon.api.dependency_graph import DependencyGraph, parsed_dependency
from minicon.api.inspect.searching import by_age, read_names
from minicon.api.plan.channel_indices import channel_indices
from minicon.constants import PYPI_CHANNEL
from minicon.errors import PackageNotFound, SpecError
from minicon.lean_dataclasses import dataclass
from minicon.models.indexes.record_index import RecordIndex
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.prefix_record import PrefixRecord
from minicon.prefix.environment.prefix import Prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.models.records import RepodataRecord


@dataclass(frozen=True, slots=True)
class Match:
    """A record in an answer, with the dependency that leads to it.

    Attributes:
        spec: The dependency's text.
        record: The record; None for a dependency that no record satisfies.
    """

    spec: str
    record: RepodataRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswer:
    """The result of a query.

    Attributes:
        roots: The records that were queried.
        matches: Their dependencies, or their dependents.
        packages: One record of each name in the answer.
    """

    roots: tuple[RepodataRecord, ...]
    matches: tuple[Match, ...]
    packages: tuple[RepodataRecord, ...]

    def graph(self) -> DependencyGraph:
        """Return the answer as a graph, for trees."""
        return _graph(self.packages)


class InstalledIndex(RecordIndex):
    """The records of an environment."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), "")
        self._records = {
            each.name: (each.record,) for each in Prefix(path, with_paths=False).require().records()
        }

    def names(self) -> Collection[str]:
        """As :meth:`RecordIndex.names`."""
        return self._records

    def records_for(self, name: str) -> Sequence[RepodataRecord]:
        """As :meth:`RecordIndex.records_for`."""
        return self._records.get(name, ())


class Catalogue:
    """All records of some sources, by name, newest first.

    Attributes:
        names: Names of the sources.
        notes: As :attr:`Sources.notes`.

    Args:
        services: Sources and settings.
        channels: Channels of the command line.
        override: Use only those.
        environment: Use only what is installed there.
    """

    def __init__(
        self,
        services: Services,
        channels: tuple[str, ...] = (),
        *,
        override: bool = False,
        environment: Path | None = None,
    ) -> None:
        self._services = services
        self._indices: list[RecordIndex]
        self.names: tuple[str, ...]
        self.notes: tuple[str, ...] = ()
        if environment is not None:
            self._indices, self.names = [InstalledIndex(environment)], (str(environment),)
            return
        sources = services.sources(channels, override=override)
        groups = channel_indices(services, sources)
        self._indices = [index for group in groups for index in group]
        self.names = sources.names
        self.notes = sources.notes

    def package_names(self) -> set[str]:
        """Return the names of all packages."""
        return {name for index in self._indices for name in index.names()}

    def records_for(self, name: str) -> list[RepodataRecord]:
        """Return all records of a name, newest first."""
        found = [record for index in self._indices for record in index.records_for(name)]
        return sorted(found, key=by_age, reverse=True)

    def matching(self, spec: MatchSpec) -> list[RepodataRecord]:
        """Return all records that match a spec with an exact name, newest first."""
        return [r for r in self.records_for(spec.exact_name or "") if spec.matches(r)]

    def everything(self, containing: str = "") -> Iterator[RepodataRecord]:
        """Yield every record, name by name; report it first if many files must be fetched.

        Args:
            containing: A text in ASCII; names none of whose records contain it may be left out.
        """
        for index in self._indices:
            names = index.names_of_records(containing)
            yield from chain.from_iterable(read_names(self._services, [index], names))


def dependencies_of(catalogue: Catalogue, text: str, *, recursive: bool = False) -> QueryAnswer:
    """Return the dependencies of the newest record of a spec, each by its newest record.

    Raises:
        SpecError: The spec has no exact name.
        PackageNotFound: No record matches it.
    """
    root = _roots(catalogue, text)[0]
    chosen = {root.name: root}
    matches: list[Match] = []
    queue = [root]
    for record in queue:  # grows while it is walked
        for name, texts in _by_name(record.depends).items():
            found = _newest(catalogue, name, texts)
            if found is None or name not in chosen:
                matches.append(Match(", ".join(texts), found))
            if found is not None and name not in chosen:
                chosen[name] = found
                queue += [found] if recursive else []
    return _answer([root], matches, chosen.values())


def dependents_of(
    catalogue: Catalogue,
    text: str,
    *,
    recursive: bool = False,
    all_builds: bool = False,
    brief: bool = False,
) -> QueryAnswer:
    """Return the dependents of a package. Reads every record of the sources once.

    Args:
        catalogue: The records to search.
        text: A spec: only dependencies that one of its records satisfies are considered.
        recursive: Include indirect dependents, by the newest record of each name.
        all_builds: Return every build, not only the newest dependent of each name.
        brief: Keep only :meth:`RepodataRecord.brief` of direct dependents, which may be hundreds
            of thousands.

    Raises:
        SpecError: The spec has no exact name.
        PackageNotFound: No record matches it.
    """
    roots = _roots(catalogue, text)
    if recursive:
        pairs = _newest_by_name((record, "") for record in catalogue.everything())
        newest = {record.name: record for record, _ in pairs}
        names = list(_graph(newest.values()).distances([roots[0].name], inverted=True))
        chosen = [newest[name] for name in names if name in newest]
        matches = [Match(_spec_for(r, names), r) for r in chosen if r.name != roots[0].name]
        return _answer(roots[:1], matches, chosen or roots[:1])
    pairs = _direct_dependents(catalogue, roots)
    if brief:
        pairs = ((record.brief(), text) for record, text in pairs)
    if not all_builds:
        pairs = _newest_by_name(pairs)
    found = sorted(pairs, key=lambda pair: by_age(pair[0]), reverse=True)
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
        searched = [name for name in catalogue.names if name != PYPI_CHANNEL]
        message = f"no package matches {text!r} in {', '.join(searched) or 'no channel'}"
        hint = f"PyPI: 'minicon search {spec.exact_name} --info'; what is installed: -n NAME"
        has_pypi = len(searched) < len(catalogue.names)
        raise PackageNotFound("no-match", message, hint=hint if has_pypi else None)
    return found


def _by_name(depends: Iterable[str]) -> dict[str, list[str]]:
    """Group dependencies by the name of the package."""
    texts: dict[str, list[str]] = {}
    for text in dict.fromkeys(depends):
        spec = parsed_dependency(text)
        name = spec.exact_name if spec is not None else None
        texts.setdefault(name or text, []).append(text)
    return texts


def _newest(catalogue: Catalogue, name: str, texts: Iterable[str]) -> RepodataRecord | None:
    """Return the newest record that satisfies all of some dependencies on one name."""
    specs = [parsed_dependency(text) for text in texts]
    fitting = (
        record
        for record in catalogue.records_for(name)
        if all(spec is not None and spec.matches(record) for spec in specs)
    )
    return next(fitting, None)


def _direct_dependents(
    catalogue: Catalogue, roots: Sequence[RepodataRecord]
) -> Iterable[tuple[RepodataRecord, str]]:
    """Yield records with their dependency on a root."""
    target = roots[0].name
    accepted: dict[str, bool] = {}
    for record in catalogue.everything(target):
        for text in record.data.get("depends") or ():
            if target not in text:
                continue
            if text not in accepted:
                accepted[text] = _accepts(text, roots)
            if accepted[text]:
                yield record, text
                break


def _accepts(text: str, roots: Sequence[RepodataRecord]) -> bool:
    spec = parsed_dependency(text)
    if spec is None or spec.exact_name != roots[0].name:
        return False
    return any(spec.matches(root) for root in roots)


def _newest_by_name(
    found: Iterable[tuple[RepodataRecord, str]],
) -> Iterable[tuple[RepodataRecord, str]]:
    """Return the newest record of each name, with the text that came with it."""
    newest: dict[str, tuple[RepodataRecord, str]] = {}
    for record, text in found:
        known = newest.get(record.name)
        if known is None or by_age(record) > by_age(known[0]):
            newest[record.name] = record, text
    return newest.values()


def _spec_for(record: RepodataRecord, names: Sequence[str]) -> str:
    known = set(names)
    return next((text for text in record.depends if text.split(" ", 1)[0] in known), "")


def _answer(
    roots: Sequence[RepodataRecord], matches: Sequence[Match], chosen: Iterable[RepodataRecord]
) -> QueryAnswer:
    return QueryAnswer(roots=tuple(roots), matches=tuple(matches), packages=tuple(chosen))


def _graph(records: Iterable[RepodataRecord]) -> DependencyGraph:
    installed = (PrefixRecord(record, files=(), paths=()) for record in records)
    return DependencyGraph(installed, platform="")
