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

    from minicon.solver.candidates.candidate_table import Conditional
    from minicon.solver.candidates.candidates import Candidates

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


class Variable:
    """A package name, the candidates it may be, and the clauses that mention it.

    Attributes:
        name: The package name.
        index: Its place in every list that runs over variables.
        candidates: What it may be; None until somebody needs to know.
        absent: The bit that means "not there".
        universe: All candidates and ``absent``.
        initial: The domain before any search: the universe, or less for virtual packages.
        clauses: Dependencies of its candidates, as far as they are made; see
            :meth:`ClauseStore.wake`.
        asleep: Candidates that may have dependencies that are not made yet.
        made: The same by their places in the table; None for those that are not made.
        needs: What others depend on it for, by text.
        limits: What others constrain it to, by text.
        incoming: Both of these by the set of values that they allow; empty until it is loaded.
        watchers: Learned incompatibilities that watch it, by the watched set of values.
        triggered: Memo: domain → the dependencies that this whole domain carries.
        activity: How often it took part in recent conflicts.
    """

    __slots__ = (
        "absent",
        "activity",
        "asleep",
        "candidates",
        "clauses",
        "incoming",
        "index",
        "initial",
        "limits",
        "made",
        "name",
        "needs",
        "triggered",
        "universe",
        "watchers",
    )

    def __init__(self, name: str, index: int) -> None:
        self.name = name
        self.index = index
        self.candidates: Candidates | None = None
        self.absent = 1
        self.universe = -1
        self.initial = -1
        self.clauses: list[Dependency] = []
        self.made: list[Dependency | None] = []
        self.asleep = 0
        self.needs: dict[str, Need] = {}
        self.limits: dict[str, Need] = {}
        self.incoming: dict[int, list[Need]] = {}
        self.watchers: dict[int, list[Watcher]] = {}
        self.triggered: dict[int, list[Dependency]] = {}
        self.activity = 0.0

    def watch(self, values: int, watcher: Watcher) -> None:
        """Let an incompatibility be visited when the variable comes to lie in some values."""
        same = self.watchers.get(values)
        if same is None:
            self.watchers[values] = [watcher]
        else:
            same.append(watcher)

    def __repr__(self) -> str:
        return f"Variable({self.name})"
