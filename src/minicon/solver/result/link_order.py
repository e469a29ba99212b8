"""Link order: what a package depends on comes before it."""

from __future__ import annotations

from minicon.solver.result.active_dependencies import active_dependencies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from minicon.models.records import RepodataRecord


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
