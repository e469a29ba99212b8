"""Why a package is there, and why another could not be.

::

    requested specs ─┐
    DependencyGraph ─┴─> chains: what was asked for → … → the package
    Prefix + SPEC ─────> solve ─> what would change, or the solver's explanation
"""

from __future__ import annotations

from itertools import islice

from minicon.api.inspect.dependency_graph import DependencyGraph
from minicon.constants import CONDA_META
from minicon.errors import PrefixError, SolveError
from minicon.lean_dataclasses import dataclass, field
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.site_packages import installed_packages
from minicon.prefix.plan.transaction import PIP_BUILD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from minicon.api.inspect.dependency_graph import Dependency
    from minicon.api.plan.request import Plan
    from minicon.api.services import Services
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord

CHAINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One way from something that was asked for to a package.

    Attributes:
        requested: The spec that was asked for.
        steps: The dependencies in between; none if the package itself was asked for.
    """

    requested: str
    steps: tuple[Dependency, ...]

    @property
    def specs(self) -> tuple[str, ...]:
        """The spec of every edge, what was asked for first."""
        return (self.requested, *(step.spec for step in self.steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a package is in an environment.

    Attributes:
        chains: Shortest first.
        has_more: Whether there are more chains than were asked for.
        needed_by: Every package that needs it directly.
        note: A sentence where no chain explains it.
    """

    record: PrefixRecord
    chains: tuple[Chain, ...]
    has_more: bool
    needed_by: tuple[Dependency, ...]
    note: str = ""


def environment_graph(path: Path, *, platform: str) -> DependencyGraph:
    """The dependencies of an environment as it really is.

    Raises:
        PrefixError: It is no environment, or a record cannot be read.
    """
    return DependencyGraph(installed_packages(Prefix(path).require()), platform=platform)


def requested_specs(prefix: Prefix, graph: DependencyGraph) -> dict[str, str]:
    """What was asked for, by package name: by the history, else by the packages' records."""
    recorded = {
        name: record.requested_specs[0]
        for name, record in graph.records.items()
        if record.requested_specs
    }
    return {**recorded, **prefix.requested_specs()}


def why(path: Path, name: str, *, platform: str, limit: int = CHAINS) -> Why:
    """Why a package is in an environment.

    Args:
        path: The environment.
        name: Of the package.
        platform: Subdir of the environment.
        limit: How many chains at most.

    Raises:
        PrefixError: It is not there.
    """
    graph = environment_graph(path, platform=platform)
    record = graph.records.get(name)
    if record is None:
        raise not_installed(path, name, graph)
    requested = requested_specs(Prefix(path), graph)
    ways = list(islice(graph.chains(requested.keys(), name), limit + 1))
    chains = tuple(
        Chain(requested=requested[way[0].parent if way else name], steps=way)
        for way in ways[:limit]
    )
    return Why(
        record=record,
        chains=chains,
        has_more=len(ways) > limit,
        needed_by=graph.needed_by(name),
        note="" if chains else _why_without_chain(path, record, graph),
    )


def not_installed(path: Path, name: str, graph: DependencyGraph) -> PrefixError:
    """The error for a package that an environment does not have."""
    import difflib

    near = difflib.get_close_matches(name, graph.records, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else f"'minicon why-not {name}' asks on"
    return PrefixError("package-not-installed", f"{name} is not in {path}", hint=hint)


def _why_without_chain(path: Path, record: PrefixRecord, graph: DependencyGraph) -> str:
    by_hand = (
        record.record.build == PIP_BUILD and not (path / CONDA_META / record.file_name).exists()
    )
    if by_hand:
        return "pip installed it by hand"
    if record.name == "pip" and "python" in graph.records:
        return "pip comes along with python (setting add_pip_as_python_dependency)"
    return "nothing that was asked for needs it"


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """What stands against a spec in an environment.

    Attributes:
        spec: What was tried: for a bare name, its newest version.
        installed: The package of that name that is there now.
        newest: The newest that the sources offer, where that was looked up.
        error: The solver's answer if it is impossible.
        plan: What would change if it is possible; an empty plan means it is so already.
    """

    spec: str
    installed: RepodataRecord | None = None
    newest: RepodataRecord | None = None
    error: SolveError | None = None
    plan: Plan | None = None

    @property
    def is_possible(self) -> bool:
        """Whether the environment could have it."""
        return self.error is None

    @property
    def built_from_source(self) -> tuple[str, ...]:
        """A sentence for each project that pip would have to build, which nobody can try here."""
        from minicon.api.plan.plan_notes import built_notes

        return tuple(built_notes(self.plan.solution.pip_requirements)) if self.plan else ()

    def explanation(self) -> dict[str, Any] | None:
        """The solver's explanation as data: core, sentences and fixes; None if there is none."""
        story = getattr(self.error, "explanation", None)
        if story is None:
            return None
        return {
            "core": list(story.core),
            "sentences": list(story.sentences),
            "fixes": [
                {"text": f.text, "spec": f.spec, "replaces": f.replaces} for f in story.fixes
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNotRequest:
    """A question: the environment, the spec and where to look."""

    path: Path
    spec: str
    channels: tuple[str, ...] = ()
    override_channels: bool = False
    options: dict[str, Any] = field(default_factory=dict)


def why_not(services: Services, asked: WhyNotRequest) -> WhyNot:
    """Try a spec together with all that was asked for before, and change nothing.

    Raises:
        SpecError: The spec cannot be read.
        ChannelError: A source cannot be asked.
        PrefixError: The environment cannot be read.
    """
    from minicon.api.plan.planning import make_plan
    from minicon.api.plan.request import ChangeRequest

    prefix = Prefix(asked.path).require()
    spec, newest = _spec_to_try(services, asked, prefix)
    there = next((r.record for r in installed_packages(prefix) if r.name == _name(spec)), None)
    request = ChangeRequest(
        action="install",
        prefix=prefix.path,
        specs=(spec,),
        channels=asked.channels,
        override_channels=asked.override_channels,
        override_frozen=True,
        **asked.options,
    )
    try:
        plan = make_plan(services, request)
    except SolveError as error:
        return WhyNot(spec=spec, installed=there, newest=newest, error=error)
    return WhyNot(spec=spec, installed=there, newest=newest, plan=plan)


def _spec_to_try(
    services: Services, asked: WhyNotRequest, prefix: Prefix
) -> tuple[str, RepodataRecord | None]:
    """A bare name asks for its newest version: "why not newer?"."""
    from minicon.api.inspect.searching import search
    from minicon.models.match_spec.spec import MatchSpec

    if asked.spec.startswith("pypi:") or not MatchSpec(asked.spec).is_name_only:
        return asked.spec, None
    python = prefix.python_version()
    found = search(
        services,
        asked.spec,
        channels=asked.channels,
        override=asked.override_channels,
        python=".".join(python.split(".")[:2]) if python else None,
    ).records
    if not found:
        return asked.spec, None
    return f"{found[0].name}=={found[0].version}", found[0]


def _name(spec: str) -> str | None:
    from minicon.prefix.environment.history import spec_name

    return spec_name(spec)
