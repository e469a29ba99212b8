"""Story: how demands lead to a contradiction, as few sentences as can be.

Told backwards, then turned round: nothing is left of some package because of these steps; each of
them happened because of those before it, as far as it was needed at all.
"""

from __future__ import annotations

from minicon.solver.explain.explain_propagation import Conditioned, Excluded, Narrowing, Needs
from minicon.solver.explain.report_text import (
    SELECTING,
    condition_in_words,
    has_instead,
    in_words,
    relation_in_words,
    what_machine_has,
    what_there_is,
)
from minicon.solver.search.clauses import Root
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import Kind, Origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.solver.explain.explain_propagation import Step
    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Condition, Variable
    from minicon.solver.search.search import Search


#: A case distinction is told only if it has at most this many cases.
_CASES = 6

#: Demands that a sentence may name by the words of the user.
_ASKED = (Kind.SPEC, Kind.HISTORY, Kind.PIN, Kind.CONSTRAINT)


def tell(store: ClauseStore, roots: Sequence[Root]) -> list[str] | None:
    """Sentences that lead from roots to their contradiction.

    Returns:
        None if narrowing does not find one, even with one case distinction.
    """
    for thorough in (False, True):
        narrowing = Narrowing(store, roots, thorough=thorough)
        if narrowing.emptied is not None:
            return _Teller(narrowing).sentences()
    return _tell_cases(store, roots, narrowing)


def _tell_cases(
    store: ClauseStore, roots: Sequence[Root], narrowing: Narrowing
) -> list[str] | None:
    """Tell a contradiction version by version of one package, python by preference."""
    for variable in sorted(_splittable(store, narrowing), key=lambda each: each.name != "python"):
        assert variable.candidates is not None
        sentences: list[str] = []
        for version in variable.candidates.versions_in(narrowing.domain(variable.index)):
            place = variable.candidates.table.versions.index(version)
            case = f"with {variable.name} {version}"
            assumed = Root(variable.name, variable.candidates.of_version(place), case)
            inner = Narrowing(store, [*roots, assumed])
            if inner.emptied is None:
                break
            told = [each for each in _Teller(inner).sentences() if each != case]
            sentences.append(f"{case}: {told[-1] if told else 'nothing fits'}")
        else:
            return sentences
    return None


def _splittable(store: ClauseStore, narrowing: Narrowing) -> Iterable[Variable]:
    for variable in store.variables:
        domain = narrowing.domain(variable.index)
        if variable.candidates is None or domain < 0 or domain & variable.absent:
            continue
        if 2 <= len(variable.candidates.versions_in(domain)) <= _CASES:
            yield variable


class _Teller:
    """Cuts a finished narrowing down to what its contradiction needs, and words it."""

    def __init__(self, narrowing: Narrowing) -> None:
        self._narrowing = narrowing
        self._store = narrowing.store
        self._told: dict[str, None] = {}
        self._seen: set[tuple[int, int, int]] = set()

    def sentences(self) -> list[str]:
        """All that is to be said."""
        assert self._narrowing.emptied is not None
        self._justify(self._narrowing.emptied, 0, len(self._narrowing.steps))
        return list(self._told)

    def _justify(self, index: int, target: int, end: int) -> None:
        """Tell why, before a moment, a variable was in some values."""
        if (index, target, end) in self._seen:
            return
        self._seen.add((index, target, end))
        needed = self._needed_steps(index, target, end)
        if all(isinstance(step.cause, Root) for _, step in needed):
            self._tell_roots(index, [step for _, step in needed])
        for place, step in needed:
            others = [other for _, other in needed if other is not step]
            unwanted = self._left_by(index, others) & ~target
            if isinstance(step.cause, Needs):
                self._tell_need(place, step, step.cause.source, unwanted)
            elif isinstance(step.cause, Excluded):
                self._tell_exclusion(place, step, step.cause.other, unwanted, others)
            elif isinstance(step.cause, Conditioned):
                self._tell_condition(place, step, step.cause.by)
            elif not _is_asked(step):
                self._say(_words_of(step.cause))

    def _needed_steps(self, index: int, target: int, end: int) -> list[tuple[int, Step]]:
        """Steps on a variable that suffice to bring it into some values."""
        kept = [
            (place, step)
            for place, step in enumerate(self._narrowing.steps[:end])
            if step.variable == index
        ]
        for candidate in reversed(list(kept)):
            rest = [step for _, step in kept if step is not candidate[1]]
            if not self._left_by(index, rest) & ~target:
                kept.remove(candidate)
        return kept

    def _left_by(self, index: int, steps: Iterable[Step]) -> int:
        """What some steps leave of a variable."""
        domain = self._store.variables[index].initial
        for step in steps:
            domain &= step.keep
        return domain

    def _tell_roots(self, index: int, steps: list[Step]) -> None:
        """Demands that clash by themselves, without anything in between."""
        variable = self._store.variables[index]
        candidates = variable.candidates
        assert candidates is not None
        asked = [step.cause for step in steps if isinstance(step.cause, Root)]
        nothing = [root for root in asked if not root.allowed & variable.initial]
        if nothing and variable.name.startswith("__"):
            self._say(what_machine_has(variable))
        elif nothing:
            self._say(_what_there_is(variable, nothing[0]))
        elif len(asked) > 1 and not self._left_by(index, steps):
            self._say(_clash(variable, asked))

    def _tell_need(self, place: int, step: Step, source: int, unwanted: int) -> None:
        """All of ``source`` needs something outside the unwanted values."""
        groups = self._narrowing.alternatives(source, step.variable)
        enough = 0
        for carriers, allowed in groups:
            if not allowed & unwanted:
                enough |= carriers
        now = self._domain_at(source, place) & enough
        needed = self._needed_steps(source, enough, place)
        if len(needed) == 1 and _is_asked(needed[0][1]):
            subject = _words_of(needed[0][1].cause)
        else:
            self._justify(source, enough, place)
            subject = in_words(self._store.variables[source], now)
        self._say(f"{subject} {self._relation(source, step.variable, now)}")

    def _tell_exclusion(
        self, place: int, step: Step, other: int, unwanted: int, others: list[Step]
    ) -> None:
        """The unwanted candidates of a variable need what another can no longer be."""
        variable = self._store.variables[step.variable]
        lost = unwanted & ~step.keep & ~variable.absent
        reach = 0
        for carriers, allowed in self._narrowing.alternatives(step.variable, other):
            if carriers & lost:
                reach |= allowed
        self._justify(other, self._store.variables[other].universe & ~reach, place)
        by_request = len(others) == 1 and _is_asked(others[0]) and not others[0].keep & ~lost
        subject = _words_of(others[0].cause) if by_request else in_words(variable, lost)
        self._say(f"{subject} {self._relation(step.variable, other, lost)}")

    def _tell_condition(self, place: int, step: Step, condition: Condition) -> None:
        """A conditional dependency: all the rest of it holds, so this part cannot."""
        for index, values in condition.terms.items():
            if index != step.variable:
                self._justify(index, values, place)
        variables, target = self._store.variables, condition.target
        self._say(
            condition_in_words(
                variables[condition.source],
                variables[target],
                condition.terms[target],
                condition.stated,
            )
        )

    def _relation(self, source: int, target: int, carriers: int) -> str:
        """What some candidates of one variable want another to be."""
        allowed = 0
        for group, possible in self._narrowing.alternatives(source, target):
            if group & carriers:
                allowed |= possible
        texts = [
            clause.need.text
            for clause in self._store.clauses_of(self._store.variables[source])
            if clause.need.target == target and clause.premise & carriers
        ]
        return relation_in_words(self._store.variables[target], allowed, texts)

    def _domain_at(self, index: int, place: int) -> int:
        earlier = (step for step in self._narrowing.steps[:place] if step.variable == index)
        return self._left_by(index, earlier)

    def _say(self, sentence: str) -> None:
        self._told[sentence] = None


def _is_asked(step: Step) -> bool:
    """Whether a step is a demand that the headline names already."""
    cause = step.cause
    return (
        isinstance(cause, Root) and isinstance(cause.origin, Origin) and cause.origin.kind in _ASKED
    )


def _clash(variable: Variable, asked: Sequence[Root]) -> str:
    """Why some demands on one package exclude each other, though each could be met alone."""
    candidates = variable.candidates
    assert candidates is not None
    for root in asked:
        limits = isinstance(root.origin, Origin) and root.origin.kind in (Kind.PIN, Kind.CONSTRAINT)
        if limits and not root.allowed & candidates.all:
            return _what_there_is(variable, root)
    # A demand that is a name alone has no text here.
    texts = [_text_of(root).removeprefix(variable.name).strip() for root in asked]
    if len(told := list(filter(None, texts))) > 1:
        return f"no {variable.name} is both {' and '.join(told)}"
    origins = [root.origin for root in asked]
    return " and ".join(o.sentence if isinstance(o, Origin) else str(o) for o in origins)


def _what_there_is(variable: Variable, root: Root) -> str:
    """What a package has instead of the version or build that was asked for."""
    candidates = variable.candidates
    assert candidates is not None
    spec = root.origin.spec if isinstance(root.origin, Origin) else None
    if spec is not None:
        for field in SELECTING:
            wanted = getattr(spec, field)
            others = candidates.matching_spec(spec.replace(**{field: None})) if wanted else 0
            if others:
                meant = variable.name if spec.version is None else f"{variable.name} {spec.version}"
                return has_instead(candidates, others, meant, field, wanted)
    return what_there_is(variable.name, candidates.versions_in(candidates.all))


def _text_of(root: Root) -> str:
    return root.origin.text if isinstance(root.origin, Origin) else str(root.origin)


def _words_of(cause: object) -> str:
    """A demand: by its own words where the headline has it, else as a sentence."""
    assert isinstance(cause, Root)
    origin = cause.origin
    if not isinstance(origin, Origin):
        return str(origin)
    return origin.text if origin.kind in _ASKED else origin.sentence


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
