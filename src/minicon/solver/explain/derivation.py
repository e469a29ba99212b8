"""Derivation: how demands lead to a contradiction, in as few sentences as possible.

It is found backwards: a domain is empty because of some steps of the propagation; each of them
has its cause in earlier steps, of which only those that it needs are kept.
"""

from __future__ import annotations

from math import inf
from time import thread_time

from minicon.errors import ChannelError
from minicon.solver.candidates.candidate_table import LIMIT, PROJECT, PYPI
from minicon.solver.candidates.candidates import members
from minicon.solver.explain.explain_propagation import (
    ByCondition,
    ExplainedPropagation,
    IncompatibleWith,
    RequiredBy,
)
from minicon.solver.explain.project_text import goes_without_saying, unmet_text
from minicon.solver.explain.report_text import (
    SELECTING,
    available_text,
    candidates_text,
    condition_text,
    lacking_text,
    machine_text,
    requirement_text,
)
from minicon.solver.search.clauses import Demand
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import Kind, Origin
from minicon.solver.search.search import UndecidedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.solver.explain.explain_propagation import Step
    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import ConditionalDependency, Variable
    from minicon.solver.search.search import Search


#: A case distinction is used only if it has at most this many cases.
_CASES = 6

#: Demands that a sentence names by the user's own text.
_REQUESTED = (Kind.SPEC, Kind.HISTORY, Kind.PIN, Kind.CONSTRAINT)


def derivation_of(
    store: ClauseStore, demands: Sequence[Demand], end: float = inf
) -> list[str] | None:
    """Sentences that lead from demands to their contradiction.

    Args:
        store: All variables and clauses.
        demands: The demands.
        end: Processor time (``thread_time``) after which no further case distinction is tried.

    Returns:
        None if propagation does not find a contradiction, even with one case distinction.
    """
    for thorough in (False, True):
        propagation = ExplainedPropagation(store, demands, thorough=thorough)
        if propagation.emptied is not None:
            return _Writer(propagation).sentences()
    by_source = _derivation_by_source(store, demands, propagation)
    return by_source or _derivation_by_cases(store, demands, propagation, end)


def _derivation_by_source(
    store: ClauseStore, demands: Sequence[Demand], propagation: ExplainedPropagation
) -> list[str] | None:
    """A derivation for each way to have a project: as a package, as a wheel, what is installed.

    What is installed is mostly one of the releases, so that its sentences say nothing new.
    """
    for variable in store.variables:
        domain = propagation.domain(variable.index)
        ways = [1 << position for position in members(domain)] if domain > 0 else []
        if not variable.name.startswith(PROJECT) or len(ways) < 2 or domain & variable.absent:
            continue
        sentences: dict[tuple[str, str], str] = {}
        for way in ways:
            inner = ExplainedPropagation(store, [*demands, Demand(variable.name, way, "")])
            if inner.emptied is None:
                break
            for sentence in filter(None, _Writer(inner).sentences()):
                subject, _, need = sentence.partition(" needs ")
                about = subject.partition(" ")[0] if need else subject
                sentences.setdefault((about, need.replace(" ", "")), sentence)
        else:
            return list(sentences.values())
    return None


def _derivation_by_cases(
    store: ClauseStore, demands: Sequence[Demand], propagation: ExplainedPropagation, end: float
) -> list[str] | None:
    """A derivation with one case per version of a package, python by preference."""
    for variable in sorted(_splittable(store, propagation), key=lambda each: each.name != "python"):
        assert variable.candidates is not None
        sentences: list[str] = []
        for version in variable.candidates.versions_in(propagation.domain(variable.index)):
            position = variable.candidates.table.versions.index(version)
            case = f"with {variable.name} {version}"
            assumed = Demand(variable.name, variable.candidates.of_version(position), case)
            inner = ExplainedPropagation(store, [*demands, assumed])
            if thread_time() > end:
                return None
            if inner.emptied is None:
                break
            steps = [each for each in _Writer(inner).sentences() if each != case]
            sentences.append(f"{case}: {steps[-1] if steps else 'nothing is compatible'}")
        else:
            return sentences
    return None


def _splittable(store: ClauseStore, propagation: ExplainedPropagation) -> Iterable[Variable]:
    for variable in store.variables:
        domain = propagation.domain(variable.index)
        if variable.candidates is None or domain < 0 or domain & variable.absent:
            continue
        if variable.name.startswith(PYPI):
            continue
        if 2 <= len(variable.candidates.versions_in(domain)) <= _CASES:
            yield variable


class _Writer:
    """Selects the steps that a contradiction needs, and writes a sentence for each."""

    def __init__(self, propagation: ExplainedPropagation) -> None:
        self._propagation = propagation
        self._store = propagation.store
        self._sentences: dict[str, None] = {}
        self._seen: set[tuple[int, int, int]] = set()

    def sentences(self) -> list[str]:
        """All sentences, in order."""
        assert self._propagation.emptied is not None
        self._justify(self._propagation.emptied, 0, len(self._propagation.steps))
        return list(self._sentences)

    def _justify(self, index: int, target: int, end: int) -> None:
        """Write why a domain was a subset of ``target`` before step ``end``."""
        if (index, target, end) in self._seen:
            return
        self._seen.add((index, target, end))
        needed = self._needed_steps(index, target, end)
        if all(isinstance(step.cause, Demand) for _, step in needed):
            self._write_demands(index, [step for _, step in needed])
        for position, step in needed:
            others = [other for _, other in needed if other is not step]
            unwanted = self._left_by(index, others) & ~target
            if isinstance(step.cause, RequiredBy):
                self._write_requirement(position, step, step.cause.source, unwanted)
            elif isinstance(step.cause, IncompatibleWith):
                self._write_incompatibility(position, step, step.cause.other, unwanted, others)
            elif isinstance(step.cause, ByCondition):
                self._write_condition(position, step, step.cause.by)
            elif not _is_requested(step):
                self._write(_text_of_cause(step.cause))

    def _needed_steps(self, index: int, target: int, end: int) -> list[tuple[int, Step]]:
        """Steps that suffice to make a domain a subset of ``target``."""
        kept = [
            (position, step)
            for position, step in enumerate(self._propagation.steps[:end])
            if step.variable == index
        ]
        for candidate in reversed(list(kept)):
            rest = [step for _, step in kept if step is not candidate[1]]
            if not self._left_by(index, rest) & ~target:
                kept.remove(candidate)
        return kept

    def _left_by(self, index: int, steps: Iterable[Step]) -> int:
        """The domain that some steps leave to a variable."""
        domain = self._store.variables[index].initial
        for step in steps:
            domain &= step.keep
        return domain

    def _write_demands(self, index: int, steps: list[Step]) -> None:
        """Demands on one package that contradict each other directly."""
        variable = self._store.variables[index]
        candidates = variable.candidates
        assert candidates is not None
        requested = [step.cause for step in steps if isinstance(step.cause, Demand)]
        nothing = [demand for demand in requested if not demand.allowed & candidates.all]
        if nothing and variable.name.startswith("__"):
            self._write(machine_text(variable))
        elif nothing:
            self._write(_available(variable, nothing[0]))
        elif len(requested) > 1 and not self._left_by(index, steps):
            self._write(_conflict_between(variable, requested))

    def _write_requirement(self, position: int, step: Step, source: int, unwanted: int) -> None:
        """All candidates of ``source`` require something outside the unwanted values."""
        groups = self._propagation.alternatives(source, step.variable)
        enough = 0
        for carriers, allowed in groups:
            if not allowed & unwanted:
                enough |= carriers
        now = self._domain_at(source, position) & enough
        needed = self._needed_steps(source, enough, position)
        if len(needed) == 1 and _is_requested(needed[0][1]):
            subject = _text_of_cause(needed[0][1].cause)
        else:
            self._justify(source, enough, position)
            subject = candidates_text(self._store.variables[source], now)
        self._write_relation(subject, source, step.variable, now)

    def _write_incompatibility(
        self, position: int, step: Step, other: int, unwanted: int, others: list[Step]
    ) -> None:
        """The unwanted candidates of a variable require values that another no longer has."""
        variable = self._store.variables[step.variable]
        lost = unwanted & ~step.keep & ~variable.absent
        reach = 0
        for carriers, allowed in self._propagation.alternatives(step.variable, other):
            if carriers & lost:
                reach |= allowed
        self._justify(other, self._store.variables[other].universe & ~reach, position)
        by_request = len(others) == 1 and _is_requested(others[0]) and not others[0].keep & ~lost
        subject = _text_of_cause(others[0].cause) if by_request else candidates_text(variable, lost)
        self._write_relation(subject, step.variable, other, lost)

    def _write_condition(self, position: int, step: Step, condition: ConditionalDependency) -> None:
        """A conditional dependency: all its other terms are true, so this one is false."""
        for index, values in condition.terms.items():
            if index != step.variable:
                self._justify(index, values, position)
        variables, target = self._store.variables, condition.target
        if variables[target].name.startswith(LIMIT):
            return  # the request says it
        self._write(
            condition_text(
                variables[condition.source],
                variables[target],
                condition.terms[target],
                condition.stated,
            )
        )

    def _write_relation(self, subject: str, source: int, target: int, carriers: int) -> None:
        """Write what some candidates require of another variable, unless it goes without saying."""
        variables = self._store.variables
        if not goes_without_saying(variables[source].name, variables[target].name):
            self._write(f"{subject} {self._relation(source, target, carriers)}")

    def _relation(self, source: int, target: int, carriers: int) -> str:
        """What some candidates of one variable require of another."""
        allowed = 0
        for group, possible in self._propagation.alternatives(source, target):
            if group & carriers:
                allowed |= possible
        texts = [
            clause.requirement.text
            for clause in self._store.clauses_of(self._store.variables[source])
            if clause.requirement.target == target and clause.premise & carriers
        ]
        other = self._store.variables[target]
        return requirement_text(other, allowed, texts) + unmet_text(self._store, other)

    def _domain_at(self, index: int, position: int) -> int:
        earlier = (step for step in self._propagation.steps[:position] if step.variable == index)
        return self._left_by(index, earlier)

    def _write(self, sentence: str) -> None:
        self._sentences[sentence] = None


def _is_requested(step: Step) -> bool:
    """Whether a step is a demand that the headline names."""
    cause = step.cause
    return (
        isinstance(cause, Demand)
        and isinstance(cause.origin, Origin)
        and cause.origin.kind in _REQUESTED
    )


def _conflict_between(variable: Variable, requested: Sequence[Demand]) -> str:
    """Why demands on one package exclude each other, though each can be met alone."""
    candidates = variable.candidates
    assert candidates is not None
    for demand in requested:
        limits = isinstance(demand.origin, Origin) and demand.origin.kind in (
            Kind.PIN,
            Kind.CONSTRAINT,
        )
        if limits and not demand.allowed & candidates.all:
            return _available(variable, demand)
    # A demand that is only a name has no versions to compare.
    texts = [_text_of(demand).removeprefix(variable.name).strip() for demand in requested]
    if len(versions := list(filter(None, texts))) > 1:
        return f"no {variable.name} is both {' and '.join(versions)}"
    origins = [demand.origin for demand in requested]
    return " and ".join(o.sentence if isinstance(o, Origin) else str(o) for o in origins)


def _available(variable: Variable, demand: Demand) -> str:
    """The versions or builds of a package that are available instead of the requested ones."""
    candidates = variable.candidates
    assert candidates is not None
    spec = demand.origin.spec if isinstance(demand.origin, Origin) else None
    if spec is not None:
        for field in SELECTING:
            wanted = getattr(spec, field)
            others = candidates.matching_spec(spec.replace(**{field: None})) if wanted else 0
            if others:
                meant = variable.name if spec.version is None else f"{variable.name} {spec.version}"
                return lacking_text(candidates, others, meant, field, wanted)
    if not candidates.size:
        return f"no channel has {candidates_text(variable, 0)}"
    return available_text(variable.name, candidates.versions_in(candidates.all))


def _text_of(demand: Demand) -> str:
    return demand.origin.text if isinstance(demand.origin, Origin) else str(demand.origin)


def _text_of_cause(cause: object) -> str:
    """A demand: the user's text if the headline has it, else a sentence."""
    assert isinstance(cause, Demand)
    origin = cause.origin
    if not isinstance(origin, Origin):
        return str(origin)
    return origin.text if origin.kind in _REQUESTED else origin.sentence


def minimal_core(search: Search, demands: Sequence[Demand]) -> list[Demand]:
    """A minimal contradiction: leave out each demand without which the others still conflict.

    Cost: about one search per demand, each short since all of them share learned clauses. Once
    the search may take no longer, or a source does not answer, the smallest one so far.

    Args:
        search: A search over the request's records.
        demands: Demands that contradict each other.
    """
    core = list(demands)
    for origin in _origins(demands):
        rest = [demand for demand in core if id(demand.origin) != origin]
        try:
            found = contradiction_in(search, rest)
        except (UndecidedError, ChannelError):
            break
        if found is not None:
            core = found
    return core


def contradiction_in(search: Search, demands: Sequence[Demand]) -> list[Demand] | None:
    """Those of some demands that contradict each other; None if they don't."""
    direct = list(dict.fromkeys(demand.name for demand in demands))
    try:
        search.run(demands, direct, builds=False)
    except Contradiction as contradiction:
        return contradiction.demands
    return None


def _origins(demands: Sequence[Demand]) -> list[int]:
    """The demands' origins, last first: the user's first specs are the last to be left out."""
    return list(dict.fromkeys(id(demand.origin) for demand in reversed(demands)))
