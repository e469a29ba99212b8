"""Variables and clauses: what the search reasons with.

A *term* is a variable and a set of its values (a bitset): "the variable is one of these". An
*incompatibility* is a set of terms that cannot all be true, written as a mapping variable → set.
Every clause can be read as one:

* :class:`Dependency`, given: "candidates C of x require y to be one of A" is the incompatibility
  ``{x: C, y: not A}``. There is one per package and distinct dependency text, so hundreds of
  builds with the same text make one clause. ``constrains`` is the same with ABSENT added to A.
* :class:`ConditionalDependency`, given: the same under a condition on other packages (CEP 43).
* learned incompatibilities, derived from conflicts (see conflict_analysis).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from minicon.solver.candidates.candidate_table import Conditional
    from minicon.solver.candidates.candidates import Candidates

    Incompatibility: TypeAlias = "dict[int, int]"
    Reason: TypeAlias = "Dependency | Demand | dict[int, int] | None"


#: This many domains of a variable are compared with each of its dependencies.
_FEW_DOMAINS = 16
#: Positions that are looked at together in a ClauseIndex.
_PART = 64


class Variable:
    """A package name, the candidates that can be chosen for it, and the clauses that mention it.

    Attributes:
        name: The package name.
        index: Position in every list that has one element per variable.
        candidates: The package's candidates; None until the variable is loaded.
        absent: The bit that stands for ABSENT: the package is not installed.
        universe: All candidates and ``absent``.
        initial: The domain before any search: the universe, or less for virtual packages.
        clauses: Dependencies of its candidates, as far as they were added; see
            :meth:`ClauseStore.add_clauses`.
        unexplored: Candidates that may have dependencies for which no clause was added yet.
        unread: Candidates whose dependencies are not in the table and were not read yet.
        read: The clauses of those that were read, by requirement.
        mirrors: Variables that ``constrains`` of this package apply to as well: the wheels of the
            project that it carries.
        by_position: The clauses by their positions in the candidate table; None where not added.
        requirements: Requirements of other packages on this one, by text.
        constraints: The same for ``constrains``, by text.
        incoming: Both of these by the set of values that they allow; empty until it is loaded.
        watchers: Learned incompatibilities that watch it, by the watched set of values.
        explorations: How often clauses were added.
        activity: How often it took part in recent conflicts.
    """

    __slots__ = (
        "_clause_index",
        "_shared",
        "absent",
        "activity",
        "by_position",
        "candidates",
        "clauses",
        "constraints",
        "explorations",
        "incoming",
        "index",
        "initial",
        "mirrors",
        "name",
        "read",
        "requirements",
        "unexplored",
        "universe",
        "unread",
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
        self.by_position: list[Dependency | None] = []
        self.unexplored = 0
        self.unread = 0
        self.read: dict[Requirement, Dependency] = {}
        self.mirrors: list[Variable] = []
        self.requirements: dict[str, Requirement] = {}
        self.constraints: dict[str, Requirement] = {}
        self.incoming: dict[int, list[Requirement]] = {}
        self.watchers: dict[int, list[Watcher]] = {}
        self.explorations = 0
        self._shared: dict[int, list[Dependency]] = {}
        self._clause_index: ClauseIndex | None = None
        self.activity = 0.0

    def shared_by(self, domain: int) -> list[Dependency]:
        """The dependencies that every candidate in a domain has."""
        found = self._shared.get(domain)
        if found is None:
            if len(self._shared) < _FEW_DOMAINS:
                found = [clause for clause in self.clauses if not domain & ~clause[1]]
            else:
                if self._clause_index is None:
                    self._clause_index = ClauseIndex(self.clauses)
                found = self._clause_index.shared_by(domain)
            self._shared[domain] = found
        return found

    def clauses_changed(self) -> None:
        """Forget which dependencies are shared by which candidates."""
        self._shared.clear()
        self._clause_index = None

    def watch(self, values: int, watcher: Watcher) -> None:
        """Have an incompatibility visited when the domain becomes a subset of some values."""
        same = self.watchers.get(values)
        if same is None:
            self.watchers[values] = [watcher]
        else:
            same.append(watcher)

    def __repr__(self) -> str:
        return f"Variable({self.name})"


class Requirement:
    """The meaning of one dependency text: ``target`` must be in ``allowed``.

    Hundreds of packages write ``python >=3.10``; it is evaluated once.

    Attributes:
        target: Index of the variable depended on.
        text: The MatchSpec as the packages wrote it.
        optional: True for ``constrains``: the target may also be absent.
        allowed: Values of the target that satisfy it; None until the target is loaded.
        universe: All values of the target.
        carriers: The dependencies with this text.
    """

    __slots__ = ("allowed", "carriers", "optional", "target", "text", "universe")

    def __init__(self, target: int, text: str, optional: bool) -> None:
        self.target = target
        self.text = text
        self.optional = optional
        self.allowed: int | None = None
        self.universe = 0
        self.carriers: list[Dependency] = []

    @property
    def refused(self) -> int:
        """Values of the target that do not satisfy it; not kept, since there may be thousands."""
        assert self.allowed is not None
        return self.universe & ~self.allowed


class Dependency(tuple[int, int, Requirement]):
    """Candidates of a variable have a requirement: ``(source, premise, requirement)``.

    A tuple, since a search makes tens of thousands of them.
    """

    __slots__ = ()

    @property
    def source(self) -> int:
        """Index of the variable that depends."""
        return self[0]

    @property
    def premise(self) -> int:
        """Its candidates that have this dependency."""
        return self[1]

    @property
    def requirement(self) -> Requirement:
        """What they require."""
        return self[2]

    @property
    def terms(self) -> Incompatibility:
        """The clause as an incompatibility, once its target is loaded."""
        source, premise, requirement = self
        if source == requirement.target:
            return {source: premise & requirement.refused}
        return {source: premise, requirement.target: requirement.refused}


class ClauseIndex:
    """Which dependencies all candidates of a domain have, without looking at every dependency.

    When a search goes through hundreds of versions, each with dependencies of its own, each domain
    is a new one. Most of the dependencies belong to few candidates that stand together, so they are
    found by the position of the first::

        candidates    0 … 63 │ 64 … 127 │ 128 …         {70, 71}: looks at a to d, f and g
        dependencies   a, b  │  c, d    │  e    │ wide: f, g

    Args:
        clauses: The dependencies of one variable; those that are found keep this order.
    """

    __slots__ = ("_parts", "_wide")

    def __init__(self, clauses: Iterable[Dependency]) -> None:
        self._wide: list[tuple[int, Dependency]] = []
        self._parts: dict[int, list[tuple[int, Dependency]]] = {}
        for row in enumerate(clauses):
            premise = row[1].premise
            first = (premise & -premise).bit_length() - 1
            is_wide = premise.bit_length() - first > _PART
            rows = self._wide if is_wide else self._parts.setdefault(first // _PART, [])
            rows.append(row)

    def shared_by(self, domain: int) -> list[Dependency]:
        """The dependencies that every candidate in a domain has."""
        first = (domain & -domain).bit_length() - 1
        rows = self._wide
        if domain.bit_length() - first <= _PART:
            part = first // _PART
            rows = sorted([*rows, *self._parts.get(part - 1, ()), *self._parts.get(part, ())])
        return [clause for _, clause in rows if not domain & ~clause.premise]


class ConditionalDependency:
    """Candidates of ``source`` require something of ``target`` if a condition is met (CEP 43).

    The search has it as an incompatibility like a learned one; this class is for explanations.

    Attributes:
        source: Index of the variable that depends.
        target: Index of the variable depended on.
        stated: The dependency in the packages' metadata.
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


class Demand:
    """A requirement that comes from the request and not from a package.

    Attributes:
        name: The package.
        allowed: Its allowed values, as a domain.
        origin: Where the demand comes from; any value, part of the error when the search fails.
    """

    __slots__ = ("allowed", "name", "origin")

    def __init__(self, name: str, allowed: int, origin: object) -> None:
        self.name = name
        self.allowed = allowed
        self.origin = origin

    def __repr__(self) -> str:
        return f"Demand({self.name}, {self.origin})"


class Watcher:
    """A learned incompatibility with its two watched terms, ``terms[0]`` and ``terms[1]``.

    The other terms are checked only when a watched term becomes true.
    """

    __slots__ = ("incompatibility", "terms")

    def __init__(self, terms: list[tuple[int, int]], incompatibility: Incompatibility) -> None:
        self.terms = terms
        self.incompatibility = incompatibility
