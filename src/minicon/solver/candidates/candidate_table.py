"""Compiled candidates of a package name: everything that a search needs of its records.

Records are sorted once, best first. What many records share becomes bitsets over their positions:
which of them have a version, which have a dependency. A table is a plain value of integers, bytes
and texts, so it can be stored.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.models.match_spec.spec import parse_dependency, parse_when
from minicon.models.version import version_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import RepodataRecord
    from minicon.solver.candidates.candidate_order import SortKey

#: A dependency text whose name can be found without parsing the rest.
_PLAIN = lazy_pattern(r"([A-Za-z0-9_.-]+)(?:[ <>=!~][^\[:;]*)?")

#: Prefix of variables for specs with a condition.
REQUEST = "(requested) "

#: Prefix of names that no package has, for dependencies that cannot be parsed.
UNREADABLE = "(unreadable) "

#: Prefix of variables for "some package in the environment tracks this feature".
FEATURE = "(feature) "


#: Prefix of variables for Python projects (see joint/project_variables.py).
PYPI = "(pypi) "
REQUIREMENT = f"{PYPI}requirement "
PROJECT = f"{PYPI}project "
WHEELS = f"{PYPI}wheels "
INSTALLED_WHEEL = f"{PYPI}installed "
EXTRA = f"{PYPI}extra "
LIMIT = f"{PYPI}limit "
MISSING = f"{PYPI}no "

#: Two builds are a tie if this many parts of their sort keys are equal (see decisions).
_TIE = 5


class Conditional(NamedTuple):
    """A dependency with a condition (CEP 43).

    Attributes:
        name: The package depended on.
        text: Its MatchSpec.
        premise: Candidates that have the dependency.
        condition: Names and MatchSpecs; the dependency applies if all of them are met.
        optional: True for ``constrains``: the package may also be absent.
    """

    name: str
    text: str
    premise: int
    condition: tuple[tuple[str, str], ...]
    optional: bool = False


class CandidateTable(NamedTuple):
    """The candidates of one name, best first.

    Attributes:
        name: Package name, or ``name[extra]`` for an extra of it.
        size: Number of candidates.
        version_keys: Their distinct versions' sort keys, ascending.
        lower: Where candidates are sorted by version, ``lower[i]`` is the number of those whose
            version is one of the first ``i``: the last ones. Else it is the set of them.
        versions: Per candidate, its version as text.
        builds: Per candidate, its build string.
        build_numbers: Per candidate, its build number.
        ties: Positions at which candidates begin to differ in more than the build string.
        dependencies: (name, MatchSpec text, candidates that have it).
        constrains: The same for ``constrains``.
        conditional: Dependencies with conditions.
        is_sorted: Whether candidates are sorted by version alone, highest first.
    """

    name: str
    size: int
    version_keys: tuple[bytes, ...]
    lower: tuple[int, ...]
    versions: tuple[str, ...]
    builds: tuple[str, ...]
    build_numbers: tuple[int, ...]
    ties: tuple[int, ...]
    dependencies: tuple[tuple[str, str, int], ...]
    constrains: tuple[tuple[str, str, int], ...]
    conditional: tuple[Conditional, ...]
    is_sorted: bool

    def below(self, rank: int) -> int:
        """The candidates whose version is one of the first ``rank``."""
        if not self.is_sorted:
            return self.lower[rank]
        return (1 << self.size) - (1 << self.size - self.lower[rank])


def feature_name(feature: str) -> str:
    """The variable of a feature in the search."""
    return f"{FEATURE}[{feature}]"


def compile_feature(feature: str, providers: Sequence[str]) -> CandidateTable:
    """The table of a feature: one candidate for each package that can track it.

    Args:
        feature: The feature.
        providers: Package names, best first.
    """
    needs = [
        (name, f"{name}[track_features={feature}]", 1 << position)
        for position, name in enumerate(providers)
    ]
    table = plain_table(feature_name(feature), ("0",) * len(providers))
    return table._replace(dependencies=tuple(needs))


#: The sort key of all candidates of a variable that is no package.
_SAME_VERSION = (version_key("0"),)


def plain_table(name: str, versions: Sequence[str]) -> CandidateTable:
    """The table of a variable that is no package: its candidates differ in their dependencies."""
    size = len(versions)
    return CandidateTable(
        name=name,
        size=size,
        version_keys=_SAME_VERSION if size else (),
        lower=(0, size) if size else (0,),
        versions=tuple(versions),
        builds=("",) * size,
        build_numbers=(0,) * size,
        ties=tuple(range(size)),
        dependencies=(),
        constrains=(),
        conditional=(),
        is_sorted=True,
    )


def compile_table(name: str, ordered: Sequence[tuple[SortKey, RepodataRecord]]) -> CandidateTable:
    """Compile sorted records of one name.

    Args:
        name: Package name.
        ordered: From :func:`sort_records`.
    """
    ties: list[int] = []
    last: object = None
    for position, (key, _) in enumerate(ordered):
        if key[:_TIE] != last:
            ties.append(position)
            last = key[:_TIE]
    keys = [key[2] for key, _ in ordered]
    version_keys = sorted({*keys})
    is_sorted = keys == sorted(keys, reverse=True)
    of_version = dict.fromkeys(version_keys, 0)  # numbers of candidates, or sets of them
    for position, version in enumerate(keys):
        of_version[version] += 1 if is_sorted else 1 << position
    records = [record for _, record in ordered]
    depends = _carriers(record.data.get("depends") for record in records)
    plain, conditional = _split_conditional(depends)
    limiting = _carriers(record.data.get("constrains") for record in records)
    broken = {text: limiting.pop(text) for text in [*limiting] if not _is_readable(text)}
    plain += [(unreadable(text), "*", premise) for text, premise in broken.items()]
    constrains, limits = _split_conditional(limiting)
    features = _carriers(r.features if r.data.get("features") else () for r in records)
    plain += [(feature_name(feature), "*", premise) for feature, premise in features.items()]
    return CandidateTable(
        name=name,
        size=len(records),
        version_keys=tuple(version_keys),
        lower=tuple(accumulate(of_version.values(), initial=0)),
        versions=tuple([record.data["version"] for record in records]),
        builds=tuple([key[7] for key, _ in ordered]),
        build_numbers=tuple([key[3] for key, _ in ordered]),
        ties=tuple(ties),
        dependencies=tuple(plain),
        constrains=tuple(constrains),
        conditional=(*conditional, *(each._replace(optional=True) for each in limits)),
        is_sorted=is_sorted,
    )


def compile_request(
    name: str, spec: MatchSpec, *, optional: bool, target: str | None
) -> CandidateTable:
    """The table of a variable whose presence enforces a spec with a condition.

    Args:
        name: Name of the variable.
        spec: The spec.
        optional: True for a pin or constraint: the package may also be absent.
        target: A variable that must be present instead where the condition is met.
    """
    if target is None:
        conditional = _conditional(spec, str(spec), 1)
    else:
        alternatives = parse_when(spec.when or "")
        conditional = [Conditional(target, "*", 1, condition) for condition in alternatives]
    return plain_table(name, ("0",))._replace(
        conditional=tuple(each._replace(optional=optional) for each in conditional)
    )


def with_dependency(table: CandidateTable, name: str) -> CandidateTable:
    """A table whose candidates also depend on a package, in any version."""
    others = [each for each in table.dependencies if each[:2] != (name, name)]
    everything = (1 << table.size) - 1
    return table._replace(dependencies=(*others, (name, name, everything)))


def compile_extra(
    base: CandidateTable, records: Sequence[RepodataRecord], extra: str
) -> CandidateTable:
    """The table of ``name[extra]`` (CEP 44): each candidate requires the same one of ``name``.

    It also has the dependencies of the extra; a build without that extra has none.
    """
    plain, conditional = _split_conditional(
        _carriers(record.extra_depends.get(extra) for record in records)
    )
    itself = [(base.name, f"#{position}", 1 << position) for position in range(base.size)]
    return base._replace(
        name=f"{base.name}[{extra}]",
        dependencies=(*itself, *plain),
        constrains=(),
        conditional=tuple(conditional),
    )


def _carriers(texts: Iterable[Sequence[str] | None]) -> dict[str, int]:
    """Per text, the positions of the records that have it."""
    carriers: dict[str, int] = {}
    bit = 1
    for some in texts:
        for text in some or ():
            carriers[text] = carriers.get(text, 0) | bit
        bit <<= 1
    return carriers


def _split_conditional(
    carriers: Mapping[str, int],
) -> tuple[list[tuple[str, str, int]], list[Conditional]]:
    """Separate dependencies without and with a condition, and add those on extras."""
    plain: list[tuple[str, str, int]] = []
    conditional: list[Conditional] = []
    for text, premise in carriers.items():
        name = _plain_name(text)
        if name is not None:
            plain.append((name, text, premise))
            continue
        try:
            spec = parse_dependency(text)
        except SpecError:
            plain.append((unreadable(text), "*", premise))
            continue
        if spec.when is None:
            plain += [(name, wanted, premise) for name, wanted in targets_of(spec, text)]
        else:
            conditional += _conditional(spec, text, premise)
    return plain, conditional


def _conditional(spec: MatchSpec, text: str, premise: int) -> list[Conditional]:
    """A dependency with a condition, once for each alternative of the condition."""
    return [
        Conditional(name, wanted, premise, condition)
        for name, wanted in targets_of(spec, text)
        for condition in parse_when(spec.when or "")
    ]


def dependency_name(text: str) -> str:
    """The package that a dependency is on."""
    name = _plain_name(text)
    if name is not None:
        return name
    try:
        return parse_dependency(text).exact_name or unreadable(text)
    except SpecError:
        return unreadable(text)


@lru_cache(maxsize=65536)
def _plain_name(text: str) -> str | None:
    """The package that a plain dependency is on; None if it has to be parsed for that.

    Cached, since most texts are in many tables.
    """
    simple = _PLAIN.fullmatch(text)
    return simple.group(1).lower() if simple is not None else None


@lru_cache(maxsize=65536)
def _is_readable(text: str) -> bool:
    """Whether a constraint names one package and can be parsed."""
    try:
        return parse_dependency(text).exact_name is not None
    except SpecError:
        return False


def unreadable(text: str) -> str:
    """A name that no package has, so that records with an invalid dependency are not chosen."""
    return f"{UNREADABLE}{text}"


def targets_of(spec: MatchSpec, text: str) -> list[tuple[str, str]]:
    """The variables that a dependency is on: the package, and each extra that it names."""
    name = spec.exact_name
    if name is None:
        return [(unreadable(text), "*")]
    return [(name, text), *((f"{name}[{extra}]", "*") for extra in spec.extras or ())]
