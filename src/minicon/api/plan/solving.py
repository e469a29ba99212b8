"""Solving without an environment: the function behind :func:`minicon.solve`."""

from __future__ import annotations

from minicon.api.plan.indices import channel_indices
from minicon.api.plan.requirements import limit_of, split_specs
from minicon.api.plan.sources import choose_sources
from minicon.api.services import Services
from minicon.errors import SolveError
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.prefix_record import PrefixRecord
from minicon.models.records import VirtualPackage
from minicon.models.subdir import check_subdir
from minicon.solver.request import ChannelPriority, SolveRequest
from minicon.solver.solver import CondaSolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from minicon.models.records import RepodataRecord
    from minicon.solver.request import Solution


def solve_specs(
    services: Services,
    specs: Sequence[str | MatchSpec],
    *,
    channels: tuple[str, ...],
    virtual_packages: Iterable[str | VirtualPackage] | None,
    installed: Sequence[RepodataRecord | PrefixRecord],
    pins: Sequence[str | MatchSpec],
    constraints: Sequence[str | MatchSpec],
) -> Solution:
    """Ask the sources and solve; arguments and errors as for :func:`minicon.solve`."""
    if virtual_packages is not None:
        facts = tuple(_virtual_package(fact) for fact in virtual_packages)
        services = Services(services.settings, services.reporter, virtual_packages=facts)
    asked = split_specs([text for text in specs if isinstance(text, str)])
    parsed = tuple(spec for spec in specs if isinstance(spec, MatchSpec)) + asked.specs
    sources = choose_sources(
        services.settings,
        channels,
        override=bool(channels),
        is_reachable=services.channel_client.is_reachable,
    )
    wheels_wanted = bool(asked.requirements) or sources.pypi_for_missing_names
    request = SolveRequest(
        specs=parsed,
        requirements=asked.requirements,
        channels=channel_indices(services, sources, parsed),
        wheels=services.wheel_index() if wheels_wanted and sources.allow_pypi else None,
        wheels_for_missing_names=sources.pypi_for_missing_names,
        installed=tuple(_installed(record) for record in installed),
        pins=tuple(_spec(pin) for pin in pins),
        constraints=tuple(_spec(constraint) for constraint in constraints),
        virtual_packages=services.virtual_packages,
        platform=services.settings.platform,
        channel_priority=ChannelPriority(services.settings.channel_priority),
        exclude_newer=services.age_limits.everywhere,
        exclude_newer_channel=services.age_limits.channels,
        exclude_newer_package=services.age_limits.packages,
        tables=services.table_store,
    )
    return CondaSolver().solve(request)


def solve_for_platforms(
    services: Services, platforms: Sequence[str], question: Callable[[Services], Solution]
) -> dict[str, Solution]:
    """Ask one question for several platforms, in order.

    Raises:
        SolveError: There is no solution for one of them; its context names the platform.
        SpecError: One is not the name of a platform.
    """
    solutions: dict[str, Solution] = {}
    for platform in dict.fromkeys(map(check_subdir, platforms)):
        settings = replace(services.settings, platform=platform)
        try:
            solutions[platform] = question(Services(settings, services.reporter))
        except SolveError as error:
            error.context = f"for {platform}"
            raise
    return solutions


def _spec(text: str | MatchSpec) -> MatchSpec:
    return limit_of(text) if isinstance(text, str) else text


def _virtual_package(fact: str | VirtualPackage) -> VirtualPackage:
    return VirtualPackage.from_text(fact) if isinstance(fact, str) else fact


def _installed(record: RepodataRecord | PrefixRecord) -> PrefixRecord:
    if isinstance(record, PrefixRecord):
        return record
    return PrefixRecord(record, files=(), paths=())
