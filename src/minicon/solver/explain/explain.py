"""From contradicting demands to an error that says why, and what would work."""

from __future__ import annotations

from minicon.errors import SpecError
from minicon.models.match_spec.spec import MatchSpec, parse_dependency
from minicon.models.version import version_key
from minicon.solver.candidates.candidate_table import REQUEST
from minicon.solver.explain.derivation import minimal_core, tell
from minicon.solver.explain.explanation import Explanation
from minicon.solver.explain.fixes import find_fixes
from minicon.solver.request import ChannelPriority
from minicon.solver.search.demands import Kind, Origin
from minicon.solver.search.search import Search

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.errors import MiniconError
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.clauses import Root
    from minicon.solver.search.conda_subproblem import CondaSubproblem
    from minicon.solver.search.conflict_analysis import Contradiction


def explain_contradiction(
    request: SolveRequest, side: CondaSubproblem, contradiction: Contradiction
) -> MiniconError:
    """The error for demands on conda packages that contradict each other."""
    search = Search(side.store)
    core = minimal_core(search, contradiction.roots)
    sentences = tell(side.store, core) or _search_needed(core)
    hidden = hidden_by_priority(request, side, core)
    fixes = find_fixes(request, side, core)
    headline = None if hidden else _nothing_like(side, core)
    told = (*sentences, *hidden)
    missing = _missing(side, told)
    return Explanation(_demands(core), told, tuple(fixes), headline, missing).as_error()


def _missing(side: CondaSubproblem, told: Sequence[str]) -> tuple[str, ...]:
    """What the sentences say that no channel has."""
    return tuple(
        variable.name
        for variable in side.store.variables
        if variable.candidates is not None
        and not variable.candidates.size
        and any(f"{variable.name}, which no channel has" in each for each in told)
    )


def _nothing_like(side: CondaSubproblem, core: Sequence[Root]) -> str | None:
    """The headline for a demand that nothing anywhere meets."""
    if len(core) > 1 or core[0].name.startswith("__"):
        return None
    exists = core[0].allowed & side.store.loaded(core[0].name).universe
    return None if exists else f"no source has {named(core[0])}"


def hidden_by_priority(
    request: SolveRequest, side: CondaSubproblem, core: Sequence[Root]
) -> list[str]:
    """Which channels have what is wanted, but may not give it under strict priority."""
    if request.channel_priority is not ChannelPriority.STRICT:
        return []
    wanted = {root.name: [_text(root)] for root in core}
    names = {root.name for root in core}
    for name in names:
        for clause in side.store.clauses_of(side.store.loaded(name)):
            need = clause.need
            target = side.store.variables[need.target]
            nothing = need.allowed is not None and not need.allowed & target.universe
            if nothing and not need.optional:
                wanted.setdefault(target.name, []).append(need.text)
    found = []
    for name, texts in wanted.items():
        if name.startswith(REQUEST):
            continue
        specs = [spec for text in texts if (spec := _spec(text)) is not None]
        having = side.source.channels_having(name)
        if len(having) < 2:
            continue
        first, *later = having
        for channel, records in later:
            fitting = [each for each in records if any(spec.matches(each) for spec in specs)]
            if fitting and not any(spec.matches(each) for each in first[1] for spec in specs):
                newest = max(fitting, key=lambda each: version_key(each.version)).version
                found.append(
                    f"{channel} has {name} {newest}, but {first[0]}, which comes before it, "
                    f"has {name} too (strict channel priority)"
                )
                break
    return found


def _text(root: Root) -> str:
    return root.origin.text if isinstance(root.origin, Origin) else root.name


def _spec(text: str) -> MatchSpec | None:
    try:
        return parse_dependency(text)
    except SpecError:
        return None


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
