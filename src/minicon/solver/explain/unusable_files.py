"""Requirements on projects of which an index has releases, but none that can be used."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from minicon.lazy_pattern import lazy_pattern
from minicon.models.match_spec.spec import parse_dependency
from minicon.models.version import python_minor
from minicon.solver.candidates.candidate_table import REQUIREMENT
from minicon.solver.explain.report_text import variable_text
from minicon.solver.search.conflict_analysis import Contradiction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packaging.version import Version

    from minicon.models.indexes.wheel_index import Obstacle
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.clauses import Demand
    from minicon.solver.search.conda_subproblem import CondaSubproblem

_NAME = lazy_pattern(r"[a-z0-9-]+")
#: How a requirement by URL continues after the name (PEP 508).
_BY_URL = " @ "


class Unusable(NamedTuple):
    """A derivation that says why files cannot be used.

    Attributes:
        headline: Another first line, or None.
        sentences: The derivation.
        hint: What to do about it, or None.
    """

    headline: str | None
    sentences: list[str]
    hint: str | None


def with_unusable(
    request: SolveRequest, conda: CondaSubproblem, core: Sequence[Demand], derivation: list[str]
) -> Unusable:
    """Add to a derivation why releases that its requirements accept cannot be used.

    Args:
        request: The request.
        conda: Its packages.
        core: The demands that contradict each other.
        derivation: Why they do.
    """
    demanded = {demand.name for demand in core}
    names = [each.name for each in conda.store.variables if each.name.startswith(REQUIREMENT)]
    for name in names:
        text = variable_text(name)
        found = [each for each in derivation if _mentions(each, text)]
        if name not in demanded and not found:
            continue
        if _BY_URL in text:
            follow = f"needs {text}: request it by that URL too, to install it from there"
            return Unusable(None, [_replaced(each, text, follow) for each in derivation], None)
        own = _NAME.match(text)
        obstacles = _obstacles(request, conda, own[0], text) if own else ()
        if not obstacles:
            continue
        reasons = [each.reason for each in obstacles]
        if len(core) == 1 and name in demanded:
            return Unusable(f"no file of {text} can be used", reasons, obstacles[0].hint)
        follow = f"needs {text}, but {'; '.join(reasons)}"
        sentences = [_replaced(each, text, follow) for each in derivation]
        if sentences == derivation:
            sentences = [*reasons, *derivation]
        return Unusable(None, sentences, None)
    return Unusable(None, derivation, None)


def _mentions(sentence: str, text: str) -> bool:
    _, needs, rest = sentence.partition(f" needs {text}")
    return bool(needs) and rest[:1] in ("", ",", ";", " ")


def _replaced(sentence: str, text: str, follow: str) -> str:
    if not _mentions(sentence, text):
        return sentence
    return f"{sentence.partition(f' needs {text}')[0]} {follow}"


def _obstacles(
    request: SolveRequest, conda: CondaSubproblem, own: str, text: str
) -> Sequence[Obstacle]:
    """Why no release of a project that a requirement accepts can be used, whatever the rest."""
    if request.wheels is None or _has_builds(request, conda, own):
        return ()
    versions = _possible_pythons(conda)
    return request.wheels.obstacles(own, _accepts(text.removeprefix(own)), versions)


def _has_builds(request: SolveRequest, conda: CondaSubproblem, own: str) -> bool:
    names = request.wheels.conda_names(own) if request.wheels else (own,)
    return any(conda.source.candidates(name).size for name in names)


def _possible_pythons(conda: CondaSubproblem) -> tuple[str, ...]:
    """The newest version of each minor of python that the conda part of a request allows."""
    python = conda.source.candidates("python")
    try:
        domain = conda.possible("python") & python.all
    except Contradiction:
        domain = python.all
    newest = {python_minor(text): text for text in reversed(python.versions_in(domain))}
    return tuple(newest.values())


def _accepts(versions: str) -> Callable[[Version], bool]:
    """Whether a requirement, of PEP 440 or a MatchSpec's, accepts a version."""
    try:
        return partial(SpecifierSet(versions).contains, prereleases=True)
    except InvalidSpecifier:
        spec = parse_dependency(f"x {versions.strip()}").version
        return lambda version: spec is None or spec.contains(str(version))
