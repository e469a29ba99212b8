"""Story: how demands lead to a contradiction, as few sentences as can be.

Told backwards, then turned round: nothing is left of some package because of these steps; each of
them happened because of those before it, as far as it was needed at all.
"""

from __future__ import annotations

from minicon.solver.clause import Root
from minicon.solver.domain import members
from minicon.solver.narrowing import Excluded, Narrowing, Needs
from minicon.solver.origin import Kind, Origin
from minicon.solver.version_text import versions_in_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.solver.clause_store import ClauseStore
    from minicon.solver.narrowing import Step
    from minicon.solver.variable import Variable

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
            sentences += [f"{case}: {_Teller(inner).sentences()[-1]}"]
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
        assert self._narrowing.emptied is not None
        self._justify(self._narrowing.emptied, 0, len(self._narrowing.steps))
        return list(self._told)

    def _justify(self, index: int, target: int, end: int) -> None:
        """Tell why, before a moment, a variable was in some values."""
        if (index, target, end) in self._seen:
            return
        self._seen.add((index, target, end))
        for place, step, others in self._needed_steps(index, target, end):
            self._tell_step(place, step, others, target)

    def _needed_steps(self, index: int, target: int, end: int) -> list[tuple[int, Step, int]]:
        """Steps on a variable that suffice, each with what the others leave together."""
        variable = self._store.variables[index]
        steps = [
            (place, step)
            for place, step in enumerate(self._narrowing.steps[:end])
            if step.variable == index
        ]
        kept = list(steps)
        for candidate in reversed(steps):
            rest = variable.initial
            for other in kept:
                if other is not candidate:
                    rest &= other[1].keep
            if not rest & ~target:
                kept.remove(candidate)
        found = []
        for place, step in kept:
            others = variable.initial
            for other_place, another in kept:
                if other_place != place:
                    others &= another.keep
            found.append((place, step, others))
        return found

    def _tell_step(self, place: int, step: Step, others: int, target: int) -> None:
        cause = step.cause
        if isinstance(cause, Root):
            self._say(_words_of(cause))
        elif isinstance(cause, Needs):
            self._tell_need(place, step, cause.source, others & ~target)
        else:
            self._tell_exclusion(place, step, cause, others & ~target)

    def _tell_need(self, place: int, step: Step, source: int, unwanted: int) -> None:
        """All of ``source`` needs something outside the unwanted values."""
        groups = self._narrowing.alternatives(source, step.variable)
        enough = reach = 0
        for members_of, allowed in groups:
            if not allowed & unwanted:
                enough |= members_of
        now = self._domain_at(source, place) & enough
        for members_of, allowed in groups:
            if members_of & now:
                reach |= allowed
        subject = self._subject(source, enough, place)
        self._say(f"{subject} {self._verb(step.variable, reach)}")

    def _tell_exclusion(self, place: int, step: Step, cause: Excluded, unwanted: int) -> None:
        """The unwanted candidates of a variable need what another can no longer be."""
        lost = unwanted & ~step.keep
        compatible = reach = 0
        for members_of, allowed in self._narrowing.alternatives(step.variable, cause.other):
            if members_of & lost:
                reach |= allowed
        other = self._store.variables[cause.other]
        compatible = other.universe & ~reach
        self._justify(cause.other, compatible, place)
        variable = self._store.variables[step.variable]
        assert variable.candidates is not None
        lost &= variable.candidates.all
        words = versions_in_words(variable.candidates, lost)
        self._say(f"{variable.name} {words} {self._verb(cause.other, reach)}")

    def _subject(self, source: int, enough: int, place: int) -> str:
        """The package that needs something: by the user's own words where those suffice."""
        needed = self._needed_steps(source, enough, place)
        if len(needed) == 1 and isinstance(needed[0][1].cause, Root):
            origin = needed[0][1].cause.origin
            if isinstance(origin, Origin) and origin.kind in _ASKED:
                return origin.text
        self._justify(source, enough, place)
        variable = self._store.variables[source]
        assert variable.candidates is not None
        domain = self._domain_at(source, place)
        words = versions_in_words(variable.candidates, domain)
        return f"{variable.name}" if words == "any version" else f"{variable.name} {words}"

    def _verb(self, index: int, reach: int) -> str:
        """``needs python 3.9``, ``needs cudatoolkit, which no channel has``."""
        variable = self._store.variables[index]
        assert variable.candidates is not None
        if not variable.candidates.size:
            missing = (
                "which this machine does not have"
                if variable.name[:2] == "__"
                else "which no channel has"
            )
            return f"needs {variable.name}, {missing}"
        if not reach & variable.candidates.all:
            return (
                f"does not go with {variable.name}"
                if reach & variable.absent
                else f"needs a {variable.name} that does not exist"
            )
        verb = "goes only with" if reach & variable.absent else "needs"
        return f"{verb} {variable.name} {self._builds_in_words(variable, reach)}"

    @staticmethod
    def _builds_in_words(variable: Variable, reach: int) -> str:
        """Versions; where those do not tell the difference, builds."""
        candidates = variable.candidates
        assert candidates is not None
        words = versions_in_words(candidates, reach)
        same_versions = set(candidates.versions_in(reach))
        others = [
            place
            for place in members(candidates.all & ~reach)
            if candidates.table.versions[place] in same_versions
        ]
        if others and len(same_versions) == 1:
            builds = sorted(
                {candidates.table.builds[place] for place in members(reach & candidates.all)}
            )
            return f"{words} ({', '.join(builds[:2])}{', …' if len(builds) > 2 else ''})"
        return words

    def _domain_at(self, index: int, place: int) -> int:
        domain = self._store.variables[index].initial
        for step in self._narrowing.steps[:place]:
            if step.variable == index:
                domain &= step.keep
        return domain

    def _say(self, sentence: str) -> None:
        self._told[sentence] = None


def _words_of(root: Root) -> str:
    return root.origin.sentence if isinstance(root.origin, Origin) else str(root.origin)
