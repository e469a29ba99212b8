"""Condition: a dependency that holds only when other packages are what a condition says (CEP 43).

The search knows it as an incompatibility without a name; explanations know it by this.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.candidates.candidate_table import Conditional
    from minicon.solver.search.clause import Incompatibility


class Condition:
    """Candidates of ``source`` need something of ``target`` if other packages fit a condition.

    Attributes:
        source: Index of the variable that depends.
        target: Index of the variable depended on.
        stated: The dependency as the packages have it.
        terms: All of it as an incompatibility.
    """

    __slots__ = ("source", "stated", "target", "terms")

    def __init__(
        self, source: int, target: int, stated: Conditional, terms: Incompatibility
    ) -> None:
        self.source = source
        self.target = target
        self.stated = stated
        self.terms = terms
