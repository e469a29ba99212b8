"""Portfolio: other orders of decision, tried when the user's order has a price.

The order in which packages are decided determines which of them is the newest when not all can be.
Most requests have one best solution and the first order finds it. Only if a conflict made a
requested package older than the best version that the demands alone allow are other orders tried,
and the solution is chosen in which requested packages are the fewest versions behind in all. An
order is abandoned as soon as the requested packages are decided and no fewer versions behind.
"""

from __future__ import annotations

from math import inf

from minicon.solver.candidates.candidates import best
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.search import NotWorthwhileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.search.demands import Goal
    from minicon.solver.search.search import Search


#: After this many conflicts it is a puzzle, and one solution is enough. Real requests have few.
_HARD = 50


def best_of_orders(search: Search, goal: Goal) -> dict[str, int]:
    """The best model over a few orders of decision; the first order wins ties.

    Raises:
        Contradiction: The demands contradict each other.
    """
    direct = goal.direct
    chosen = _run(search, goal, direct)
    if not 0 < search.conflicts <= _HARD or not _is_behind(search, goal, chosen):
        return chosen
    price = _versions_behind(search, direct, chosen)
    for order in _other_orders(direct) if price else ():
        try:
            model = _run(search, goal, order, below=price)
        except NotWorthwhileError:
            continue
        except Contradiction:  # pragma: no cover - satisfiability does not depend on the order
            continue
        own = _versions_behind(search, direct, model)
        if own < price:
            chosen, price = model, own
    return chosen


def _run(search: Search, goal: Goal, order: list[str], below: float = inf) -> dict[str, int]:
    """Search by one order while its price can be lower than that of a known solution."""

    def is_worthwhile() -> bool:
        return _versions_behind(search, order, search.decided(order)) < below

    check = None if below == inf else is_worthwhile
    return search.run(
        goal.demands,
        order,
        goal.preferred,
        goal.keep,
        check,
        goal.projects,
        builds=goal.builds,
    )


def _other_orders(direct: list[str]) -> list[list[str]]:
    python_first = sorted(direct, key=lambda name: name != "python")
    orders = [python_first, direct[::-1]]
    return [
        order for position, order in enumerate(orders) if order not in (direct, *orders[:position])
    ]


def _is_behind(search: Search, goal: Goal, model: dict[str, int]) -> bool:
    """Whether a requested package is older than the demands alone allow."""
    return any(
        name in model and model[name] != best(domain)
        for name, domain in search.possible.items()
        if name not in goal.preferred
    )


def _versions_behind(search: Search, direct: list[str], model: dict[str, int]) -> int:
    """Number of versions by which requested packages are behind the best, in all."""
    behind = 0
    for name in direct:
        candidates = search.store.loaded(name).candidates
        if candidates is not None and name in model:
            behind += candidates.versions_before(model[name])
    return behind
