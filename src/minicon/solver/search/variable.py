"""Variable: one package name in the search."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.candidates.candidates import Candidates
    from minicon.solver.search.clause import Dependency, Need, Watcher


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
