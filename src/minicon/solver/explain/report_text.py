"""Sets of candidates and relations between them, in words."""

from __future__ import annotations

from minicon.models.match_spec.spec import MatchSpec
from minicon.models.version import version_key
from minicon.solver.candidates.candidate_table import FEATURE, NOWHERE, REQUEST, UNREADABLE
from minicon.solver.candidates.candidates import members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.solver.candidates.candidate_table import Conditional
    from minicon.solver.candidates.candidates import Candidates
    from minicon.solver.search.clauses import Variable

#: Fields of a spec that select among the builds of a version, and what to call them.
SELECTING = {
    "build": "build",
    "build_number": "build number",
    "subdir": "build for",
    "flags": "flag",
    "features": "feature",
    "track_features": "tracked feature",
    "license": "license",
}
_INTERVALS = 3
_LISTED = 3
#: A beginning or an end that builds share is told if it is at least this long.
_TELLING = 3


def versions_in_words(candidates: Candidates, domain: int) -> str:
    """The versions of some candidates as few intervals: ``3.9 or 3.11 to 3.13``."""
    inside = {version_key(text) for text in candidates.versions_in(domain)}
    intervals: list[list[str]] = []
    is_open = False
    for text in reversed(candidates.versions_in(candidates.all)):
        if version_key(text) not in inside:
            is_open = False
        elif is_open:
            intervals[-1][1] = text
        else:
            intervals.append([text, text])
            is_open = True
    return _joined([first if first == last else f"{first} to {last}" for first, last in intervals])


def _joined(intervals: list[str]) -> str:
    if len(intervals) > _INTERVALS:
        return ", ".join([intervals[0], "…", *intervals[1 - _INTERVALS :]])
    if len(intervals) < 2:
        return "".join(intervals)
    return ", ".join(intervals[:-1]) + f" or {intervals[-1]}"


def in_words(variable: Variable, domain: int) -> str:
    """Some candidates of a package: its name alone, or with what tells them from the others.

    ``numpy``, ``numpy 1.19.5 to 1.26.4``, ``libblas *mkl``, ``python 3.12.0 *_cpython``.
    """
    candidates = variable.candidates
    assert candidates is not None
    domain &= candidates.all
    if variable.name.startswith(FEATURE):
        return f"the feature {variable.name[len(FEATURE) + 1 : -1]}"
    if domain == candidates.all:
        return variable.name
    versions = set(candidates.versions_in(domain))
    same_versions = [
        place
        for place in members(candidates.all & ~domain)
        if candidates.table.versions[place] in versions
    ]
    of_all = len(versions) == len(candidates.versions_in(candidates.all))
    words = [variable.name]
    if not of_all or not same_versions:
        words.append(versions_in_words(candidates, domain))
    if same_versions and (of_all or len(versions) == 1):
        words.append(_builds_in_words(candidates.table.builds[place] for place in members(domain)))
    return " ".join(words)


def _builds_in_words(builds: Iterable[str]) -> str:
    """What some build strings share, as a glob, or some of them."""
    texts = sorted(set(builds))
    if len(texts) == 1:
        return texts[0]
    head = _shared_start(texts)
    tail = _shared_start([text[::-1] for text in texts])[::-1]
    if max(len(head), len(tail)) < _TELLING:
        return f"({', '.join(texts[:2])}{', …' if len(texts) > 2 else ''})"
    return f"*{tail}" if len(tail) > len(head) else f"{head}*"


def _shared_start(texts: list[str]) -> str:
    """The longest beginning that all texts share."""
    first, last = min(texts), max(texts)
    size = next(
        (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:size]


def relation_in_words(target: Variable, allowed: int, texts: Iterable[str]) -> str:
    """What some candidates want another package to be: ``needs python 3.9.0 to 3.11.4``.

    Args:
        target: The other package.
        allowed: What it may be, all in all.
        texts: The dependencies as the packages wrote them.
    """
    candidates = target.candidates
    assert candidates is not None
    written = " or ".join(sorted(set(texts))[:2])
    optional = bool(allowed & target.absent)
    verb = "goes only with" if optional else "needs"
    if target.name.startswith("__"):
        return f"{verb} {written}; {what_machine_has(target)}"
    if target.name.startswith(UNREADABLE):
        return f"needs {target.name.removeprefix(UNREADABLE)}, which cannot be read"
    if not candidates.size:
        name = in_words(target, 0) if target.name.startswith(FEATURE) else target.name
        return f"needs {name}, which no channel has"
    if allowed & candidates.all:
        return f"{verb} {in_words(target, allowed)}"
    if optional:
        return f"does not go with {target.name}"
    return f"needs {written or target.name}, which does not exist"


def condition_in_words(
    source: Variable, target: Variable, refused: int, stated: Conditional
) -> str:
    """A conditional dependency: ``app 2.0 needs numpy >=2 if python>=3.10 and __unix``."""
    assert target.candidates is not None
    if stated.name == NOWHERE:
        return f"so {' and '.join(text for _, text in stated.condition)} must not hold"
    spec = MatchSpec(stated.text).replace(when=None) if stated.text != "*" else stated.name
    need = f"{spec} if {' and '.join(text for _, text in stated.condition)}"
    if source.name.startswith(REQUEST):
        told = f"{need} is a limit" if stated.optional else f"you want {need}"
    else:
        verb = "goes only with" if stated.optional else "needs"
        told = f"{in_words(source, stated.premise)} {verb} {need}"
    if target.universe & ~refused:
        return told
    if not target.candidates.size:
        return f"{told}; no channel has {stated.name}"
    versions = target.candidates.versions_in(target.candidates.all)
    return f"{told}; {what_there_is(stated.name, versions)}"


def what_there_is(name: str, versions: Sequence[str]) -> str:
    """The versions of a package: all of a few, else from where to where, and the newest.

    Args:
        name: The package.
        versions: Distinct, highest first; at least one.
    """
    if len(versions) == 1:
        return f"there is only {name} {versions[0]}"
    if len(versions) <= _LISTED:
        return f"there are {name} {', '.join(versions[:0:-1])} and {versions[0]}"
    newest = ", ".join(versions[:_LISTED])
    return f"there are {name} {versions[-1]} to {versions[0]} (the newest: {newest})"


def has_instead(candidates: Candidates, others: int, meant: str, field: str, wanted: object) -> str:
    """What builds have where something else was asked for: ``numpy 1.26 has no build py27*; …``.

    Args:
        candidates: Of the package.
        others: Those that are meant but for one field of the spec.
        meant: The package, with its versions if some are asked for.
        field: That field, one of ``SELECTING``.
        wanted: What the spec says of it.
    """
    found: dict[str, None] = {}
    for place in members(others):
        value = getattr(candidates.records[place], field)
        found.update(dict.fromkeys(value if isinstance(value, tuple) else [str(value)]))
    values = sorted(each for each in found if each not in ("", "None"))
    text = ", ".join(wanted) if isinstance(wanted, tuple) else getattr(wanted, "text", wanted)
    if not values:
        return f"{meant} has no {SELECTING[field]}"
    listed = ", ".join(values[:_LISTED]) + (", …" if len(values) > _LISTED else "")
    verb = "there are" if len(values) > 1 else "there is"
    return f"{meant} has no {SELECTING[field]} {text}; {verb} {listed}"


def what_machine_has(virtual: Variable) -> str:
    """``this machine has __glibc 2.39``, or that it has none."""
    candidates = virtual.candidates
    assert candidates is not None
    version = candidates.table.versions[0] if candidates.size else ""
    return (
        f"this machine has {virtual.name} {version}"
        if version
        else f"this machine has no {virtual.name}"
    )
