"""From contradicting demands to an error that says why, and what would work."""

from __future__ import annotations

from minicon.solver.conflict_core import minimal_core
from minicon.solver.explanation import Explanation
from minicon.solver.fixes import find_fixes
from minicon.solver.origin import Kind, Origin
from minicon.solver.search import Search
from minicon.solver.story import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.errors import MiniconError
    from minicon.solver.clause import Root
    from minicon.solver.conda_model import CondaSide
    from minicon.solver.conflict_analysis import Contradiction
    from minicon.solver.request import SolveRequest


def explain_contradiction(
    request: SolveRequest, side: CondaSide, contradiction: Contradiction
) -> MiniconError:
    """The error for demands on conda packages that contradict each other."""
    search = Search(side.store)
    core = minimal_core(search, contradiction.roots)
    sentences = tell(side.store, core) or _search_needed(core)
    fixes = find_fixes(request, side, core)
    return Explanation(_demands(core), tuple(sentences), tuple(fixes)).as_error()


def _demands(core: Sequence[Root]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(named(root) for root in core))


def named(root: Root) -> str:
    """A demand as the headline names it."""
    origin = root.origin
    if not isinstance(origin, Origin):
        return str(origin)
    prefix = {Kind.PIN: "the pin ", Kind.CONSTRAINT: "the constraint "}.get(origin.kind, "")
    return f"{prefix}{origin.text}"


def _search_needed(core: Sequence[Root]) -> list[str]:
    """When no short chain of reasons exists: say so honestly."""
    names = ", ".join(dict.fromkeys(root.name for root in core))
    return [f"each fits by itself, but no combination of {names} and what they need fits together"]
