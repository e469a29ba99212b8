"""Link order: what a package depends on comes before it."""

from __future__ import annotations

from minicon.solver.candidate_table import dependency_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from minicon.models.records import RepodataRecord


def in_link_order(records: Mapping[str, RepodataRecord]) -> tuple[RepodataRecord, ...]:
    """Sort records so that dependencies come first; ties by name, python as early as it can be.

    Cycles are cut where they are entered first in that order. Python's own dependency on pip is
    no reason to wait: pip needs python to be linked.
    """
    order: list[RepodataRecord] = []
    done: set[str] = set()
    for start in sorted(records, key=lambda name: (name != "python", name)):
        # Depth first without recursion: each frame is a name and its dependencies to come.
        frames = [(start, _dependencies(records, start))] if start not in done else []
        done.add(start)
        while frames:
            name, dependencies = frames[-1]
            following = next((each for each in dependencies if each not in done), None)
            if following is None:
                order.append(records[name])
                frames.pop()
            else:
                done.add(following)
                frames.append((following, _dependencies(records, following)))
    return tuple(order)


def _dependencies(records: Mapping[str, RepodataRecord], name: str) -> Iterator[str]:
    names = {dependency_name(text) for text in records[name].depends}
    if name == "python":
        names.discard("pip")
    return iter(sorted(each for each in names if each in records))


def depends_on(record: RepodataRecord) -> Iterable[tuple[str, str]]:
    """Names and MatchSpecs that a record depends on."""
    return [(dependency_name(text), text) for text in record.depends]
