"""Text for explanations about Python projects (see joint/project_variables.py)."""

from __future__ import annotations

from minicon.models.version import version_key
from minicon.solver.candidates.candidate_table import (
    EXTRA,
    INSTALLED_WHEEL,
    LIMIT,
    MISSING,
    PROJECT,
    PYPI,
    REQUIREMENT,
    WHEELS,
)
from minicon.solver.explain.report_text import available_text, variable_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.solver.candidates.candidates import Candidates
    from minicon.solver.search.clause_store import ClauseStore
    from minicon.solver.search.clauses import Demand, Variable

#: What wheels, installed ones and extras require of these is worth a sentence.
_SPOKEN = (REQUIREMENT, EXTRA, LIMIT, MISSING)

#: Part of every sentence on a wheel that does not exist.
NO_WHEEL = " has no wheel for python "


def goes_without_saying(source: str, target: str) -> bool:
    """Whether a dependency only connects the variables of one project."""
    if source.startswith((WHEELS, INSTALLED_WHEEL, EXTRA)):
        is_silent = target == "python" or target == f"{MISSING}[need to build it]"
        return is_silent or (target.startswith(PYPI) and not target.startswith(_SPOKEN))
    return source.startswith(PYPI) or target.startswith(PROJECT)


def unmet_text(store: ClauseStore, variable: Variable) -> str:
    """Why no source can meet a requirement on a project, to follow it; empty if one can."""
    wheels = _only_wheels(store, variable)
    if wheels is None:
        return ""
    if not wheels.size:
        return ", which no source has"
    return f", but {released_text(wheels)}"


def unmatched(store: ClauseStore, variable: Variable) -> tuple[str, str] | None:
    """Headline and sentence for a requirement that no release of a project meets."""
    wheels = _only_wheels(store, variable)
    if wheels is None or not wheels.size:
        return None
    own = wheels.table.name.removeprefix(f"{WHEELS}[").removesuffix("]")
    versions = variable.name.removeprefix(f"{REQUIREMENT}[{own}").removesuffix("]")
    return f"no release of {own} matches {versions.strip()}", released_text(wheels)


def exclusive(store: ClauseStore, core: Sequence[Demand]) -> str | None:
    """Why requirements on versions of one project contradict each other; None if on several."""
    if len(core) < 2 or not all(each.name.startswith(REQUIREMENT) for each in core):
        return None
    targets = {
        store.variables[clause.requirement.target].name
        for each in core
        for clause in store.clauses_of(store.loaded(each.name))
    }
    projects = [each for each in targets if each.startswith(PROJECT)]
    if len(projects) != 1:
        return None
    own = variable_text(projects[0])
    versions = [variable_text(each.name).removeprefix(own).strip() for each in core]
    return f"no release of {own} is both {' and '.join(versions)}"


def without_repetition(sentences: Iterable[str]) -> list[str]:
    """Sentences on wheels that do not exist, one for all pythons: ``… for python 3.11 or 3.12``."""
    found: dict[tuple[str, str], list[str]] = {}
    for sentence in sentences:
        subject, separator, minor = sentence.partition(NO_WHEEL)
        found.setdefault((subject, separator), []).append(minor)
    return [
        subject + separator + " or ".join(sorted(minors, key=version_key) if separator else minors)
        for (subject, separator), minors in found.items()
    ]


def released_text(wheels: Candidates) -> str:
    """The releases of a project, without pre-releases if there are others."""
    from packaging.version import Version

    releases = sorted({Version(text) for text in wheels.table.versions}, reverse=True)
    finals = [each for each in releases if not each.is_prerelease] or releases
    own = wheels.table.name.removeprefix(f"{WHEELS}[").removesuffix("]")
    return available_text(own, [str(each) for each in finals])


def _only_wheels(store: ClauseStore, variable: Variable) -> Candidates | None:
    """The wheels of a project that only wheels provide, if a requirement accepts none of them."""
    if not variable.name.startswith(REQUIREMENT) or variable.universe.bit_count() != 2:
        return None
    for clause in store.clauses_of(variable):
        wheels = store.variables[clause.requirement.target]
        if wheels.name.startswith(WHEELS) and clause.requirement.allowed == 0:
            return wheels.candidates
    return None
