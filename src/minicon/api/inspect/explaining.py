"""Explain why a package is installed, and why another version cannot be.

::

    requested specs ─┐
    DependencyGraph ─┴─> chains: requested package → … → the package
    Prefix + spec ─────> solve ─> the changes, or the solver's explanation
"""

from __future__ import annotations

from itertools import islice

from minicon.api.dependency_graph import DependencyGraph
from minicon.constants import PYPI_PREFIX
from minicon.errors import PrefixError, SolveError
from minicon.lean_dataclasses import dataclass, replace
from minicon.prefix.environment.origins import requested_specs as requests_in
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.site_packages import installed_name, installed_packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from minicon.api.dependency_graph import Dependency
    from minicon.api.plan.request import Plan
    from minicon.api.services import Services
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord

_MOST_CHAINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One chain of dependencies from a requested package to a package.

    Attributes:
        requested: The requested spec.
        steps: The dependencies in between; none if the package itself was requested.
    """

    requested: str
    steps: tuple[Dependency, ...]

    @property
    def specs(self) -> tuple[str, ...]:
        """The requested spec, then the spec of every dependency."""
        return (self.requested, *(step.spec for step in self.steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a package is in an environment.

    Attributes:
        record: The package.
        chains: Shortest first.
        has_more: Whether there are more chains than the limit.
        needed_by: Every direct dependent.
        note: An explanation if there is no chain.
    """

    record: PrefixRecord
    chains: tuple[Chain, ...]
    has_more: bool
    needed_by: tuple[Dependency, ...]
    note: str = ""


def environment_graph(path: Path, *, platform: str) -> DependencyGraph:
    """Return the dependencies of an environment, changes by pip included.

    Raises:
        PrefixError: It is not an environment, or a record cannot be read.
    """
    return DependencyGraph(installed_packages(Prefix(path).require()), platform=platform)


def requested_specs(prefix: Prefix, graph: DependencyGraph) -> dict[str, str]:
    """Return the requested specs by package name: from the history, else from the records."""
    recorded = {
        name: record.requested_specs[0]
        for name, record in graph.records.items()
        if record.requested_specs
    }
    of_history = prefix.requested_specs()
    return {**recorded, **requests_in(prefix, graph.records.values(), of_history)}


def why(path: Path, name: str, *, platform: str, limit: int = _MOST_CHAINS) -> Why:
    """Explain why a package is in an environment.

    Args:
        path: The environment.
        name: Package name.
        platform: Subdir of the environment.
        limit: Most chains to return.

    Raises:
        PrefixError: It is not installed.
    """
    graph = environment_graph(path, platform=platform)
    name = name_in(graph, path, name)
    record = graph.records[name]
    requested = requested_specs(Prefix(path), graph)
    found = list(islice(graph.chains(requested.keys(), name), limit + 1))
    chains = tuple(
        Chain(requested=requested[steps[0].parent if steps else name], steps=steps)
        for steps in found[:limit]
    )
    return Why(
        record=record,
        chains=chains,
        has_more=len(found) > limit,
        needed_by=graph.dependents(name),
        note="" if chains else _reason_without_chain(record, graph),
    )


def name_in(graph: DependencyGraph, path: Path, name: str) -> str:
    """Return the name under which a package is installed in an environment.

    Args:
        graph: The environment's dependencies.
        path: The environment.
        name: As the user writes it.

    Raises:
        PrefixError: The package is not installed.
    """
    from minicon.models.near_names import meant

    name = installed_name(name.lower(), graph.records)
    if name in graph.records:
        return name
    hint = meant(name, graph.records, f"try 'minicon why-not {name}'")
    raise PrefixError("package-not-installed", f"{name} is not installed in {path}", hint=hint)


def _reason_without_chain(record: PrefixRecord, graph: DependencyGraph) -> str:
    if record.record.is_installed_by_pip:
        return "it was installed with pip"
    if record.name == "pip" and "python" in graph.records:
        return "pip is added to python (setting add_pip_as_python_dependency)"
    return "no requested package depends on it"


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """Whether a spec can be installed in an environment, and why not.

    Attributes:
        spec: The spec that was tried: for a bare name, its newest version.
        installed: The installed package of that name.
        newest: The newest record in the sources, if it was looked up.
        requested: The spec of the earlier request that excludes the newest; None if none does.
        error: The solver's error if it is impossible.
        plan: The changes if it is possible; an empty plan if it is installed already.
    """

    spec: str
    installed: RepodataRecord | None = None
    newest: RepodataRecord | None = None
    requested: str | None = None
    error: SolveError | None = None
    plan: Plan | None = None

    @property
    def is_possible(self) -> bool:
        """Whether the spec can be installed."""
        return self.error is None

    @property
    def built_from_source(self) -> tuple[str, ...]:
        """A sentence for each project that pip would have to build, which was not tried."""
        from minicon.api.plan.planning import build_notes

        return tuple(build_notes(self.plan.solution.pip_requirements)) if self.plan else ()

    def explanation(self) -> dict[str, Any] | None:
        """Return the solver's explanation as data: core, sentences and fixes; None without one."""
        found = getattr(self.error, "explanation", None)
        if found is None:
            return None
        return {
            "core": list(found.core),
            "sentences": list(found.sentences),
            "fixes": [
                {"text": f.text, "spec": f.spec, "replaces": f.replaces} for f in found.fixes
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNotRequest:
    """The environment, the spec to try, and the sources of the solve."""

    path: Path
    spec: str
    channels: tuple[str, ...] = ()
    override_channels: bool = False


def why_not(services: Services, wanted: WhyNotRequest) -> WhyNot:
    """Solve a spec together with the environment's requested specs, without changing anything.

    Raises:
        SpecError: The spec cannot be parsed.
        ChannelError: A source cannot be reached.
        PrefixError: The environment cannot be read.
    """
    from minicon.api.plan.environment_requests import make_request
    from minicon.api.plan.planning import make_plan
    from minicon.models.match_spec.spec import MatchSpec

    prefix = Prefix(wanted.path).require()
    spec, newest = _spec_to_try(services, wanted, prefix)
    installed = next((r.record for r in installed_packages(prefix) if r.name == _name(spec)), None)
    request = make_request(
        services,
        "install",
        prefix.path,
        (spec,),
        channels=wanted.channels,
        override_channels=wanted.override_channels,
        override_frozen=True,
    )
    try:
        plan = make_plan(services, request)
    except SolveError as error:
        if installed is not None:
            _leave_out_what_is_there(error, spec, installed)
        return WhyNot(spec=spec, installed=installed, newest=newest, error=error)
    earlier = prefix.requested_specs().get(newest.name) if newest and installed else None
    excludes = earlier and newest and not MatchSpec(earlier).matches(newest)
    requested = earlier if excludes else None
    return WhyNot(spec=spec, installed=installed, newest=newest, requested=requested, plan=plan)


def _leave_out_what_is_there(error: SolveError, spec: str, installed: RepodataRecord) -> None:
    """Drop the fix that is to write a spec that the installed package matches."""
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.solver.explain.explanation import ConflictError

    if not isinstance(error, ConflictError) or spec.startswith(PYPI_PREFIX):
        return
    tried, explanation = str(MatchSpec(spec)), error.explanation
    fixes = tuple(
        fix
        for fix in explanation.fixes
        if fix.replaces != tried or fix.spec is None or not MatchSpec(fix.spec).matches(installed)
    )
    if fixes != explanation.fixes:
        error.explanation = replace(explanation, fixes=fixes)
        error.hint = error.explanation.hint


def _spec_to_try(
    services: Services, wanted: WhyNotRequest, prefix: Prefix
) -> tuple[str, RepodataRecord | None]:
    """Return the spec, and for a bare name its newest version with that version's record.

    A bare name of an installed wheel that no channel has means the newest release.
    """
    from minicon.api.inspect.searching import search
    from minicon.models.match_spec.spec import MatchSpec

    if wanted.spec.startswith(PYPI_PREFIX) or not MatchSpec(wanted.spec).is_name_only:
        return wanted.spec, None
    found = search(
        services,
        wanted.spec,
        channels=wanted.channels,
        override=wanted.override_channels,
    ).records
    if not found:
        name, there = wanted.spec.lower(), installed_packages(prefix)
        is_wheel = any(each.name == name and each.record.source == "pypi" for each in there)
        return f"{PYPI_PREFIX}{name}" if is_wheel else wanted.spec, None
    return f"{found[-1].name}=={found[-1].version}", found[-1]


def _name(spec: str) -> str | None:
    from minicon.prefix.environment.history import spec_name

    return spec_name(spec)
