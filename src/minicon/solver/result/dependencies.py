"""Dependencies between records that are chosen or installed: which are active, and link order.

In the search, dependencies are clauses. Between given records, each one is either active or not:
conditions (CEP 43) are met or unmet, extras (CEP 44) are requested or not. Link order, reasons,
removal, pruning and ``why`` all use the answer given here.
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
    from minicon.models.records import RepodataRecord, VirtualPackage

#: Only texts with a condition or an extra have one of these.
_EXTENDED = lazy_pattern(r"[;\[]")


def active_dependencies(
    records: Mapping[str, RepodataRecord],
    *,
    virtual_packages: Iterable[VirtualPackage] | None = None,
    requested: Iterable[MatchSpec] | None = (),
) -> dict[str, list[tuple[str, str]]]:
    """Per package, the names and MatchSpecs of its active dependencies.

    Args:
        records: All packages by name.
        virtual_packages: Of the machine; None if unknown, and then a condition on one counts as
            met if the package that it brings is among the records.
        requested: Specs of the user, whose extras are active; None if unknown, and then all
            extras are.
    """
    return _ActiveDependencies(records, virtual_packages, requested).found


def in_link_order(
    records: Mapping[str, RepodataRecord],
    dependencies: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> tuple[RepodataRecord, ...]:
    """Sort records so that dependencies come first; ties by name, python as early as possible.

    Cycles are broken where they are entered first in that order. Python's own dependency on pip
    is ignored: pip is linked after python.

    Args:
        records: Records by name.
        dependencies: From :func:`active_dependencies`; None to compute them.
    """
    if dependencies is None:
        dependencies = active_dependencies(records, requested=None)
    order: list[RepodataRecord] = []
    done: set[str] = set()
    for start in sorted(records, key=lambda name: (name != "python", name)):
        # Depth first without recursion: each frame is a name and its remaining dependencies.
        frames = [(start, _names_in(dependencies, start))] if start not in done else []
        done.add(start)
        while frames:
            name, remaining = frames[-1]
            following = next((each for each in remaining if each not in done), None)
            if following is None:
                order.append(records[name])
                frames.pop()
            else:
                done.add(following)
                frames.append((following, _names_in(dependencies, following)))
    return tuple(order)


def _names_in(dependencies: Mapping[str, Sequence[tuple[str, str]]], name: str) -> Iterator[str]:
    names = {other for other, _ in dependencies[name] if other in dependencies}
    if name == "python":
        names.discard("pip")
    return iter(sorted(names))


class _ActiveDependencies:
    def __init__(
        self,
        records: Mapping[str, RepodataRecord],
        virtual_packages: Iterable[VirtualPackage] | None,
        requested: Iterable[MatchSpec] | None,
    ) -> None:
        virtual = {package.name: package.as_record() for package in virtual_packages or ()}
        self._records = records
        self._records_and_virtual = virtual | dict(records)
        self._knows_virtual = virtual_packages is not None
        self._extras: list[tuple[str, str]] = []
        self._plain: dict[str, list[tuple[str, str]]] = {}
        self.found: dict[str, list[tuple[str, str]]] = {}
        if requested is None:
            self._extras = [
                (name, each) for name in records for each in records[name].extra_depends
            ]
        for spec in requested or ():
            if spec.exact_name is not None and self._is_active(spec):
                self._add_extras(spec)
        for name, record in records.items():
            self.found[name] = [each for text in record.depends for each in self._evaluated(text)]
            if record.data.get("features"):
                self.found[name] += self._trackers(record.features)
        for name, extra in self._extras:  # grows during the iteration
            if name in records:
                for text in records[name].extra_depends.get(extra, ()):
                    self.found[name] += self._evaluated(text)

    def _evaluated(self, text: str) -> list[tuple[str, str]]:
        """Name and MatchSpec of a dependency; empty if its condition is not met."""
        known = self._plain.get(text)
        if known is not None:
            return known
        if _EXTENDED.search(text):
            try:
                spec = parse_dependency(text)
            except SpecError:
                return []
            if not self._is_active(spec):
                return []
            self._add_extras(spec)
            return [(dependency_name(text), text)]
        known = self._plain[text] = [(dependency_name(text), text)]
        return known

    def _trackers(self, features: Iterable[str]) -> list[tuple[str, str]]:
        """The packages that track a build's features."""
        return [
            (other.name, f"*[track_features={feature}]")
            for feature in features
            for other in self._records.values()
            if feature in other.track_features
        ]

    def _add_extras(self, spec: MatchSpec) -> None:
        wanted = ((spec.exact_name or "", extra) for extra in spec.extras)
        self._extras += [each for each in wanted if each not in self._extras]

    def _is_active(self, spec: MatchSpec) -> bool:
        is_installed = spec.exact_name in self._records

        def is_met(name: str, text: str) -> bool:
            if name.startswith("__") and not self._knows_virtual:
                return is_installed
            record = self._records_and_virtual.get(name)
            return record is not None and parse_dependency(text).matches(record)

        return spec.applies(is_met)
