"""Portfolio: other orders of decision, tried when the user's own order has a price.

The order in which packages are settled decides who gets its newest version when not all can. Most
requests have one best answer and the first order finds it. Only when a conflict made a requested
package end below the best version it could have by itself are other orders tried, and the model
is taken whose requested packages are the least behind in all. An order is given up as soon as the
requested packages are settled and no less behind than they were before.
"""

from __future__ import annotations

from math import inf

from minicon.solver.candidates.candidates import best
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.search import NotWorthwhileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.search.demands import Demands
    from minicon.solver.search.search import Search


#: After so many conflicts it is a puzzle, and one answer is enough. Real requests have a few.
_HARD = 50


def best_of_orders(search: Search, demands: Demands) -> dict[str, int]:
    """The best model over a few orders of decision; the first order wins ties.

    Raises:
        Contradiction: There is no model.
    """
    direct = demands.direct
    chosen = _run(search, demands, direct)
    if not 0 < search.conflicts <= _HARD or not _is_behind(search, demands, chosen):
        return chosen
    price = _versions_behind(search, direct, chosen)
    for order in _other_orders(direct) if price else ():
        try:
            model = _run(search, demands, order, below=price)
        except NotWorthwhileError:
            continue
        except Contradiction:  # pragma: no cover - satisfiability does not depend on the order
            continue
        own = _versions_behind(search, direct, model)
        if own < price:
            chosen, price = model, own
    return chosen


def _run(search: Search, demands: Demands, order: list[str], below: float = inf) -> dict[str, int]:
    """Search by one order, as long as its price can be below another's."""

    def is_worthwhile() -> bool:
        return _versions_behind(search, order, search.settled(order)) < below

    check = None if below == inf else is_worthwhile
    return search.run(demands.roots, order, demands.preferred, demands.keep, check)


def _other_orders(direct: list[str]) -> list[list[str]]:
    python_first = sorted(direct, key=lambda name: name != "python")
    orders = [python_first, direct[::-1]]
    return [order for place, order in enumerate(orders) if order not in (direct, *orders[:place])]


def _is_behind(search: Search, demands: Demands, model: dict[str, int]) -> bool:
    """Whether a requested package is not the best that the roots alone allow."""
    return any(
        name in model and model[name] != best(domain)
        for name, domain in search.possible.items()
        if name not in demands.preferred
    )


def _versions_behind(search: Search, direct: list[str], model: dict[str, int]) -> int:
    """How many better versions the requested packages could have, in all."""
    behind = 0
    for name in direct:
        candidates = search.store.loaded(name).candidates
        if candidates is not None and name in model:
            behind += candidates.versions_before(model[name])
    return behind
