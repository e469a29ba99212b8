"""From a ChangeRequest to a Plan: ask the sources, solve, decide every link and unlink.

::

    ChangeRequest ─ specs, requirements ─┐
    Sources ─────── record indices ──────┼─> SolveRequest ─> Solution ─> Transaction ─> Plan
    Prefix ──────── installed, pins ─────┘

Nothing here touches the environment.
"""

from __future__ import annotations

from minicon.api.explicit import clone_solution, explicit_entries, explicit_solution
from minicon.api.indices import channel_indices
from minicon.api.preparation import found_interpreters
from minicon.api.request import Plan
from minicon.api.requirements import split_specs
from minicon.api.sources import Sources, choose_sources
from minicon.errors import PrefixError, SolveError
from minicon.models.match_spec import MatchSpec
from minicon.prefix.prefix import Prefix
from minicon.prefix.site_packages import installed_packages
from minicon.prefix.transaction import make_transaction
from minicon.solver.request import (
    ChannelPriority,
    Solution,
    SolveRequest,
    Strategy,
    UpdatePolicy,
)
from minicon.solver.resolvelib_solver import CondaSolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.api.request import ChangeRequest
    from minicon.api.services import Services
    from minicon.models.prefix_record import PrefixRecord


def make_plan(services: Services, request: ChangeRequest) -> Plan:
    """Decide everything that a request means.

    Raises:
        SolveError: No set of packages does what was asked; the text says why and what would.
        ChannelError: A source cannot be asked.
        SpecError: A spec cannot be read.
        PrefixError: The environment is frozen, or cannot be read.
    """
    prefix = Prefix(request.prefix)
    _refuse_frozen(prefix, request)
    there = installed_packages(prefix) if prefix.is_environment else ()
    installed = () if request.action == "create" else there
    sources = _sources(services, request)
    solution = _solution(services, request, sources, prefix, installed)
    return _plan(services, request, sources, prefix, there, solution)


def _refuse_frozen(prefix: Prefix, request: ChangeRequest) -> None:
    message = prefix.frozen_message()
    if message is not None and not request.override_frozen:
        raise PrefixError(
            "environment-frozen",
            f"{prefix.path} must not be changed: {message}",
            hint="--override-frozen changes it all the same",
        )


def _sources(services: Services, request: ChangeRequest) -> Sources:
    return choose_sources(
        services.settings,
        request.channels,
        override=request.override_channels,
        is_reachable=services.channel_client.is_reachable,
    )


def _solution(
    services: Services,
    request: ChangeRequest,
    sources: Sources,
    prefix: Prefix,
    installed: tuple[PrefixRecord, ...],
) -> Solution:
    explicit = request.explicit or explicit_entries(request.specs)
    if explicit:
        return explicit_solution(services, explicit, installed)
    if request.clone_of is not None:
        return clone_solution(request.clone_of)
    solve_request = make_solve_request(services, request, sources, prefix, installed)
    task = services.reporter.start("solve", "environment", None, unit="steps")
    try:
        return CondaSolver().solve(solve_request)
    except SolveError as error:
        error.context = error.context or _where_was_looked(services, request, sources)
        raise
    finally:
        task.finish()


def make_solve_request(
    services: Services,
    request: ChangeRequest,
    sources: Sources,
    prefix: Prefix,
    installed: tuple[PrefixRecord, ...],
) -> SolveRequest:
    """Put specs, sources and the environment's state together as one question."""
    settings = services.settings
    asked = split_specs(request.specs, request.pip_lines, environ=services.environ)
    removing = request.action == "remove"
    pins = (*settings.pinned_packages, *prefix.pinned_specs()) if request.use_pins else ()
    wheels_wanted = bool(asked.requirements) or sources.pypi_for_missing_names
    history = {} if request.prune or request.action == "create" else prefix.requested_specs()
    return SolveRequest(
        specs=() if removing else asked.specs,
        removals=asked.specs if removing else (),
        requirements=asked.requirements,
        channels=channel_indices(services, sources, asked.specs),
        wheels=services.wheel_index(asked.from_pip)
        if wheels_wanted and sources.allow_pypi
        else None,
        wheels_for_missing_names=sources.pypi_for_missing_names,
        installed=() if request.prune else installed,
        history=tuple(MatchSpec(text) for text in history.values()),
        pins=tuple(MatchSpec(text) for text in pins),
        virtual_packages=services.virtual_packages,
        platform=settings.platform,
        channel_priority=ChannelPriority(settings.channel_priority),
        update_policy=UpdatePolicy(request.update_policy),
        strategy=Strategy.LOWEST if request.lowest else Strategy.HIGHEST,
        exclude_newer=services.exclude_newer,
        no_deps=request.no_deps,
        only_deps=request.only_deps,
        force_reinstall=request.force_reinstall,
        add_pip=settings.add_pip_as_python_dependency,
    )


def _plan(
    services: Services,
    request: ChangeRequest,
    sources: Sources,
    prefix: Prefix,
    there: tuple[PrefixRecord, ...],
    solution: Solution,
) -> Plan:
    specs = tuple(request.specs)
    names = {MatchSpec(text).exact_name for text in specs if not text.startswith("pypi:")}
    transaction = make_transaction(
        prefix,
        solution,
        platform=services.settings.platform,
        installed=there,
        update_specs=() if request.action == "remove" else specs,
        remove_specs=specs if request.action == "remove" else (),
        reinstall={name for name in names if name} if request.force_reinstall else (),
    )
    fetch = tuple(r for r in transaction.link if services.package_cache.find(r) is None)
    return Plan(
        request=request,
        transaction=transaction,
        solution=solution,
        fetch=fetch,
        channels=sources.names,
        notes=tuple(
            f"{channel.name} cannot be reached: using {' and '.join(sources.names)} instead"
            for channel in sources.skipped
        ),
    )


def _where_was_looked(services: Services, request: ChangeRequest, sources: Sources) -> str:
    """Names of the sources; where python was asked for, which interpreters there are."""
    looked = f"looked in {', '.join(sources.names) or 'no source'}"
    if sources.use_host and any(_names_python(text) for text in request.specs):
        looked += f"; of python {found_interpreters(services)}"
    return looked


def _names_python(text: str) -> bool:
    return not text.startswith("pypi:") and MatchSpec(text).exact_name == "python"
