"""The core of a contradiction: demands of which none can be left out."""

from __future__ import annotations

from minicon.solver.search.conflict_analysis import Contradiction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.solver.search.clause import Root
    from minicon.solver.search.search import Search


def minimal_core(search: Search, roots: Sequence[Root]) -> list[Root]:
    """Leave out demand after demand as long as the rest still contradicts itself.

    Args:
        search: Over the records of the request.
        roots: Demands that contradict each other.

    Returns:
        A minimal set of them. Cost: about one search per demand, each short since all of them
        share what they learn.
    """
    core = list(roots)
    for origin in _origins(roots):
        rest = [root for root in core if id(root.origin) != origin]
        found = contradiction_in(search, rest)
        if found is not None:
            core = found
    return core


def contradiction_in(search: Search, roots: Sequence[Root]) -> list[Root] | None:
    """Those of some roots that contradict each other; None if they do not."""
    direct = list(dict.fromkeys(root.name for root in roots))
    try:
        search.run(roots, direct)
    except Contradiction as contradiction:
        return contradiction.roots
    return None


def _origins(roots: Sequence[Root]) -> list[int]:
    """Who demanded; the last to speak is tried first, since the user's first words matter most."""
    return list(dict.fromkeys(id(root.origin) for root in reversed(roots)))
