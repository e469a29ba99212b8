"""What records that are together need of each other: conditions judged, extras counted in.

Before a solution there are clauses; after it, or in an environment, a dependency either counts or
it does not, and whoever asks (link order, reasons, removal, ``why``) gets the same answer here.
"""

from __future__ import annotations

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.models.match_spec.spec import parse_dependency
from minicon.solver.candidates.candidate_table import dependency_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import RepodataRecord
    from minicon.models.virtual_package import VirtualPackage


#: What only texts with a condition or an extra have.
_SAYS_MORE = lazy_pattern(r"[;\[]")


def active_dependencies(
    records: Mapping[str, RepodataRecord],
    *,
    facts: Iterable[VirtualPackage] | None = None,
    asked: Iterable[MatchSpec] | None = (),
) -> dict[str, list[tuple[str, str]]]:
    """Per package, the names and MatchSpecs that it depends on, as things are.

    Args:
        records: All packages by name.
        facts: Of the machine; None if nobody knows them, and then a condition on one counts as
            met where what it brings is there.
        asked: Specs of the user, whose extras count; None if nobody knows, and then all do.
    """
    return _Needs(records, facts, asked).found


class _Needs:
    def __init__(
        self,
        records: Mapping[str, RepodataRecord],
        facts: Iterable[VirtualPackage] | None,
        asked: Iterable[MatchSpec] | None,
    ) -> None:
        self._there = {fact.name: fact.as_record() for fact in facts or ()} | dict(records)
        self._knows_facts = facts is not None
        self._records = records
        self._extras: list[tuple[str, str]] = []
        self._plain: dict[str, list[tuple[str, str]]] = {}
        self.found: dict[str, list[tuple[str, str]]] = {}
        if asked is None:
            self._extras = [
                (name, each) for name in records for each in records[name].extra_depends
            ]
        for spec in asked or ():
            if spec.exact_name is not None and self._counts(spec):
                self._note_extras(spec)
        for name, record in records.items():
            self.found[name] = [each for text in record.depends for each in self._need(text)]
            if record.data.get("features"):
                self.found[name] += self._trackers(record.features)
        for name, extra in self._extras:  # grows while it is walked
            if name in records:
                for text in records[name].extra_depends.get(extra, ()):
                    self.found[name] += self._need(text)

    def _need(self, text: str) -> list[tuple[str, str]]:
        """What a dependency text comes to: one need, or none if its condition does not hold."""
        known = self._plain.get(text)
        if known is not None:
            return known
        if _SAYS_MORE.search(text):
            try:
                spec = parse_dependency(text)
            except SpecError:
                return []
            if not self._counts(spec):
                return []
            self._note_extras(spec)
            return [(dependency_name(text), text)]
        known = self._plain[text] = [(dependency_name(text), text)]
        return known

    def _trackers(self, features: Iterable[str]) -> list[tuple[str, str]]:
        """The packages that have a build's features."""
        return [
            (other.name, f"*[track_features={feature}]")
            for feature in features
            for other in self._records.values()
            if feature in other.track_features
        ]

    def _note_extras(self, spec: MatchSpec) -> None:
        wanted = ((spec.exact_name or "", extra) for extra in spec.extras)
        self._extras += [each for each in wanted if each not in self._extras]

    def _counts(self, spec: MatchSpec) -> bool:
        if spec.when is None:
            return True
        from minicon.models.match_spec.condition import holds

        is_there = spec.exact_name in self._records

        def is_met(name: str, text: str) -> bool:
            if name.startswith("__") and not self._knows_facts:
                return is_there
            record = self._there.get(name)
            return record is not None and parse_dependency(text).matches(record)

        return holds(spec.when, is_met)


def in_link_order(
    records: Mapping[str, RepodataRecord],
    needs: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> tuple[RepodataRecord, ...]:
    """Sort records so that dependencies come first; ties by name, python as early as it can be.

    Cycles are cut where they are entered first in that order. Python's own dependency on pip is
    no reason to wait: pip needs python to be linked.

    Args:
        records: By name.
        needs: What they depend on, see :func:`active_dependencies`; None to find out.
    """
    if needs is None:
        needs = active_dependencies(records, asked=None)
    order: list[RepodataRecord] = []
    done: set[str] = set()
    for start in sorted(records, key=lambda name: (name != "python", name)):
        # Depth first without recursion: each frame is a name and its dependencies to come.
        frames = [(start, _dependencies(needs, start))] if start not in done else []
        done.add(start)
        while frames:
            name, dependencies = frames[-1]
            following = next((each for each in dependencies if each not in done), None)
            if following is None:
                order.append(records[name])
                frames.pop()
            else:
                done.add(following)
                frames.append((following, _dependencies(needs, following)))
    return tuple(order)


def _dependencies(needs: Mapping[str, Sequence[tuple[str, str]]], name: str) -> Iterator[str]:
    names = {other for other, _ in needs[name] if other in needs}
    if name == "python":
        names.discard("pip")
    return iter(sorted(names))
