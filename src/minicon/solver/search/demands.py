"""Demands: a request in the terms of the search, each demand with its origin."""

from __future__ import annotations

from enum import Enum

from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass, field, replace
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.version import python_minor
from minicon.solver.candidates.candidate_table import feature_name
from minicon.solver.request import UpdatePolicy
from minicon.solver.search.clauses import Demand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.request import SolveRequest


#: Fields of a spec that name versions and builds.
_EXACT = ("version", "build", "build_number", "fn", "url", "md5", "sha256")


class Kind(Enum):
    """What a demand comes from."""

    SPEC = "spec"
    """A spec of this request."""
    HISTORY = "history"
    """A spec of an earlier request."""
    PIN = "pin"
    CONSTRAINT = "constraint"
    INSTALLED = "installed"
    """An installed package that must not change."""
    PYTHON_MINOR = "python minor"
    """Python's minor version, which stays unless the request names python."""
    REMOVAL = "removal"
    WHEEL = "wheel"
    """A requirement of something from PyPI."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a demand comes from.

    Attributes:
        kind: What it comes from.
        text: The spec as its author wrote it.
        spec: The spec; None if the demand is not one.
        loose: For a requirement on a Python project, the variable that stands for any version.
    """

    kind: Kind
    text: str
    spec: MatchSpec | None = None
    loose: str | None = None

    @property
    def sentence(self) -> str:
        """The demand as a sentence: ``you requested numpy <2``."""
        return _SENTENCES[self.kind].format(self.text)


_SENTENCES = {
    Kind.SPEC: "you requested {}",
    Kind.HISTORY: "you requested {} earlier",
    Kind.PIN: "{} is pinned",
    Kind.CONSTRAINT: "{} is a constraint",
    Kind.INSTALLED: "{} is installed and must not change",
    Kind.PYTHON_MINOR: "{} is installed and keeps its minor version unless you name python",
    Kind.REMOVAL: "{} is to be removed",
    Kind.WHEEL: "{}",
}


@dataclass(slots=True)
class Goal:
    """What a search has to find.

    Attributes:
        demands: Demands that must be met.
        direct: Names to decide first, in the user's order.
        preferred: Per name, the candidates to choose if possible (the installed one).
        keep: Names to keep in the environment if possible, even if nothing requires them.
        projects: Names to decide after the direct ones, in this order, where they are required.
        builds: Whether to build what has to be built to know what it requires.
    """

    demands: list[Demand] = field(default_factory=list)
    direct: list[str] = field(default_factory=list)
    preferred: dict[str, int] = field(default_factory=dict)
    keep: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)
    builds: bool = True


def goal_of(request: SolveRequest, source: CandidateSource, specs: Iterable[MatchSpec]) -> Goal:
    """What a request demands of conda packages.

    Args:
        request: The request.
        source: Its candidates.
        specs: Its specs, without those that PyPI has to meet.

    Raises:
        SpecError: ``inexact-name``: a spec does not name one package.
    """
    goal = Goal()
    named = _add_specs(goal, source, specs, Kind.SPEC)
    goal.direct = list(named)
    installed = [
        each.name
        for each in request.installed
        if source.installed_position(each.name) is not None and not _is_removed(request, each.name)
    ]
    history = [
        _still_met(spec, source)
        for spec in request.history
        if spec.exact_name in installed and spec.exact_name not in named
    ]
    earlier = _add_specs(goal, source, history, Kind.HISTORY)
    if request.update_policy is UpdatePolicy.UPDATE_ALL:
        goal = with_updated(goal, source, installed)
    _add_constraints(goal, source, request)
    _add_installed(goal, source, request, [name for name in installed if name not in named])
    if request.update_policy is UpdatePolicy.UPDATE_ALL:
        goal.direct += [name for name in earlier if name not in named]
    return goal


def _name_of(spec: MatchSpec) -> str:
    if spec.exact_name is None:
        raise SpecError(
            "inexact-name",
            f"{str(spec)!r} does not name one package",
            hint="write the package's full name; search lists what a pattern matches",
        )
    return spec.exact_name


def _add_specs(
    goal: Goal, source: CandidateSource, specs: Iterable[MatchSpec], kind: Kind
) -> dict[str, None]:
    names: dict[str, None] = {}
    for spec in specs:
        origin = Origin(kind, str(spec), spec)
        if spec.track_features and spec.exact_name is None and spec.name.matches_all:
            parts = [feature_name(feature) for feature in spec.track_features]
            goal.demands += [Demand(part, source.candidates(part).all, origin) for part in parts]
            continue
        name = _name_of(spec)
        if spec.when is not None:
            goal.demands.append(Demand(source.conditional(spec), 1, origin))
            continue
        candidates = source.candidates(name)
        goal.demands.append(Demand(name, candidates.matching_spec(spec), origin))
        for extra in spec.extras:
            part = f"{name}[{extra}]"
            goal.demands.append(Demand(part, source.candidates(part).all, origin))
        names[name] = None
    return names


def _is_removed(request: SolveRequest, name: str) -> bool:
    return any(spec.name.matches(name) for spec in request.removals)


def _still_met(spec: MatchSpec, source: CandidateSource) -> MatchSpec:
    """A spec of an earlier request; only its name if the environment breaks it already."""
    name = _name_of(spec)
    if source.is_installed(name, str(spec)):
        return spec
    if not spec.applies(source.is_installed):
        return spec
    return MatchSpec.from_fields(name=name)


def by_name(spec: MatchSpec) -> MatchSpec:
    """A spec of an earlier request without versions and builds.

    The channel, extras and condition that the user requested stay.
    """
    return spec.replace(**dict.fromkeys(_EXACT))


def or_newer(spec: MatchSpec, installed: str) -> MatchSpec:
    """A spec of an earlier request as it applies to a package that is updated.

    As in conda, an update goes beyond the versions that were requested first. It does not go below
    them.

    Args:
        spec: The spec.
        installed: The installed version.
    """
    loose = by_name(spec)
    if loose == spec:
        return spec
    allowed = f">={installed}" if spec.version is None else f"{spec.version}|>{installed}"
    return loose.replace(version=allowed)


def with_updated(goal: Goal, source: CandidateSource, names: Container[str]) -> Goal:
    """A goal that updates some more installed packages, whatever was requested earlier."""
    demands = [_or_newer(demand, source, names) for demand in goal.demands]
    preferred = {name: mask for name, mask in goal.preferred.items() if name not in names}
    return replace(goal, demands=demands, preferred=preferred)


def _or_newer(demand: Demand, source: CandidateSource, names: Container[str]) -> Demand:
    origin = demand.origin
    if not isinstance(origin, Origin) or origin.kind is not Kind.HISTORY or origin.spec is None:
        return demand
    name = _name_of(origin.spec)
    position = source.installed_position(name) if name in names else None
    if position is None:
        return demand
    candidates = source.candidates(name)
    spec = or_newer(origin.spec, candidates.table.versions[position])
    if spec.when is not None:
        return Demand(source.conditional(spec), 1, origin)
    return Demand(name, candidates.matching_spec(spec), origin) if demand.name == name else demand


def _add_constraints(goal: Goal, source: CandidateSource, request: SolveRequest) -> None:
    """Pins, constraints and removals; the packages that they name may be absent."""
    for specs, kind in ((request.pins, Kind.PIN), (request.constraints, Kind.CONSTRAINT)):
        for spec in specs:
            name = _name_of(spec)
            if spec.when is not None:
                part = source.conditional(spec, optional=True)
                goal.demands.append(Demand(part, 1, Origin(kind, str(spec), spec)))
                continue
            candidates = source.candidates(name)
            allowed = candidates.matching_spec(spec) | 1 << candidates.size
            goal.demands.append(Demand(name, allowed, Origin(kind, str(spec), spec)))
    for spec in request.removals:
        removed = spec.exact_name
        if removed is not None:
            absent = 1 << source.candidates(removed).size
            goal.demands.append(Demand(removed, absent, Origin(Kind.REMOVAL, str(spec), spec)))


def _add_installed(
    goal: Goal, source: CandidateSource, request: SolveRequest, names: list[str]
) -> None:
    """Keep installed packages that the request does not name, as the update policy says."""
    policy = request.update_policy
    for name in names:
        position = source.installed_position(name)
        assert position is not None
        candidates = source.candidates(name)
        goal.keep.append(name)
        if policy is not UpdatePolicy.UPDATE_ALL:
            goal.preferred[name] = 1 << position
        here = f"{name} {candidates.table.versions[position]}"
        if policy is UpdatePolicy.FREEZE_INSTALLED:
            origin = Origin(Kind.INSTALLED, here)
            goal.demands.append(Demand(name, 1 << position, origin))
        elif name == "python":
            minor = python_minor(candidates.table.versions[position])
            spec = MatchSpec.from_fields(name="python", version=f"{minor}.*")
            allowed = candidates.matching_spec(spec) | 1 << candidates.size
            origin = Origin(Kind.PYTHON_MINOR, here, spec)
            goal.demands.append(Demand("python", allowed, origin))
