"""Roots: what a request demands, in the terms of the search."""

from __future__ import annotations

from enum import Enum

from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass, field
from minicon.models.match_spec.spec import MatchSpec
from minicon.solver.candidates.candidate_table import feature_name
from minicon.solver.request import UpdatePolicy
from minicon.solver.search.clauses import Root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.request import SolveRequest


@dataclass(slots=True)
class Demands:
    """One question to the search.

    Attributes:
        roots: What must hold.
        direct: Names to settle first, in the user's order.
        preferred: Per name, the candidates that it should stay at.
        keep: Names that should stay in the environment even when nothing needs them.
    """

    roots: list[Root] = field(default_factory=list)
    direct: list[str] = field(default_factory=list)
    preferred: dict[str, int] = field(default_factory=dict)
    keep: list[str] = field(default_factory=list)


def demands_of(
    request: SolveRequest, source: CandidateSource, specs: Iterable[MatchSpec]
) -> Demands:
    """What a request demands of the conda side.

    Args:
        request: The request.
        source: Its candidates.
        specs: Those of its specs that channels are to meet (not PyPI).
    """
    demands = Demands()
    named = _add_specs(demands, source, specs, Kind.SPEC)
    demands.direct = list(named)
    installed = [
        each.name
        for each in request.installed
        if source.installed_position(each.name) is not None and not _is_removed(request, each.name)
    ]
    history = [
        _loosened(spec, source)
        for spec in request.history
        if spec.exact_name in installed and spec.exact_name not in named
    ]
    remembered = _add_specs(demands, source, history, Kind.HISTORY)
    _add_limits(demands, source, request)
    _add_installed(demands, source, request, [name for name in installed if name not in named])
    if request.update_policy is UpdatePolicy.UPDATE_ALL:
        demands.direct += [name for name in remembered if name not in named]
    return demands


def _name_of(spec: MatchSpec) -> str:
    if spec.exact_name is None:
        raise SpecError(
            "inexact-name",
            f"{str(spec)!r} does not name one package",
            hint="write the package's full name; search lists what a pattern matches",
        )
    return spec.exact_name


def _add_specs(
    demands: Demands, source: CandidateSource, specs: Iterable[MatchSpec], kind: Kind
) -> dict[str, None]:
    names: dict[str, None] = {}
    for spec in specs:
        origin = Origin(kind, str(spec), spec)
        if spec.track_features and spec.exact_name is None and spec.name.matches_all:
            parts = [feature_name(feature) for feature in spec.track_features]
            demands.roots += [Root(part, source.candidates(part).all, origin) for part in parts]
            continue
        name = _name_of(spec)
        if spec.when is not None:
            demands.roots.append(Root(source.conditional(spec), 1, origin))
            continue
        candidates = source.candidates(name)
        demands.roots.append(Root(name, candidates.matching_spec(spec), origin))
        for extra in spec.extras:
            part = f"{name}[{extra}]"
            demands.roots.append(Root(part, source.candidates(part).all, origin))
        names[name] = None
    return names


def _is_removed(request: SolveRequest, name: str) -> bool:
    return any(spec.name.matches(name) for spec in request.removals)


def _loosened(spec: MatchSpec, source: CandidateSource) -> MatchSpec:
    """An earlier request; its name only if the environment breaks it already."""
    name = _name_of(spec)
    if source.is_installed(name, str(spec)):
        return spec
    if spec.when is not None:
        from minicon.models.match_spec.condition import holds

        if not holds(spec.when, source.is_installed):
            return spec
    return MatchSpec.from_fields(name=name)


def _add_limits(demands: Demands, source: CandidateSource, request: SolveRequest) -> None:
    """Pins and constraints: they hold for a package if it is there at all."""
    for specs, kind in ((request.pins, Kind.PIN), (request.constraints, Kind.CONSTRAINT)):
        for spec in specs:
            name = _name_of(spec)
            if spec.when is not None:
                part = source.conditional(spec, optional=True)
                demands.roots.append(Root(part, 1, Origin(kind, str(spec), spec)))
                continue
            candidates = source.candidates(name)
            allowed = candidates.matching_spec(spec) | 1 << candidates.size
            demands.roots.append(Root(name, allowed, Origin(kind, str(spec), spec)))
    for spec in request.removals:
        gone = spec.exact_name
        if gone is not None:
            absent = 1 << source.candidates(gone).size
            demands.roots.append(Root(gone, absent, Origin(Kind.REMOVAL, str(spec), spec)))


def _add_installed(
    demands: Demands, source: CandidateSource, request: SolveRequest, names: list[str]
) -> None:
    """Installed packages that nobody named stay, as the update policy says."""
    policy = request.update_policy
    for name in names:
        position = source.installed_position(name)
        assert position is not None
        candidates = source.candidates(name)
        demands.keep.append(name)
        if policy is not UpdatePolicy.UPDATE_ALL:
            demands.preferred[name] = 1 << position
        here = f"{name} {candidates.table.versions[position]}"
        if policy is UpdatePolicy.FREEZE_INSTALLED:
            origin = Origin(Kind.INSTALLED, here)
            demands.roots.append(Root(name, 1 << position, origin))
        elif name == "python":
            minor = ".".join(candidates.table.versions[position].split(".")[:2])
            spec = MatchSpec.from_fields(name="python", version=f"{minor}.*")
            allowed = candidates.matching_spec(spec) | 1 << candidates.size
            origin = Origin(Kind.PYTHON_MINOR, here, spec)
            demands.roots.append(Root("python", allowed, origin))


class Kind(Enum):
    """The ways in which something can be demanded."""

    SPEC = "spec"
    """The user typed it now."""
    HISTORY = "history"
    """The user asked for it earlier."""
    PIN = "pin"
    CONSTRAINT = "constraint"
    INSTALLED = "installed"
    """It is installed and must not change."""
    PYTHON_MINOR = "python minor"
    """Python's minor version stays unless python is named."""
    REMOVAL = "removal"
    WHEEL = "wheel"
    """Something from PyPI needs it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One demand.

    Attributes:
        kind: Which way it came.
        text: The spec as its author wrote it.
        spec: The spec, where it is one.
    """

    kind: Kind
    text: str
    spec: MatchSpec | None = None

    @property
    def sentence(self) -> str:
        """What it says, for an explanation: ``you asked for numpy <2``."""
        return _SENTENCES[self.kind].format(self.text)


_SENTENCES = {
    Kind.SPEC: "you asked for {}",
    Kind.HISTORY: "you asked earlier for {}",
    Kind.PIN: "{} is pinned",
    Kind.CONSTRAINT: "{} is a constraint",
    Kind.INSTALLED: "{} is installed and must not change",
    Kind.PYTHON_MINOR: "{} is installed and keeps its minor version unless you name python",
    Kind.REMOVAL: "{} is to be removed",
    Kind.WHEEL: "{}",
}
