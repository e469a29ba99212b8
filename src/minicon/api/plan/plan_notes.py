"""Notes of a plan: what a user should know about it, one sentence each."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minicon.api.plan.planning import PlanningContext
    from minicon.api.plan.sources import Sources
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import RepodataRecord
    from minicon.solver.request import Solution


def plan_notes(question: PlanningContext, solution: Solution) -> tuple[str, ...]:
    """All of them, in the order in which they are told."""
    return (
        *source_notes(question.sources),
        *_replacing(question),
        *_unknown_extras(question.asked.specs, solution.records),
        *built_notes(solution.pip_requirements),
    )


def source_notes(sources: Sources) -> tuple[str, ...]:
    """One sentence for each built-in channel that does not answer."""
    instead = " and ".join(sources.names)
    return tuple(
        f"{channel.name} cannot be reached: using {instead} instead" for channel in sources.skipped
    )


def built_notes(requirements: Sequence[str]) -> Iterator[str]:
    """One sentence for each project of which only the source is there."""
    from minicon.redaction import redact

    for text in requirements:
        line = redact(text.partition("\n")[0].removesuffix("\\").strip())
        yield f"{line} has no wheel that fits: pip has to build it from source, which may fail"


def _replacing(question: PlanningContext) -> tuple[str, ...]:
    """One sentence where a new environment takes the place of one that is there."""
    if question.request.action != "create" or not question.there:
        return ()
    return ("this environment is there already: it becomes what is asked for, and no more",)


def _unknown_extras(specs: Sequence[MatchSpec], records: Sequence[RepodataRecord]) -> Iterator[str]:
    """Extras that a chosen build does not have: they bring nothing, and are no error (CEP 44)."""
    wanted = {spec.exact_name: spec.extras for spec in specs if spec.extras}
    for record in records if wanted else ():
        there = record.extra_depends
        for extra in wanted.get(record.name, ()) if record.source == "conda" else ():
            if extra not in there:
                known = f"it has {', '.join(sorted(there))}" if there else "it has none"
                yield f"{record.name} {record.version} has no extra {extra}; {known}"
