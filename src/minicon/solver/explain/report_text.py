"""Text for explanations: sets of candidates, and what they require of other packages."""

from __future__ import annotations

from minicon.errors import SpecError
from minicon.models.match_spec.spec import parse_dependency
from minicon.models.version import version_key
from minicon.solver.candidates.candidate_table import (
    FEATURE,
    LIMIT,
    MISSING,
    PYPI,
    REQUEST,
    UNREADABLE,
)
from minicon.solver.candidates.candidates import members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minicon.solver.candidates.candidate_table import Conditional
    from minicon.solver.candidates.candidates import Candidates
    from minicon.solver.search.clauses import Variable

#: Fields of a spec that select among the builds of a version, and their names in messages.
SELECTING = {
    "build": "build",
    "build_number": "build number",
    "subdir": "build for",
    "flags": "flag",
    "features": "feature",
    "track_features": "tracked feature",
    "license": "license",
}
#: Virtual packages that stand for a system.
_SYSTEMS = {"__linux": "Linux", "__osx": "macOS", "__win": "Windows", "__unix": "Linux or macOS"}
_INTERVALS = 3
_LISTED = 3
#: Requirements that a sentence shows as they are written; of more, the versions that they allow.
_ALTERNATIVES = 2
#: A common prefix or suffix of build strings is used if it has at least this many characters.
_DISTINCTIVE = 3


def _versions_text(candidates: Candidates, domain: int) -> str:
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


def candidates_text(variable: Variable, domain: int) -> str:
    """Some candidates of a package: its name, and what distinguishes them from the others.

    ``numpy``, ``numpy 1.19.5 to 1.26.4``, ``libblas *mkl``, ``python 3.12.0 *_cpython``.
    """
    candidates = variable.candidates
    assert candidates is not None
    domain &= candidates.all
    if variable.name.startswith(PYPI):
        return f"{variable_text(variable.name)} {_versions_text(candidates, domain)}"
    if variable.name.startswith(FEATURE):
        return f"the feature {variable.name[len(FEATURE) + 1 : -1]}"
    if domain == candidates.all:
        return variable.name
    versions = set(candidates.versions_in(domain))
    same_versions = [
        position
        for position in members(candidates.all & ~domain)
        if candidates.table.versions[position] in versions
    ]
    has_all_versions = len(versions) == len(candidates.versions_in(candidates.all))
    words = [variable.name]
    if not has_all_versions or not same_versions:
        words.append(_versions_text(candidates, domain))
    if same_versions and (has_all_versions or len(versions) == 1):
        builds = candidates.table.builds
        words.append(_builds_text(builds[position] for position in members(domain)))
    return " ".join(words)


def _builds_text(builds: Iterable[str]) -> str:
    """The common part of some build strings as a glob, or else some of them."""
    texts = sorted(set(builds))
    if len(texts) == 1:
        return texts[0]
    head = _common_prefix(texts)
    tail = _common_prefix([text[::-1] for text in texts])[::-1]
    if max(len(head), len(tail)) < _DISTINCTIVE:
        return f"({', '.join(texts[:2])}{', …' if len(texts) > 2 else ''})"
    return f"*{tail}" if len(tail) > len(head) else f"{head}*"


def _common_prefix(texts: list[str]) -> str:
    first, last = min(texts), max(texts)
    size = next(
        (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:size]


def requirement_text(target: Variable, allowed: int, texts: Iterable[str]) -> str:
    """What some candidates require of another package: ``needs python >=3.9,<3.12``.

    Args:
        target: The other package.
        allowed: The domain that they allow it.
        texts: The dependencies in the packages' metadata.
    """
    candidates = target.candidates
    assert candidates is not None
    if target.name.startswith(MISSING):
        return f"has no {variable_text(target.name)}"
    if target.name.startswith(LIMIT):
        return f"does not match {variable_text(target.name)}"
    different = sorted(set(texts))
    written = " or ".join(different[:_ALTERNATIVES])
    if target.name.startswith(PYPI) and allowed & target.absent:
        return f"is compatible only with {written}"
    if target.name.startswith(PYPI):
        return f"needs {variable_text(target.name)}"
    optional = bool(allowed & target.absent)
    verb = "is compatible only with" if optional else "needs"
    if target.name.startswith("__"):
        return f"{verb} {written}; {machine_text(target)}"
    if target.name.startswith(UNREADABLE):
        return f"needs {target.name.removeprefix(UNREADABLE)}, which cannot be parsed"
    if not candidates.size:
        name = candidates_text(target, 0) if target.name.startswith(FEATURE) else target.name
        return f"needs {name}, {IN_NO_CHANNEL}"
    if allowed & candidates.all:
        is_short = 0 < len(different) <= _ALTERNATIVES
        return f"{verb} {written if is_short else candidates_text(target, allowed)}"
    if optional:
        return f"is incompatible with {target.name}"
    return _unmet_text(target.name, candidates, different)


def _unmet_text(name: str, candidates: Candidates, texts: Sequence[str]) -> str:
    """A need that no candidate of a package meets, and the versions there are in its place."""
    needed = f"needs {' or '.join(texts[:_ALTERNATIVES]) or name}"
    try:
        specs = [parse_dependency(text) for text in texts]
    except SpecError:
        return f"{needed}, which cannot be parsed"
    if not specs or any(getattr(spec, field) for spec in specs for field in SELECTING):
        return f"{needed}, which no source has"
    return f"{needed}; {available_text(name, candidates.versions_in(candidates.all))}"


#: Follows the name of a package that is needed and missing.
IN_NO_CHANNEL = "which no channel has"


def condition_text(source: Variable, target: Variable, refused: int, stated: Conditional) -> str:
    """A conditional dependency: ``app 2.0 needs numpy >=2 if python>=3.10 and __unix``."""
    assert target.candidates is not None
    condition = " and ".join(text for _, text in stated.condition)
    spec: object = variable_text(stated.name)
    if stated.text != "*":
        spec = parse_dependency(stated.text).replace(when=None)
    needed = f"{spec} if {condition}"
    if source.name.startswith(REQUEST):
        sentence = f"{needed} is a constraint" if stated.optional else f"you requested {needed}"
    else:
        verb = "is compatible only with" if stated.optional else "needs"
        sentence = f"{candidates_text(source, stated.premise)} {verb} {needed}"
    if target.universe & ~refused or target.name.startswith(PYPI):
        return sentence
    if not target.candidates.size:
        return f"{sentence}; no channel has {stated.name}"
    versions = target.candidates.versions_in(target.candidates.all)
    return f"{sentence}; {available_text(stated.name, versions)}"


def available_text(name: str, versions: Sequence[str]) -> str:
    """The available versions of a package: all if they are few, else the range and the newest.

    Args:
        name: The package.
        versions: Distinct versions, highest first; at least one.
    """
    if len(versions) == 1:
        return f"only {name} {versions[0]} is available"
    if len(versions) <= _LISTED:
        return f"only {name} {', '.join(versions[:0:-1])} and {versions[0]} are available"
    newest = ", ".join(versions[:_LISTED])
    return f"only {name} {versions[-1]} to {versions[0]} are available (newest: {newest})"


def lacking_text(
    candidates: Candidates, others: int, described: str, field: str, wanted: object
) -> str:
    """What builds lack and what they have instead: ``numpy 1.26 has no build py27*; available: …``.

    Args:
        candidates: Of the package.
        others: Those that match a spec except for one field.
        described: The package, with its versions if some were requested.
        field: That field, one of ``SELECTING``.
        wanted: Its value in the spec.
    """
    found: dict[str, None] = {}
    for position in members(others):
        value = getattr(candidates.records[position], field)
        found.update(dict.fromkeys(value if isinstance(value, tuple) else [str(value)]))
    values = sorted(each for each in found if each not in ("", "None"))
    text = ", ".join(wanted) if isinstance(wanted, tuple) else getattr(wanted, "text", wanted)
    if not values:
        return f"{described} has no {SELECTING[field]}"
    listed = ", ".join(values[:_LISTED]) + (", …" if len(values) > _LISTED else "")
    return f"{described} has no {SELECTING[field]} {text}; available: {listed}"


def machine_text(virtual: Variable) -> str:
    """``this machine has __glibc 2.39``, that it has none, or which systems have it."""
    candidates = virtual.candidates
    assert candidates is not None
    version = candidates.table.versions[0] if candidates.size else ""
    if not candidates.size and virtual.name in _SYSTEMS:
        return f"only {_SYSTEMS[virtual.name]} has it"
    return (
        f"this machine has {virtual.name} {version}"
        if version
        else f"this machine has no {virtual.name}"
    )


def variable_text(name: str) -> str:
    """What a variable of the search stands for: ``numpy``, ``dask[complete]``."""
    if not name.startswith(PYPI):
        return name
    return name.partition("[")[2].removesuffix("]")
