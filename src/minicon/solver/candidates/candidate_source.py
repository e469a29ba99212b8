"""The candidates of package names: which records of which channels a request allows."""

from __future__ import annotations

from functools import partial
from itertools import chain, takewhile

from minicon.models.match_spec.spec import MatchSpec, channel_matches
from minicon.models.package_names import normalize_pypi_name
from minicon.solver.candidates.candidate_order import Row, sort_records
from minicon.solver.candidates.candidate_table import (
    FEATURE,
    PYPI,
    REQUEST,
    compile_extra,
    compile_feature,
    compile_request,
    compile_table,
    with_dependency,
)
from minicon.solver.candidates.candidates import Candidates
from minicon.solver.candidates.stored_tables import Group, StoredTables
from minicon.solver.request import ChannelPriority, Strategy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from minicon.models.indexes.record_index import RecordIndex
    from minicon.models.records import RepodataRecord
    from minicon.solver.candidates.candidate_table import CandidateTable
    from minicon.solver.request import SolveRequest


class CandidateSource:
    """Finds and compiles the candidates of package names, each name once.

    A name's candidates come from the channels that the channel priority allows (under strict
    priority, the first channel that has the name), or from the channels that a spec of the user
    names. An installed record is always a candidate, even if its channel no longer has it.
    """

    def __init__(self, request: SolveRequest) -> None:
        self._request = request
        self._age_limits = request.age_limits
        self._compiled: dict[str, Candidates] = {}
        self._stored = StoredTables(request.tables)
        self._groups: dict[tuple[str, ...], Group] = {}
        self._projects: Callable[[str], Candidates] | None = None
        self._announced: set[str] = set()
        self._virtual = {package.name: package for package in request.virtual_packages}
        self._installed = {
            installed.name: installed.record
            for installed in request.installed
            if installed.record.source != "pypi"
        }
        self._demanded: dict[str, list[str]] = {}
        for spec in chain(request.specs, request.history, request.pins, request.constraints):
            if spec.channel and spec.exact_name:
                self._demanded.setdefault(spec.exact_name, []).extend(spec.channels)
        self._lowest = (
            frozenset(_requested(request))
            if request.strategy is Strategy.LOWEST
            else frozenset[str]()
        )

    def prefetch(self) -> None:
        """Let the channels fetch the records that will be needed first."""
        request = self._request
        specs = chain(request.specs, request.history, request.pins, request.constraints)
        names = [spec.exact_name for spec in specs if spec.exact_name]
        names += ["python"] if request.requirements or request.history_requirements else []
        self._prefetch(dict.fromkeys([*names, *self._installed]))

    def candidates(self, name: str) -> Candidates:
        """The candidates of a name; empty if no allowed channel has it."""
        found = self._compiled.get(name)
        if found is None:
            found = self._compiled[name] = self._compile(name)
        return found

    def set_projects(self, find: Callable[[str], Candidates]) -> None:
        """Set what finds the candidates of variables for Python projects; forget earlier ones."""
        self._projects = find
        for name in [name for name in self._compiled if name.startswith(PYPI)]:
            del self._compiled[name]

    def conditional(
        self, spec: MatchSpec, *, optional: bool = False, target: str | None = None
    ) -> str:
        """The variable whose presence enforces a spec with a condition.

        Args:
            spec: The spec.
            optional: True for a pin or constraint: its package may also be absent.
            target: A variable that must be present instead where the condition is met.

        Returns:
            The variable's name.
        """
        name = f"{REQUEST}{target or ''}{spec}"
        if name not in self._compiled:
            table = compile_request(name, spec, optional=optional, target=target)
            self._compiled[name] = Candidates(table, ())
        return name

    def installed_position(self, name: str) -> int | None:
        """Position of the installed record among the candidates; None if it is not installed."""
        record = self._installed.get(name)
        if record is None:
            return None
        return _position(self.candidates(name), record)

    def is_installed(self, name: str, text: str) -> bool:
        """Whether an installed package, or a virtual package, matches a MatchSpec."""
        candidates = self.candidates(name)
        position = 0 if candidates.fixed and candidates.size else self.installed_position(name)
        return position is not None and bool(candidates.matching(text) >> position & 1)

    def channels_having(self, name: str) -> list[tuple[str, list[RepodataRecord]]]:
        """All channels that have a name, in order of priority, with its records; allowed or not."""
        found = []
        for channel in self._request.channels:
            records = [record for index in channel for record in index.records_for(name)]
            if records:
                found.append((channel[0].channel, records))
        return found

    def _compile(self, name: str) -> Candidates:
        if name.startswith("__"):
            package = self._virtual.get(name)
            rows = [Row(package.as_record())] if package else []
            ordered = sort_records(rows, lowest=False)
            table = compile_table(name, ordered)
            return Candidates(table, [record for _, record in ordered], fixed=True)
        if name.startswith(PYPI):
            assert self._projects is not None
            return self._projects(name)
        if name.startswith(FEATURE):
            return self._feature(name[len(FEATURE) + 1 : -1])
        if name.endswith("]") and "[" in name:
            base, _, extra = name[:-1].partition("[")
            whole = self.candidates(base)
            return Candidates(compile_extra(whole.table, whole.records, extra), whole.records)
        found = self._plain(name) if self._is_plain(name) else None
        found = found or self._from_records(name)
        tracked = self._features_tracked(found.table)
        if tracked:
            found = self._from_records(name, tracked)
        self._prefetch(other for other, _, premise in found.table.dependencies if premise & 1)
        if self._adds_pip(name):
            found.table = with_dependency(found.table, "pip")
        return found

    def _feature(self, feature: str) -> Candidates:
        """Packages that can track a feature: requested, installed, or named like it.

        If the user requests the feature itself, all others follow.
        """
        request = self._request
        wanted = [spec.exact_name for spec in request.specs]
        installed = [n for n, each in self._installed.items() if feature in each.track_features]
        names = dict.fromkeys([*filter(None, wanted), *installed, *_named_like(feature)])
        if any(s.exact_name is None and feature in s.track_features for s in request.specs):
            for index in chain(*request.channels):
                names.update(dict.fromkeys(sorted(index.names_tracking(feature))))
        providers = [
            name
            for name in names
            if self.candidates(name).matching(f"{name}[track_features={feature}]")
        ]
        return Candidates(compile_feature(feature, providers), ())

    def _features_tracked(self, table: CandidateTable) -> frozenset[str]:
        """Features of a package's builds that the environment tracks in any case."""
        # They are the last of a table's dependencies.
        named = takewhile(lambda each: each[0].startswith(FEATURE), reversed(table.dependencies))
        features = [name[len(FEATURE) + 1 : -1] for name, _, _ in named]
        if not features:
            return frozenset()
        request = self._request
        requested = {spec.exact_name for spec in chain(request.specs, request.history)}
        tracked = {each for record in self._installed.values() for each in record.track_features}
        tracked |= {
            each
            for spec in request.specs
            if spec.exact_name is None
            for each in spec.track_features
        }
        return frozenset(f for f in features if f in tracked or requested & {*_named_like(f)})

    def save(self, chosen: Mapping[str, int]) -> None:
        """Store compiled tables for later processes.

        Args:
            chosen: Per name, the position of the record that is in the solution.
        """
        self._stored.save(chosen)

    def _is_plain(self, name: str) -> bool:
        """Whether the request changes neither the candidates of a name nor their order."""
        if name in self._lowest:
            return False
        limits = self._age_limits
        if limits.channels:
            channels = (index.channel for group in self._request.channels for index in group)
            return all(limits.of(name, channel) is None for channel in channels)
        return limits.of(name, "") is None

    def _plain(self, name: str) -> Candidates | None:
        """The candidates that an earlier process compiled from the channels; None if none did."""
        found = self._stored.candidates(self._group(name), name, partial(self._all, name))
        installed = self._installed.get(name)
        if found is None or installed is None or _position(found, installed) is not None:
            return found
        return None

    def _group(self, name: str) -> Group:
        """The channels that a name's candidates come from, as the key of stored tables."""
        demanded = tuple(self._demanded.get(name, ())) if self._demanded else ()
        group = self._groups.get(demanded)
        if group is None:
            channels = [channel for _, channel in self._allowed(name)]
            # The records of one channel do not depend on the priority.
            how = f"{self._request.channel_priority.value} {bool(demanded)}"
            group = Group(tuple(chain(*channels)), how if len(channels) > 1 else "")
            self._groups[demanded] = group
        return group

    def _all(self, name: str) -> list[RepodataRecord]:
        """All records of a name in the allowed channels, best first."""
        return [record for _, record in sort_records(self._offered(name), lowest=False)]

    def _from_records(self, name: str, features: Collection[str] = ()) -> Candidates:
        rows = self._offered(name)
        installed = self._installed.get(name)
        is_missing = installed is not None and not any(is_same(r.record, installed) for r in rows)
        if installed is not None and is_missing:
            rows.append(Row(installed, *self._standing(installed)))
        ordered = sort_records(rows, lowest=name in self._lowest, features=features)
        found = Candidates(compile_table(name, ordered), [record for _, record in ordered])
        if self._is_plain(name) and not is_missing and not features:
            self._stored.add(self._group(name), name, found)
        return found

    def _adds_pip(self, name: str) -> bool:
        """Whether python depends on pip (conda's ``add_pip_as_python_dependency``)."""
        return name == "python" and self._request.add_pip and bool(self.candidates("pip").size)

    def _offered(self, name: str) -> list[Row]:
        """Records of a name in the channels that the channel priority allows."""
        rows: list[Row] = []
        priority = self._request.channel_priority
        for position, channel in self._allowed(name):
            records = [record for index in channel for record in self._records(index, name)]
            rank = position if priority is not ChannelPriority.DISABLED else 0
            rows += [Row(record, rank, position) for record in records]
            if records and priority is ChannelPriority.STRICT and name not in self._demanded:
                break
        return rows

    def _allowed(self, name: str) -> Iterable[tuple[int, Sequence[RecordIndex]]]:
        """The channels that a name may come from, each with its position."""
        demanded = self._demanded.get(name)
        for position, channel in enumerate(self._request.channels):
            if demanded is None or any(
                channel_matches(wanted, channel[0].channel) for wanted in demanded if channel
            ):
                yield position, channel

    def _records(self, index: RecordIndex, name: str) -> Iterable[RepodataRecord]:
        """Records of a name within the age limits."""
        records = index.records_for(name)
        if self._age_limits.of(name, index.channel) is None:
            return records
        return [each for each in records if self._age_limits.admits(each)]

    def _standing(self, installed: RepodataRecord) -> tuple[int, int]:
        channels = self._request.channels
        position = next(
            (
                position
                for position, channel in enumerate(channels)
                if channel and channel_matches(channel[0].channel, installed.channel)
            ),
            len(channels),
        )
        disabled = self._request.channel_priority is ChannelPriority.DISABLED
        return (0 if disabled else position), position

    def _prefetch(self, names: Iterable[str]) -> None:
        """Let the channels fetch the records of names that will be needed."""
        announced, knows = self._announced, self._stored.knows
        new = [name for name in names if name not in announced]
        announced.update(new)
        wanted = [name for name in new if not knows(self._group(name), name)]
        if wanted:
            for index in chain(*self._request.channels):
                index.prefetch(wanted)


def _requested(request: SolveRequest) -> Iterator[str]:
    """The packages that a request names, those that can meet a PyPI requirement included."""
    for spec in request.specs:
        if spec.exact_name is not None:
            yield spec.exact_name
    for requirement in request.requirements:
        yield requirement.name
        if request.wheels is not None:
            yield from request.wheels.conda_names(normalize_pypi_name(requirement.name))


def _named_like(feature: str) -> tuple[str, ...]:
    """Usual names of packages that track a feature: ``nomkl``; ``vc`` for ``vc14``."""
    return (feature, feature.rstrip("0123456789"))


def _position(candidates: Candidates, record: RepodataRecord) -> int | None:
    """Position of a record among candidates; None if it is none of them."""
    table = candidates.table
    for position in range(table.size):
        if table.versions[position] == record.version and table.builds[position] == record.build:  # noqa: SIM102
            if is_same(candidates.records[position], record):
                return position
    return None


def is_same(record: RepodataRecord, other: RepodataRecord) -> bool:
    """Whether two records are of the same package, however their channels are written."""
    if (record.version, record.build, record.subdir) != (other.version, other.build, other.subdir):
        return False
    if record.sha256 and other.sha256:
        return record.sha256 == other.sha256
    if record.md5 and other.md5:
        return record.md5 == other.md5
    return channel_matches(record.channel, other.channel)
