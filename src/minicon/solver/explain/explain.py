"""From contradicting demands to an error that says why, and which changes work."""

from __future__ import annotations

from time import thread_time

from minicon.errors import ChannelError, SpecError
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import MatchSpec, parse_dependency
from minicon.models.version import version_key
from minicon.solver.candidates.candidate_table import PYPI, REQUEST
from minicon.solver.explain.derivation import derivation_of, minimal_core
from minicon.solver.explain.explanation import Explanation
from minicon.solver.explain.fixes import find_fixes
from minicon.solver.explain.project_text import NO_WHEEL, exclusive, unmatched, without_repetition
from minicon.solver.explain.report_text import IN_NO_CHANNEL, variable_text
from minicon.solver.request import ChannelPriority
from minicon.solver.search.demands import Kind, Origin
from minicon.solver.search.search import Search

#: Processor time for making a conflict smaller and deriving it; and the same for its fixes.
_SECONDS = 1.0

#: How the headline names demands that are no part of the command.
_NAMED = {
    Kind.PIN: "the pin {}",
    Kind.CONSTRAINT: "the constraint {}",
    Kind.HISTORY: "{} (requested earlier)",
}

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.errors import MiniconError
    from minicon.models.records import RepodataRecord
    from minicon.solver.explain.explanation import Fix
    from minicon.solver.explain.fixes import Solves
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.clauses import Demand
    from minicon.solver.search.conda_subproblem import CondaSubproblem
    from minicon.solver.search.conflict_analysis import Contradiction


def explain_contradiction(
    request: SolveRequest, conda: CondaSubproblem, contradiction: Contradiction, solves: Solves
) -> MiniconError:
    """The error for demands that contradict each other.

    Args:
        request: The request.
        conda: Its packages.
        contradiction: How the search failed.
        solves: Whether another request has a solution.
    """
    end = thread_time() + _SECONDS
    core = minimal_core(Search(conda.store, _SECONDS), contradiction.demands)
    derivation = _derived(conda, core, end)
    hidden = _hidden_by_priority(request, conda, core)
    fixes = _fixes(request, conda, core, solves)
    headline = None if hidden else _unmatched(conda, core)
    released = unmatched(conda.store, conda.store.loaded(core[0].name)) if len(core) == 1 else None
    if released is not None:
        headline, derivation = released[0], [released[1]]
    hint = None
    if request.wheels is not None:
        from minicon.solver.explain.unusable_files import with_unusable

        files, derivation, hint = with_unusable(request, conda, core, derivation)
        headline = files or headline
    sentences = (*derivation, *hidden)
    missing = _missing(conda, sentences)
    names = tuple(dict.fromkeys(demand_text(demand) for demand in core))
    error = Explanation(names, sentences, tuple(fixes), headline, missing).as_error()
    error.hint = hint or error.hint
    return error


def _fixes(
    request: SolveRequest, conda: CondaSubproblem, core: Sequence[Demand], solves: Solves
) -> list[Fix]:
    """Changes that were found to work within the time that is allowed."""
    end = thread_time() + _SECONDS
    conda.limit(_SECONDS)

    def solves_in_time(changed: SolveRequest) -> bool:
        left = end - thread_time()
        return left > 0 and solves(replace(changed, max_seconds=left))

    return find_fixes(request, conda, core, solves_in_time)


def _derived(conda: CondaSubproblem, core: Sequence[Demand], end: float) -> list[str]:
    try:
        sentences = derivation_of(conda.store, core, end) or [_no_derivation(conda, core)]
    except ChannelError:
        return [_no_derivation(conda, core)]
    if not any(demand.name == "python" for demand in core):
        # The conflict does not depend on python, so wheels for other pythons play no part.
        sentences = [each for each in sentences if NO_WHEEL not in each] or sentences
    return without_repetition(sentences)


def demand_text(demand: Demand) -> str:
    """A demand as the headline names it."""
    origin = demand.origin
    if not isinstance(origin, Origin):
        return str(origin)
    return _NAMED.get(origin.kind, "{}").format(origin.text)


def _no_derivation(conda: CondaSubproblem, core: Sequence[Demand]) -> str:
    """The sentence for contradictions that only the search finds."""
    excluding = exclusive(conda.store, core)
    if excluding is not None:
        return excluding
    listed = list(dict.fromkeys(variable_text(demand.name) for demand in core))
    if len(listed) == 1:
        return f"no source has a {listed[0]} with dependencies that can be installed together"
    names = ", ".join(listed)
    return f"each can be installed alone, but no combination of {names} and their dependencies can"


def _unmatched(conda: CondaSubproblem, core: Sequence[Demand]) -> str | None:
    """The headline for a single demand that no candidate meets."""
    if len(core) > 1 or core[0].name.startswith("__"):
        return None
    exists = core[0].allowed & conda.store.loaded(core[0].name).universe
    return None if exists else f"no source has {demand_text(core[0])}"


def _missing(conda: CondaSubproblem, sentences: Sequence[str]) -> tuple[str, ...]:
    """The packages that the sentences say no channel has."""
    return tuple(
        variable.name
        for variable in conda.store.variables
        if variable.candidates is not None
        and not variable.candidates.size
        and not variable.name.startswith(PYPI)
        and any(f"{variable.name}, {IN_NO_CHANNEL}" in each for each in sentences)
    )


def _hidden_by_priority(
    request: SolveRequest, conda: CondaSubproblem, core: Sequence[Demand]
) -> list[str]:
    """Sentences on channels that have what is needed, but are excluded by strict priority."""
    if request.channel_priority is not ChannelPriority.STRICT:
        return []
    found = []
    for name, texts in _unavailable(conda, core).items():
        if name.startswith((REQUEST, PYPI)):
            continue
        specs = [spec for text in texts if (spec := _parsed(text)) is not None]
        having = conda.source.channels_having(name)
        if len(having) < 2:
            continue
        first, *later = having
        for channel, records in later:
            matching = _matching(records, specs)
            if matching and not _matching(first[1], specs):
                newest = max(matching, key=lambda each: version_key(each.version)).version
                found.append(
                    f"{channel} has {name} {newest}, but {first[0]}, which comes before it, "
                    f"has {name} too (strict channel priority)"
                )
                break
    return found


def _unavailable(conda: CondaSubproblem, core: Sequence[Demand]) -> dict[str, list[str]]:
    """Per package, specs of the demands and of their dependencies that nothing available meets."""
    wanted = {demand.name: [_spec_text(demand)] for demand in core}
    for name in list(wanted):
        for clause in conda.store.clauses_of(conda.store.loaded(name)):
            requirement = clause.requirement
            target = conda.store.variables[requirement.target]
            allowed = requirement.allowed
            is_unmet = allowed is not None and not allowed & target.universe
            if is_unmet and not requirement.optional:
                wanted.setdefault(target.name, []).append(requirement.text)
    return wanted


def _matching(
    records: Sequence[RepodataRecord], specs: Sequence[MatchSpec]
) -> list[RepodataRecord]:
    return [each for each in records if any(spec.matches(each) for spec in specs)]


def _spec_text(demand: Demand) -> str:
    return demand.origin.text if isinstance(demand.origin, Origin) else demand.name


def _parsed(text: str) -> MatchSpec | None:
    try:
        return parse_dependency(text)
    except SpecError:
        return None
