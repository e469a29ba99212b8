"""Clauses: what the search knows must hold.

A *term* is a variable and a set of its values (a bitset), read "the variable is one of these". An
*incompatibility* is a set of terms that cannot all be true; the mapping variable → set stands for
it. Everything the search reasons with can be read as one:

* :class:`Dependency`, given: "candidates C of x need y to be one of A" is the incompatibility
  ``{x: C, y: not A}``. There is one per package and distinct dependency text, so hundreds of
  builds that say the same make one clause. ``constrains`` is the same with ABSENT added to A.
* :class:`~minicon.solver.search.condition.Condition`, given: the same under a condition on a third
  package (CEP 43).
* learned incompatibilities, derived from conflicts (see conflict_analysis).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Incompatibility: TypeAlias = "dict[int, int]"
    Reason: TypeAlias = "Dependency | Root | dict[int, int] | None"


class Need:
    """What some dependencies say alike: ``target`` must be in ``allowed``.

    Hundreds of packages write ``python >=3.10``; what that means is found out once.

    Attributes:
        target: Index of the variable depended on.
        text: The MatchSpec as the packages wrote it.
        optional: True for ``constrains``: the target may also be absent.
        allowed: Values of the target that satisfy it; None until the target is loaded.
        refused: Values of the target that do not satisfy it.
        carriers: The dependencies that say it.
    """

    __slots__ = ("allowed", "carriers", "optional", "refused", "target", "text")

    def __init__(self, target: int, text: str, optional: bool) -> None:
        self.target = target
        self.text = text
        self.optional = optional
        self.allowed: int | None = None
        self.refused = 0
        self.carriers: list[Dependency] = []


class Dependency(tuple[int, int, Need]):
    """Candidates ``premise`` of ``source`` have a :class:`Need`: ``(source, premise, need)``.

    A tuple, since a search makes tens of thousands of them.
    """

    __slots__ = ()

    @property
    def source(self) -> int:
        """Index of the variable that depends."""
        return self[0]

    @property
    def premise(self) -> int:
        """Its candidates that carry this dependency."""
        return self[1]

    @property
    def need(self) -> Need:
        """What they need."""
        return self[2]

    @property
    def terms(self) -> Incompatibility:
        """The clause as an incompatibility, once its target is loaded."""
        source, premise, need = self
        if source == need.target:
            return {source: premise & need.refused}
        return {source: premise, need.target: need.refused}


class Root:
    """A request from outside: ``variable`` must be in ``allowed``.

    Attributes:
        name: The package.
        allowed: What it may be, as a domain.
        origin: Whoever asked; any value, handed back when the search fails.
    """

    __slots__ = ("allowed", "name", "origin")

    def __init__(self, name: str, allowed: int, origin: object) -> None:
        self.name = name
        self.allowed = allowed
        self.origin = origin

    def __repr__(self) -> str:
        return f"Root({self.name}, {self.origin})"


class Watcher:
    """A learned incompatibility seen from its two watched terms, ``terms[0]`` and ``terms[1]``.

    Only when a watched term comes true need the others be looked at.
    """

    __slots__ = ("incompatibility", "terms")

    def __init__(self, terms: list[tuple[int, int]], incompatibility: Incompatibility) -> None:
        self.terms = terms
        self.incompatibility = incompatibility
